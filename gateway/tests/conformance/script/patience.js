// What the scripts beside this one wait with: nothing is waited for in vain, or for ever.
"use strict";

// Longer than a loaded machine takes.
const STEP_MS_MAX = 60_000;

// The arguments of the next `event` of `socket`.
function once(socket, event) {
  return within(new Promise((resolve) => socket.once(event, (...list) => resolve(list))), event);
}

// What `promise` brings, or an error that says what did not come in time.
function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain: ${what}`)), STEP_MS_MAX);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// Runs a script to its end, whatever connections it leaves open; for so long at most, if that is said.
function run(main, ms) {
  if (ms !== undefined) setTimeout(() => fail(new Error(`not done after ${ms} ms`)), ms).unref();
  main().then(() => process.exit(0), fail);
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

module.exports = { once, within, run, fail };

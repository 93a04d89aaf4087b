// A stock client of Engine.IO 3 has the conversation of its time with the echo application.
//
// usage: legacy.js BASE_URL PACKAGE TRANSPORTS
"use strict";

const assert = require("node:assert/strict");

const { once, run, within } = require("./patience");

const [base, name, transports] = process.argv.slice(2);
const io = require(name);
const OPTIONS = { forceNew: true, reconnection: false, transports: transports.split(",") };

run(main);

async function main() {
  const root = io(base, OPTIONS);
  // The root namespace is joined unasked, and has no auth object.
  assert.deepEqual(await once(root, "auth"), [{}]);
  const bytes = Buffer.from([0, 1, 30, 255]);
  const lists = [[], [1, "2", { 3: [true, null] }], ["Zoë 👋 \u0000 \u001e"], ["é".repeat(20_000)]];
  for (const list of [...lists, [bytes, { of: [bytes] }]]) {
    root.emit("message", ...list);
    assert.deepEqual(await once(root, "message-back"), list);
  }
  const answer = new Promise((resolve) => root.emit("message-with-ack", 1, bytes, (...list) => resolve(list)));
  assert.deepEqual(await within(answer, "an ack"), [1, bytes]);
  console.log("shown: the root namespace");

  // Another one is asked for with a query, which takes the place of the auth object.
  const custom = io(`${base}/custom?token=abc`, OPTIONS);
  assert.deepEqual(await once(custom, "auth"), [{ token: "abc" }]);
  custom.emit("message", "x");
  assert.deepEqual(await once(custom, "message-back"), ["x"]);
  custom.close();
  console.log("shown: another namespace");

  const unknown = io(`${base}/random`, OPTIONS);
  assert.deepEqual(await once(unknown, "error"), [{ message: "Invalid namespace" }]);
  unknown.close();
  console.log("shown: unknown namespace");

  // What is said beside the message stands in its place.
  const refused = io(`${base}/custom?refuse=FULL`, OPTIONS);
  assert.deepEqual(await once(refused, "error"), ["FULL"]);
  refused.close();
  console.log("shown: a refusal with data");

  // The client pings; several of its intervals later all is well.
  let beats = 0;
  const third = new Promise((resolve) => root.io.engine.on("pong", () => ++beats === 3 && resolve()));
  await within(third, "three heartbeats");
  root.emit("message", "alive");
  assert.deepEqual(await once(root, "message-back"), ["alive"]);
  root.close();
  console.log("shown: heartbeats");
}

// A stock JavaScript client that the server puts out hears so in the right words, and stays away: at a
// logout, and when its token ends, of which it is told before.
//
// usage: put_out.js BASE_URL TRANSPORTS
//   TRANSPORTS: a comma list such as "polling".
"use strict";

const assert = require("node:assert/strict");
const { io } = require("socket.io-client");

const { run, within } = require("../../conformance/script/patience");
const { at } = require("./rest");

const [base, transports] = process.argv.slice(2);
const { register, rest } = at(base);

run(main);

async function main() {
  const alice = await register("Alice");
  const devices = [await connected(alice)];
  await rest("POST", "/api/v1/auth/logout", 200, { token: alice.token });
  assert.deepEqual(await within(devices[0].end, "the end"), ["io server disconnect"]);
  console.log("shown: a logout");
  devices.push(await connected(await register("Bob")));
  const told = await within(devices[1].end, "the end");
  assert.deepEqual(told, ["session_expired", "io server disconnect"]);
  console.log("shown: a token that ends");
  for (const { socket, heard } of devices) {
    assert.equal(socket.active, false, "it comes back");
    assert.equal(heard.filter((word) => word !== "session_expired").length, 1, `${heard}`);
  }
}

// A client that is signed in; `end` brings what it heard of its end, once there is one.
async function connected({ token }) {
  const options = { forceNew: true, transports: transports.split(","), auth: { token } };
  const socket = io(base, options);
  const heard = [];
  socket.on("session_expired", () => heard.push("session_expired"));
  const end = new Promise((resolve) => {
    socket.on("disconnect", (reason) => {
      heard.push(reason);
      resolve([...heard]);
    });
  });
  await within(new Promise((resolve) => socket.once("connect", resolve)), "connect");
  return { socket, heard, end };
}

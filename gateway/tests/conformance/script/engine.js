// A stock client of Engine.IO alone has everything that it says echoed, text and binary, in order,
// also while it upgrades.
//
// usage: engine.js BASE_URL PACKAGE TRANSPORTS
//   PACKAGE: the folder of a client, such as "engine.io-client" or "engine.io-client-3"
"use strict";

const assert = require("node:assert/strict");

const { once, run, within } = require("./patience");

const [base, name, transports] = process.argv.slice(2);
const client = require(name);
const MESSAGES = 500;

run(main);

async function main() {
  const socket = open();
  const upgrade = transports === "polling,websocket" && once(socket, "upgrade");
  await once(socket, "open");
  // Text as long as a frame's lengths need, and bytes that look like packets.
  const texts = ["", "hello", "Zoë 👋 \u0000", "b", "1", "é".repeat(40_000)];
  const bytes = [[], [0], [4, 1, 2], [30, 255], new Array(70_000).fill(7)];
  for (const message of [...texts, ...bytes.map((list) => Buffer.from(list))]) {
    socket.send(message);
    const [echo] = await once(socket, "message");
    // An empty text is none at all to these clients.
    if (typeof message === "string") assert.equal(echo ?? "", message);
    else assert.deepEqual(Buffer.from(echo), message);
  }
  console.log("shown: text and binary");

  const heard = [];
  const all = new Promise((resolve) => {
    socket.on("message", (echo) => heard.push(typeof echo === "string" ? echo : Buffer.from(echo)[0]) === MESSAGES && resolve());
  });
  // Text and binary by turns, so that one may not overtake the other.
  for (let index = 0; index < MESSAGES; index++) socket.send(index % 2 ? Buffer.from([index % 256]) : `${index}`);
  await within(all, `${MESSAGES} echoes`);
  assert.deepEqual(heard, Array.from({ length: MESSAGES }, (_, index) => (index % 2 ? index % 256 : `${index}`)));
  console.log("shown: order");

  if (upgrade) await upgrade;
  assert.equal(socket.transport.name, transports.split(",").at(-1));
  let beats = 0;
  const third = new Promise((resolve) => {
    // The server pings in one revision, and is pinged in the other.
    socket.on("ping", () => ++beats === 3 && resolve());
  });
  await within(third, "three heartbeats");
  socket.send("alive");
  assert.equal((await once(socket, "message"))[0], "alive");
  console.log("shown: heartbeats");

  const end = once(socket, "close");
  socket.close();
  assert.equal((await end)[0], "forced close");
  console.log("shown: close");
}

function open() {
  const options = { path: "/engine.io/", transports: transports.split(",") };
  return client.Socket ? new client.Socket(base, options) : client(base, options);
}

// What the official suites ask of a server with an echo application, asked by a stock client.
//
// usage: echo.js BASE_URL PACKAGE TRANSPORTS [PARSER]
//   PACKAGE: the folder of a client, such as "socket.io-client" or "socket.io-client-3"
//   TRANSPORTS: a comma list, such as "websocket"
//   PARSER: the folder of another parser than the client's own
"use strict";

const assert = require("node:assert/strict");

const { once, run, within } = require("./patience");

const [base, name, transports, parser] = process.argv.slice(2);
const { io } = require(name);
const OPTIONS = { forceNew: true, reconnection: false, transports: transports.split(",") };
if (parser) OPTIONS.parser = require(parser);

run(main);

async function main() {
  for (const namespace of ["/", "/custom"]) {
    await authIsHandedOver(namespace);
    await messagesComeBack(namespace);
    await acksComeBack(namespace);
    console.log(`shown: ${namespace}`);
  }
  await unknownNamespaceIsRefused();
  await namespacesShareAConnection();
  await heartbeatsKeepItAlive();
  await disconnectsAreHeard();
}

async function authIsHandedOver(namespace) {
  for (const auth of [undefined, { token: "123", nested: { list: [1, null, "two"] } }]) {
    const socket = open(namespace, { auth });
    const [heard] = await once(socket, "auth");
    assert.deepEqual(heard, auth ?? {});
    assert.match(socket.id, /^[\w-]{20}$/);
    socket.disconnect();
  }
}

async function messagesComeBack(namespace) {
  const socket = open(namespace);
  await once(socket, "auth");
  const lists = [[], [1, "2", { 3: [true, null] }], ["Zoë 👋 \u0000 \u001e"], [{ deep: [[[[1.5]]]] }]];
  for (const list of lists) {
    socket.emit("message", ...list);
    assert.deepEqual(await once(socket, "message-back"), list);
  }
  const bytes = Buffer.from([0, 1, 30, 255]);
  for (const list of [[bytes], [1, { of: [bytes, "text", Buffer.alloc(0)] }, Buffer.alloc(50_000, 7)]]) {
    socket.emit("message", ...list);
    assert.deepEqual(await once(socket, "message-back"), list);
  }
  const large = "x".repeat(100_000);
  socket.emit("message", large);
  assert.deepEqual(await once(socket, "message-back"), [large]);
  // Many at once come back in order.
  const answers = new Promise((resolve) => {
    const heard = [];
    socket.on("message-back", (each) => heard.push(each) === 500 && resolve(heard));
  });
  for (let index = 0; index < 500; index++) socket.emit("message", index);
  assert.deepEqual(await within(answers, "500 answers"), Array.from({ length: 500 }, (_, index) => index));
  socket.disconnect();
}

async function acksComeBack(namespace) {
  const socket = open(namespace);
  await once(socket, "auth");
  for (const list of [[], [1, "2", { 3: [false] }], [Buffer.from([1, 2, 3]), { b: Buffer.from([4]) }]]) {
    const answer = new Promise((resolve) =>
      socket.emit("message-with-ack", ...list, (...answered) => resolve(answered)),
    );
    assert.deepEqual(await within(answer, "an ack"), list);
  }
  const answers = Array.from(
    { length: 100 },
    (_, index) => new Promise((resolve) => socket.emit("message-with-ack", index, resolve)),
  );
  const expected = Array.from({ length: 100 }, (_, index) => index);
  assert.deepEqual(await within(Promise.all(answers), "100 acks"), expected);
  socket.disconnect();
}

async function unknownNamespaceIsRefused() {
  const socket = open("/random");
  const [error] = await once(socket, "connect_error");
  assert.equal(error.message, "Invalid namespace");
  assert.equal(error.data, undefined);
  socket.disconnect();
  console.log("shown: unknown namespace");
  const refused = open("/custom", { auth: { refuse: { code: "FULL", after: [1, 2] } } });
  const [told] = await once(refused, "connect_error");
  assert.equal(told.message, "Refused");
  assert.deepEqual(told.data, { code: "FULL", after: [1, 2] });
  refused.disconnect();
  console.log("shown: a refusal with data");
}

async function namespacesShareAConnection() {
  const root = io(base, { ...OPTIONS, forceNew: false });
  await once(root, "auth");
  const refused = root.io.socket("/random");
  await once(refused, "connect_error");
  const custom = root.io.socket("/custom");
  await once(custom, "auth");
  // Leaving one leaves the other in place.
  custom.disconnect();
  root.emit("message", "still here");
  assert.deepEqual(await once(root, "message-back"), ["still here"]);
  root.disconnect();
  console.log("shown: two namespaces on one connection");
}

async function heartbeatsKeepItAlive() {
  const socket = open("/");
  await once(socket, "auth");
  let beats = 0;
  const third = new Promise((resolve) =>
    socket.io.engine.on("packet", ({ type }) => type === "ping" && ++beats === 3 && resolve()),
  );
  await within(third, "three heartbeats");
  socket.emit("message", "alive");
  assert.deepEqual(await once(socket, "message-back"), ["alive"]);
  socket.disconnect();
  console.log("shown: heartbeats");
}

async function disconnectsAreHeard() {
  const socket = open("/");
  await once(socket, "auth");
  const end = once(socket, "disconnect");
  socket.disconnect();
  assert.equal((await end)[0], "io client disconnect");
  console.log("shown: disconnect");
}

function open(namespace, options = {}) {
  return io(base + (namespace === "/" ? "" : namespace), { ...OPTIONS, ...options });
}

// A client that offers subprotocols connects by WebSocket, at once and by an upgrade.
//
// usage: protocols.js BASE_URL PACKAGE TRANSPORTS
"use strict";

const assert = require("node:assert/strict");

const { once, run } = require("./patience");

const [base, name, transports] = process.argv.slice(2);
const { io } = require(name);

run(main);

async function main() {
  for (const list of [["websocket"], transports.split(",")]) {
    const protocols = ["my-protocol-v1", "my-protocol-v2"];
    const socket = io(base, { forceNew: true, reconnection: false, transports: list, protocols });
    const { engine } = socket.io;
    const upgraded = list.length > 1 ? once(engine, "upgrade") : undefined;
    await Promise.race([once(socket, "connect"), failure(socket)]);
    await upgraded;
    assert.equal(engine.transport.name, "websocket");
    assert.equal(engine.transport.ws.protocol, protocols[0]);
    socket.disconnect();
    console.log(`shown: subprotocols over ${list}`);
  }
}

async function failure(socket) {
  const [error] = await once(socket, "connect_error");
  throw error;
}

// Races the upgrade: sessions that send and hear all the time while they move from polling to
// WebSocket. Everything comes back once and in order.
//
// usage: upgrade.js BASE_URL PACKAGE TRANSPORTS [PARSER]
"use strict";

const assert = require("node:assert/strict");

const { run, within } = require("./patience");

const [base, name, transports, parser] = process.argv.slice(2);
const { io } = require(name);
const OPTIONS = { forceNew: true, reconnection: false, transports: transports.split(",") };
if (parser) OPTIONS.parser = require(parser);
const RACES = 300;
const AT_ONCE = 15;
const AFTER_UPGRADE = 20;

run(main);

async function main() {
  let begun = 0;
  const runner = async () => {
    while (begun++ < RACES) await race();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, runner));
  console.log(`shown: ${RACES} upgrades`);
}

async function race() {
  const socket = io(base, OPTIONS);
  const heard = [];
  let sent = 0;
  let left = AFTER_UPGRADE;
  let isUpgraded = false;
  const finished = new Promise((resolve, reject) => {
    const look = () => {
      if (isUpgraded && left === 0 && heard.length === sent) resolve();
    };
    const send = () => {
      // A few a tick, so that some leave with every poll and some fall into the swap.
      for (let index = 0; index < 3; index++) socket.emit("message", sent++);
      if (isUpgraded) left--;
      if (left > 0) setTimeout(send, Math.random() * 4);
      look();
    };
    socket.on("message-back", (number) => {
      heard.push(number);
      look();
    });
    socket.on("disconnect", (reason) => reject(new Error(`disconnected: ${reason}`)));
    socket.on("connect_error", reject);
    socket.on("connect", send);
    socket.io.engine.on("upgrade", () => (isUpgraded = true));
  });
  await within(finished, "the end of a race");
  assert.deepEqual(heard, Array.from({ length: sent }, (_, index) => index));
  assert.equal(socket.io.engine.transport.name, "websocket");
  socket.removeAllListeners();
  socket.close();
}

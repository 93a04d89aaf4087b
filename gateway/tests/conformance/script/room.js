// Stock clients of both encodings in one room hear the same of each other.
//
// usage: room.js BASE_URL PACKAGE TRANSPORTS PARSER
"use strict";

const assert = require("node:assert/strict");

const { once, run, within } = require("./patience");

const [base, name, transports, parser] = process.argv.slice(2);
const { io } = require(name);
const OPTIONS = { forceNew: true, reconnection: false, transports: transports.split(",") };
const ROOM = "a room";
const ROUNDS = 100;

run(main);

async function main() {
  const rows = [OPTIONS, { ...OPTIONS, parser: require(parser) }, OPTIONS, { ...OPTIONS, parser: require(parser) }];
  const members = rows.map((options) => io(base, options));
  await Promise.all(members.map((member) => once(member, "auth")));
  for (const member of members) assert.deepEqual(await ask(member, "join_conversation", ROOM), { success: true });

  const values = {
    whole: [0, -1, 127, 128, -33, 65_536, 2 ** 32, -(2 ** 40), Number.MAX_SAFE_INTEGER],
    // Beyond 2^64 that parser garbles whole numbers by itself.
    broken: [0.1, -1.5e-300, 1e-7, 1e19],
    text: ["", "Zoë 👋", "\u0000\u001e\"\\", "x".repeat(70_000)],
    other: [true, false, null, {}, [], { deep: [[[{ er: 1 }]]] }],
  };
  for (const member of members) await everybodyHears(members, member, { conversationId: ROOM, ...values });
  // A date is a text to everybody, as JSON makes it one.
  const date = new Date(1_700_000_000_123);
  for (const member of members) {
    const expected = { conversationId: ROOM, date: date.toISOString() };
    await everybodyHears(members, member, { conversationId: ROOM, date }, expected);
  }
  console.log("shown: the same for everybody");

  const heard = members.map((member) => {
    const list = [];
    const all = new Promise((resolve) => {
      member.on("new_message", ({ from, round }) => list.push([from, round]) === ROUNDS * members.length && resolve(list));
    });
    return within(all, "all rounds");
  });
  members.forEach((member, from) => {
    for (let round = 0; round < ROUNDS; round++) member.emit("send_message", { conversationId: ROOM, from, round });
  });
  for (const list of await Promise.all(heard)) {
    // Each sender's messages come once and in its order.
    members.forEach((_, from) => {
      const rounds = list.filter(([sender]) => sender === from).map(([, round]) => round);
      assert.deepEqual(rounds, Array.from({ length: ROUNDS }, (_, round) => round));
    });
  }
  console.log("shown: order");
}

async function everybodyHears(members, sender, message, expected = message) {
  const heard = members.map((member) => once(member, "new_message"));
  assert.deepEqual(await ask(sender, "send_message", message), { success: true });
  for (const arrival of heard) assert.deepEqual(await arrival, [expected]);
}

function ask(member, event, value) {
  const answer = new Promise((resolve) => member.emit(event, value, resolve));
  return within(answer, `the ack of ${event}`);
}

// One person's devices hear what the others of them read, and what that leaves unread, with the stock
// JavaScript client. Who else is in the conversation hears the marks alone.
//
// usage: devices.js BASE_URL TRANSPORTS [PARSER]
//   TRANSPORTS: "default", or a comma list such as "websocket".
//   PARSER: the folder of another parser than the client's own, which one of the devices uses.
"use strict";

const assert = require("node:assert/strict");
const { io } = require("socket.io-client");

const { run } = require("../../conformance/script/patience");
const { at } = require("./rest");

const [base, transports, parser] = process.argv.slice(2);
const { register, rest } = at(base);
const OPTIONS = { forceNew: true };
if (transports !== "default") OPTIONS.transports = transports.split(",");

const STEP_MS_MAX = 15_000;
const RUN_MS_MAX = 60_000;

run(main, RUN_MS_MAX);

async function main() {
  const [alice, bob] = [await register("Alice"), await register("Bob")];
  const b = new Device(bob);
  const { conversation } = await b.asks("create_conversation", { participantId: alice.id });
  const conversationId = conversation._id;
  const phone = new Device(alice);
  const laptop = new Device(alice, parser && { parser: require(parser) });
  const tablet = new Device(alice);
  for (const device of [b, phone, laptop]) await device.asks("join_conversation", conversationId);
  await tablet.asks("ping");
  const sent = [];
  for (const content of ["one", "two", "three", "four"]) {
    sent.push((await b.asks("send_message", { conversationId, content })).message);
  }
  const everybody = [b, phone, laptop, tablet];
  const hear = () => Promise.all(everybody.map((device) => device.marks()));
  const mark = (message, rest) => ({
    messageId: message._id,
    readBy: alice.id,
    conversationId,
    ...rest,
  });

  await phone.asks("mark_as_read", { conversationId, seq: 1 });
  const three = [mark(sent[0], { unreadCount: 3 })];
  assert.deepEqual(await hear(), [[mark(sent[0])], [], three, three]);
  shown("other devices hear what is left unread, once, in the conversation and elsewhere");

  await tablet.asks("mark_as_read", { messageId: sent[1]._id });
  const two = [mark(sent[1], { unreadCount: 2 })];
  assert.deepEqual(await hear(), [[mark(sent[1])], two, two, []]);
  shown("so they do of a device that has not joined");

  const path = `/api/v1/messages/conversation/${conversationId}/read`;
  await rest("POST", path, 200, { token: alice.token, body: { seq: 3 } });
  const one = [mark(sent[2], { unreadCount: 1 })];
  assert.deepEqual(await hear(), [[mark(sent[2])], one, one, one]);
  await rest("POST", `/api/v1/messages/${sent[3]._id}/read`, 200, { token: alice.token });
  const none = [mark(sent[3], { unreadCount: 0 })];
  assert.deepEqual(await hear(), [[mark(sent[3])], none, none, none]);
  shown("and of a mark over REST");

  await laptop.asks("mark_as_read", { messageId: sent[0]._id });
  assert.deepEqual(await hear(), [[], [], [], []]);
  shown("what was read already is not told again");

  everybody.forEach((device) => device.socket.disconnect());
}

class Device {
  #heard = [];

  constructor({ token }, options) {
    this.socket = io(base, { ...OPTIONS, ...options, auth: { token } });
    this.socket.on("message_read", (payload, ...more) => {
      assert.deepEqual(more, []);
      const { readAt, ...rest } = payload;
      assert.match(readAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      this.#heard.push(rest);
    });
  }

  // The marks that were told before now: they have arrived once the server has answered something
  // newer.
  async marks() {
    await this.asks("ping");
    return this.#heard.splice(0);
  }

  async asks(event, ...args) {
    const ack = await this.socket.timeout(STEP_MS_MAX).emitWithAck(event, ...args);
    assert.equal(ack.success, true, `${event}: ${JSON.stringify(ack)}`);
    return ack.data;
  }
}

function shown(what) {
  console.log(`shown: ${what}`);
}

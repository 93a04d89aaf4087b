// Somebody is away, misses all kinds of things, and comes back with the stock JavaScript client.
//
// usage: away.js BASE_URL TRANSPORTS
//   TRANSPORTS: "default", or a comma list such as "websocket".
// Prints what it has shown. After the line "restart" it waits for a line on its input: the server
// has been killed and started again on the same data and port.
"use strict";

const assert = require("node:assert/strict");
const { createInterface } = require("node:readline");
const { io } = require("socket.io-client");

const { run } = require("../../conformance/script/patience");
const { at } = require("./rest");

const [base, transports] = process.argv.slice(2);
const { register, rest } = at(base);
const OPTIONS = { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200 };
if (transports !== "default") OPTIONS.transports = transports.split(",");

const STEP_MS_MAX = 60_000;
const RUN_MS_MAX = 170_000;
const BURST = 960;
const DEVICES = 4;
const IN_FLIGHT = 8;

run(main, RUN_MS_MAX);

async function main() {
  const alice = await register("Alice");
  const bob = await register("Bob");
  const a = await connect(alice);
  const { conversation } = await ask(a, "create_conversation", { participantId: bob.id });
  const conversationId = conversation._id;
  const say = async (content) => (await ask(a, "send_message", { conversationId, content })).message;

  const sent = [];
  for (const text of ["kept", "to be edited", "to be deleted"]) sent.push(await say(text));
  let b = await connect(bob);
  const joined = await ask(b, "join_conversation", { conversationId, lastSeq: 0 });
  assert.deepEqual(Object.keys(joined).sort(), ["changed", "cursor", "epoch", "lastSeq", "messages"]);
  assert.deepEqual(places(joined.messages), [1, 2, 3]);
  assert.equal(joined.lastSeq, 3);
  const bare = await ask(b, "join_conversation", conversationId);
  assert.deepEqual([bare.lastSeq, bare.messages, bare.changed], [3, [], []]);
  shown("a join brings everything behind the place that the client has");

  b.disconnect();
  sent.push(await say("missed"), await say("missed, and deleted"));
  await ask(a, "edit_message", { messageId: sent[1]._id, content: "edited" });
  await ask(a, "delete_message", { messageId: sent[2]._id });
  await ask(a, "delete_message", { messageId: sent[4]._id });
  await ask(a, "update_conversation", { conversationId, updates: { status: "resolved" } });

  b = await connect(bob);
  const cursor = joined.cursor;
  const back = await ask(b, "join_conversation", { conversationId, lastSeq: 3, cursor });
  assert.deepEqual(places(back.messages), [4, 5]);
  tombstone(back.messages[1], sent[4], conversationId);
  const changed = new Map(back.changed.map((entry) => [entry.seq, entry]));
  assert.equal(changed.get(2).content, "edited");
  assert.equal(changed.get(2).metadata.isEdited, true);
  tombstone(changed.get(3), sent[2], conversationId);
  assert.equal(back.epoch, joined.epoch);
  shown("who was away is told what was said, edited and deleted");

  const request = { cursor, conversations: { [conversationId]: 3 } };
  const synced = await ask(b, "sync", request);
  assert.equal(synced.truncated, undefined);
  const [around] = synced.conversations.filter((each) => each._id === conversationId);
  assert.equal(around.status, "resolved");
  assert.equal(around.lastSeq, 5);
  assert.equal(around.lastMessage.content, "missed");
  assert.deepEqual(places(synced.messages), [2, 3, 4, 5]);
  const { data } = await rest("POST", "/api/v1/sync", 200, { token: bob.token, body: request });
  assert.deepEqual({ ...data, cursor: "" }, { ...synced, cursor: "" });
  shown("and what became of the conversation, by both doors alike");

  await ask(b, "mark_as_read", { messageId: sent[3]._id });
  const seen = await ask(a, "join_conversation", { conversationId, lastSeq: 5, cursor });
  const read = seen.changed.find((entry) => entry.seq === 4);
  assert.deepEqual(read.metadata.readBy.map((mark) => mark.userId), [bob.id]);
  shown("and who has read what");

  const stranger = await connect(await register("Eve"));
  const hidden = await ask(stranger, "sync", { conversations: { [conversationId]: 0 } });
  assert.deepEqual([hidden.conversations, hidden.messages], [[], []]);
  const refused = await stranger.timeout(STEP_MS_MAX).emitWithAck("sync", { cursor: "nonsense" });
  assert.deepEqual([refused.success, refused.error.code], [false, "VALIDATION_FAILED"]);
  const unseen = await stranger
    .timeout(STEP_MS_MAX)
    .emitWithAck("join_conversation", { conversationId, lastSeq: 0 });
  assert.deepEqual([unseen.success, unseen.error.code], [false, "NOT_FOUND"]);
  stranger.disconnect();
  shown("a stranger is told nothing");

  await inOrder(alice, b, conversationId, 5);
  shown("whoever joins in the middle of a burst hears everything once and in order");

  const before = await ask(b, "sync", {});
  const gone = [a, b].map((each) => new Promise((resolve) => each.once("disconnect", resolve)));
  console.log("restart");
  await within(Promise.all(gone), "both notice the end");
  await lineOfInput();
  await Promise.all([a, b].map(connected));
  const last = 5 + BURST;
  const after = await ask(b, "sync", { cursor: before.cursor, conversations: { [conversationId]: last } });
  assert.equal(after.epoch, before.epoch);
  assert.equal(after.reset, undefined);
  await say("after the restart");
  const rejoined = await ask(b, "join_conversation", { conversationId, lastSeq: last, cursor: after.cursor });
  assert.deepEqual(places(rejoined.messages), [last + 1]);
  shown("cursors outlive a restart");

  a.disconnect();
  b.disconnect();
}

// Alice sends as fast as she can, from several devices: those of other threads do not wait for Bob's
// joins. Bob leaves and comes back all the time, with the place that he has.
async function inOrder(alice, b, conversationId, start) {
  const heard = [];
  b.on("new_message", ({ message }) => heard.push(message.seq));
  const devices = await Promise.all(Array.from({ length: DEVICES }, () => connect(alice)));
  let sending = true;
  const sends = devices.map(async (device) => {
    for (let n = 0; n < BURST / DEVICES; n += IN_FLIGHT) {
      const send = { conversationId, content: "burst" };
      await Promise.all(Array.from({ length: IN_FLIGHT }, () => ask(device, "send_message", send)));
    }
  });
  const done = Promise.all(sends).finally(() => (sending = false));
  while (sending) await comeBack(b, conversationId, heard, start);
  await done;
  await comeBack(b, conversationId, heard, start);
  const odd = heard.findIndex((seq, index) => seq !== start + 1 + index);
  assert.equal(odd, -1, `heard ${heard.slice(Math.max(0, odd - 3), odd + 3)}`);
  assert.equal(heard.length, BURST);
  b.off("new_message");
  for (const device of devices) device.disconnect();
}

function comeBack(b, conversationId, heard, start) {
  b.emit("leave_conversation", conversationId);
  const answer = new Promise((resolve) => {
    // Asked for where it is sent, and noted where it arrives: nothing comes in between.
    const lastSeq = heard.at(-1) ?? start;
    b.emit("join_conversation", { conversationId, lastSeq }, ({ success, data }) => {
      assert.equal(success, true);
      const already = heard.at(-1) ?? start;
      // Heard between the question and the leaving.
      heard.push(...places(data.messages).filter((seq) => seq > already));
      resolve(data);
    });
  });
  return within(answer, "the ack of a join");
}

function tombstone(entry, message, conversationId) {
  assert.deepEqual(Object.keys(entry).sort(), ["_id", "conversationId", "deletedAt", "isDeleted", "seq"]);
  assert.deepEqual(
    [entry._id, entry.conversationId, entry.isDeleted, entry.seq],
    [message._id, conversationId, true, message.seq],
  );
}

function places(entries) {
  return entries.map((entry) => entry.seq);
}

// --- A client ---

async function connect({ token }) {
  const socket = io(base, { ...OPTIONS, auth: { token } });
  await connected(socket);
  return socket;
}

function connected(socket) {
  if (socket.connected) return Promise.resolve();
  return within(new Promise((resolve) => socket.once("connect", resolve)), "a connection");
}

async function ask(socket, event, ...args) {
  const ack = await socket.timeout(STEP_MS_MAX).emitWithAck(event, ...args);
  assert.equal(ack.success, true, `${event}: ${JSON.stringify(ack)}`);
  return ack.data;
}

// --- Time and the outside ---

function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain: ${what}`)), STEP_MS_MAX);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function lineOfInput() {
  const lines = createInterface({ input: process.stdin });
  return within(new Promise((resolve) => lines.once("line", resolve)), "a line of input").finally(() =>
    lines.close(),
  );
}

function shown(what) {
  console.log(`shown: ${what}`);
}

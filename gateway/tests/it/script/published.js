// Holds a running server to the AsyncAPI document that it publishes: the official parser takes it,
// and every acknowledgement and every event heard is what its schemas say, to the last key.
//
// usage: published.js BASE_URL
"use strict";

const assert = require("node:assert/strict");
const { Parser } = require("@asyncapi/parser");
const Ajv = require("ajv");
const addFormats = require("ajv-formats");
const { io } = require("socket.io-client");

const { fail, run } = require("../../conformance/script/patience");

const [base] = process.argv.slice(2);
const STEP_MS_MAX = 60_000;
const RUN_MS_MAX = 170_000;

run(main, RUN_MS_MAX);

async function main() {
  const text = await (await fetch(`${base}/api/v1/asyncapi.json`)).text();
  const document = JSON.parse(text);
  await isAsyncApi(text);
  const judge = new Judge(document);

  const ada = await register("Ada");
  const bob = await register("Bob");
  const a = await connect(ada, judge);
  const b = await connect(bob, judge);
  const asked = new Set();
  // Asks, and judges the answer; resolves to what it brings.
  const ask = async (socket, name, ...payload) => {
    asked.add(name);
    const answer = await socket.timeout(STEP_MS_MAX).emitWithAck(name, ...payload);
    judge.holds(`${name}.ack`, answer);
    return answer.data;
  };

  const { conversation } = await ask(a, "create_conversation", { participantId: bob.id, subject: "Parcel" });
  const conversationId = conversation._id;
  await ask(a, "create_conversation", { participantId: bob.id });
  await ask(b, "join_conversation", conversationId);
  const { message } = await ask(a, "send_message", {
    conversationId,
    content: "Hello",
    clientMessageId: "first",
    metadata: { fileName: "a.png", fileSize: 12, fileUrl: "https://example.com/a.png" },
  });
  const messageId = message._id;
  await ask(a, "send_message", { conversationId, content: "" });
  await ask(a, "edit_message", { messageId, content: "Hello!" });
  await ask(b, "mark_as_read", { messageId });
  await ask(b, "mark_as_read", { conversationId, seq: 1 });
  await ask(b, "typing_start", { conversationId });
  await ask(b, "get_typing_users", { conversationId });
  await ask(b, "typing_stop", { conversationId });
  await ask(b, "join_room", `conversation:${conversationId}`);
  await ask(b, "get_messages", { conversationId, limit: 1 });
  await ask(b, "get_conversations");
  await ask(b, "get_conversations", { status: ["open"], limit: 1 });
  await ask(b, "update_status", "busy");
  await ask(b, "update_presence", { looking: ["at", "the cart"] });
  await ask(b, "ping");
  await ask(a, "update_conversation", { conversationId, updates: { status: "resolved" } });
  await ask(a, "update_conversation", { conversationId, updates: { priority: "high" } });
  await ask(a, "assign_conversation", { conversationId, agentId: bob.id });
  await ask(a, "delete_message", { messageId });
  await ask(a, "delete_message", { messageId });
  await ask(a, "close_conversation", { conversationId });
  await ask(b, "join_conversation", { conversationId, lastSeq: 0 });
  await ask(b, "sync", { conversations: { [conversationId]: 0 } });
  await ask(b, "refresh_auth", { token: bob.token });
  await ask(b, "leave_room", `conversation:${conversationId}`);
  await ask(b, "leave_conversation", conversationId);

  await ask(a, "create_conversation", { tags: ["queue"] });

  const operations = Object.entries(document.operations);
  const unasked = operations.filter(([name, { action }]) => action === "receive" && !asked.has(name));
  assert.deepEqual(unasked.map(([name]) => name), [], "this program asks every event");
  for (const name of MUST_BE_HEARD) assert.ok(judge.heard.has(name), `${name} was not heard`);
  a.disconnect();
  b.disconnect();
  console.log(`${judge.count} answers and events are as published`);
}

// What this conversation cannot but bring about.
const MUST_BE_HEARD = [
  "new_message", "message_edited", "message_deleted", "message_read", "conversation_created",
  "conversation_updated", "conversation_closed", "user_typing_start", "user_typing_stop",
  "typing_users_list", "message_sent", "message_error", "conversation_error", "messages_loaded",
  "conversations_loaded", "pong",
];

async function isAsyncApi(text) {
  const { document, diagnostics } = await new Parser().parse(text);
  const errors = diagnostics.filter(({ severity }) => severity === 0);
  assert.deepEqual(errors, [], "the official parser complains");
  assert.equal(document.version(), "3.0.0");
}

// Knows the schemas of the document's messages.
class Judge {
  constructor(document) {
    this.count = 0;
    this.heard = new Set();
    this.messages = document.channels.chat.messages;
    // Nothing but what is named: a key that the document does not know is a fault of one of them.
    const closed = JSON.parse(JSON.stringify(document), (_, value) =>
      value?.type === "object" && value.properties ? { additionalProperties: false, ...value } : value);
    this.ajv = new Ajv({ strict: false, allErrors: true, logger: false });
    addFormats(this.ajv);
    this.ajv.addSchema(closed, "document");
  }

  holds(name, payload) {
    assert.ok(this.messages[name], `${name} is not published`);
    this.count += 1;
    const path = name.replaceAll("~", "~0").replaceAll("/", "~1");
    const holds = this.ajv.validate({ $ref: `document#/channels/chat/messages/${path}/payload` }, payload);
    assert.ok(holds, `${name}: ${this.ajv.errorsText()}\n${JSON.stringify(payload)}`);
  }
}

async function connect(person, judge) {
  const socket = io(base, { auth: { token: person.token }, forceNew: true, transports: ["websocket"] });
  socket.onAny((name, ...payload) => {
    try {
      judge.heard.add(name);
      judge.holds(name, payload[0]);
      assert.equal(payload.length, 1, name);
    } catch (error) {
      fail(error);
    }
  });
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("connect_error", reject));
  return socket;
}

async function register(name) {
  const response = await fetch(`${base}/api/v1/auth/register`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name, email: `${name.toLowerCase()}@example.com`, password: "correct horse" }),
  });
  assert.equal(response.status, 201);
  const { data } = await response.json();
  return { id: data.user._id, token: data.tokens.accessToken };
}

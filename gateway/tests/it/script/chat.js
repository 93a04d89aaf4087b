// Two people sign in, open a conversation and chat live, with the stock JavaScript client.
//
// usage: chat.js BASE_URL TRANSPORTS [PARSER]
//   TRANSPORTS: "default", or a comma list such as "websocket".
//   PARSER: the folder of another parser than the client's own, which one of the two uses.
// Prints what it has shown. After the line "restart" it waits for a line on its input: the server
// has been killed and started again on the same data and port.
"use strict";

const assert = require("node:assert/strict");
const { createInterface } = require("node:readline");
const { io } = require("socket.io-client");

const { run } = require("../../conformance/script/patience");
const { at } = require("./rest");

const [base, transports, parser] = process.argv.slice(2);
const { register, rest } = at(base);
const OPTIONS = { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200 };
if (transports !== "default") OPTIONS.transports = transports.split(",");

const STEP_MS_MAX = 60_000;
const RUN_MS_MAX = 170_000;
// Presence is news about people, not about this conversation.
const ASIDE = new Set(["user_status_update", "presence_update"]);

run(main, RUN_MS_MAX);

async function main() {
  const alice = await register("Alice");
  const bob = await register("Bob");
  shown("two people registered");

  await refused({}, "Authentication error: No token provided");
  await refused({ token: "" }, "Authentication error: No token provided");
  await refused({ token: "not a token" }, "Authentication error: Invalid token");
  await refused({ token: alice.refreshToken }, "Authentication error: Invalid token");
  await refused({ token: `${alice.token}x` }, "Authentication error: Invalid token");
  shown("bad tokens are refused with the contract's words");

  const a = new Client("alice", alice.token, parser && { parser: require(parser) });
  const b = new Client("bob", bob.token);
  await Promise.all([a.connected(), b.connected()]);
  assert.notEqual(a.socket.id, b.socket.id);
  shown("both are connected");

  const conversation = await createConversation(a, alice, b, bob);
  shown("a conversation was created and both heard of it");

  await sendWithoutJoining(b, bob, a, conversation);
  shown("a sender that has not joined hears no echo");

  succeeded(await b.ask("join_conversation", conversation));
  const message = await sendAndEcho(a, alice, b, conversation, "Hello, Bob", 2);
  await sendAndEcho(b, bob, a, conversation, "Hällo Alice 👋", 3);
  shown("messages flow both ways, echo before confirmation");

  await sendAgain(a, b, conversation, "Hello, Bob", message);
  shown("a retry returns the first message and is not broadcast");

  await edit(a, b, conversation, message, "Hello again, Bob");
  await edit(a, b, conversation, message, "Hello once more, Bob");
  shown("edits reach both");

  await typing(a, alice, b, conversation);
  await typing(b, bob, a, conversation);
  shown("typing reaches the other and never its writer");

  await leave(a, alice, b, conversation);
  shown("who leaves hears no more");

  const before = await history(alice, conversation);
  await restart(a, b, conversation);
  shown("both came back by themselves, with the tokens they had");

  const after = await history(alice, conversation);
  assert.deepEqual(after.slice(0, before.length), before);
  // Earlier texts are for their writer.
  const edited = after.find((each) => each._id === message);
  assert.equal(edited.content, "Hello once more, Bob");
  assert.deepEqual(
    edited.metadata.editHistory.map((each) => each.content),
    ["Hello, Bob", "Hello again, Bob"],
  );
  delete edited.metadata.editHistory;
  assert.deepEqual(await history(bob, conversation), after);
  assert.deepEqual(after.map((each) => each.seq), after.map((_, index) => index + 1));
  assert.equal(after.at(-1).content, "written while the server was away");
  assert.equal(edited.metadata.isEdited, true);
  shown("the history is complete");

  await sendAndEcho(a, alice, b, conversation, "Still here", after.length + 1);
  shown("and the chat goes on");

  a.socket.disconnect();
  b.socket.disconnect();
}

// --- The steps ---

async function createConversation(a, alice, b, bob) {
  const answer = succeeded(
    await a.ask("create_conversation", {
      participantId: bob.id,
      subject: "My order",
      priority: "high",
      tags: ["order", "late"],
    }),
  );
  const event = await a.hears("conversation_created");
  fits(event, {
    conversation: (it) => {
      assert.match(it._id, /^[0-9a-f]{24}$/);
      assert.equal(it.subject, "My order");
      assert.equal(it.status, "open");
      assert.equal(it.priority, "high");
      assert.deepEqual(it.tags, ["order", "late"]);
      assert.equal(it.assignedTo, null);
      assert.equal(it.createdBy, alice.id);
      assert.equal(it.lastSeq, 0);
      assert.deepEqual(it.participants.map((each) => each._id), [alice.id, bob.id]);
    },
    createdBy: { userId: alice.id, name: "Alice", avatar: null, role: "user" },
  });
  assert.equal(answer.conversation._id, event.conversation._id);
  const told = await b.hears("conversation_created");
  assert.equal(told.conversation._id, event.conversation._id);
  return event.conversation._id;
}

async function sendWithoutJoining(sender, person, other, conversationId) {
  const answer = succeeded(
    await sender.ask("send_message", { conversationId, content: "Anybody there?" }),
  );
  confirmation(await sender.hears("message_sent"), conversationId);
  const event = await other.hears("new_message");
  newMessage(event, person, conversationId, "Anybody there?", 1);
  assert.equal(answer.message._id, event.message._id);
  await sender.hearsNothing();
}

async function sendAndEcho(sender, person, other, conversationId, content, seq) {
  const clientMessageId = `${content}/${seq}`;
  const answer = succeeded(
    await sender.ask("send_message", { conversationId, content, clientMessageId }),
  );
  // `hears` takes events in the order of their arrival, so this is the order on the wire.
  const echo = await sender.hears("new_message");
  const sent = await sender.hears("message_sent");
  const event = await other.hears("new_message");
  newMessage(event, person, conversationId, content, seq, clientMessageId);
  assert.deepEqual(echo, event);
  confirmation(sent, conversationId);
  assert.equal(sent.messageId, event.message._id);
  assert.equal(answer.message._id, event.message._id);
  assert.equal(answer.message.seq, seq);
  return event.message._id;
}

async function sendAgain(sender, other, conversationId, content, first) {
  const clientMessageId = `${content}/2`;
  const answer = succeeded(
    await sender.ask("send_message", { conversationId, content, clientMessageId }),
  );
  assert.equal(answer.message._id, first);
  assert.equal((await sender.hears("message_sent")).messageId, first);
  await sender.hearsNothing();
  await other.hearsNothing();
}

async function edit(sender, other, conversationId, messageId, content) {
  succeeded(await sender.ask("edit_message", { messageId, content }));
  const expected = { messageId, content, editedAt: date, conversationId };
  const event = fits(await sender.hears("message_edited"), expected);
  assert.deepEqual(await other.hears("message_edited"), event);
}

async function typing(writer, person, other, conversationId) {
  const expected = {
    conversationId,
    userId: person.id,
    userName: person.name,
    timestamp: date,
  };
  writer.socket.emit("typing_start", { conversationId });
  fits(await other.hears("user_typing_start"), expected);
  writer.socket.emit("get_typing_users", { conversationId });
  fits(await writer.hears("typing_users_list"), {
    conversationId,
    typingUsers: [{ userId: person.id, userName: person.name, timestamp: date }],
  });
  writer.socket.emit("typing_stop", { conversationId });
  fits(await other.hears("user_typing_stop"), expected);
  await writer.hearsNothing();
}

async function leave(a, alice, b, conversationId) {
  succeeded(await a.ask("leave_conversation", conversationId));
  succeeded(await b.ask("send_message", { conversationId, content: "Gone already?" }));
  await b.hears("new_message");
  await b.hears("message_sent");
  await a.hearsNothing();
  succeeded(await a.ask("join_conversation", conversationId));
}

async function restart(a, b, conversationId) {
  const dropped = [a, b].map((each) => each.disconnected());
  console.log("restart");
  await Promise.all(dropped);
  // The stock client keeps what is emitted while it is away, and sends it when it is back.
  const late = a.ask("send_message", {
    conversationId,
    content: "written while the server was away",
  });
  await lineOfInput();
  await Promise.all([a.connected(), b.connected()]);
  succeeded(await late);
  await a.hears("message_sent");
  succeeded(await a.ask("join_conversation", conversationId));
  succeeded(await b.ask("join_conversation", conversationId));
}

async function refused(auth, text) {
  const socket = io(base, { ...OPTIONS, auth });
  const error = await within(
    new Promise((resolve, reject) => {
      socket.on("connect_error", resolve);
      socket.on("connect", () => reject(new Error(`connected with ${JSON.stringify(auth)}`)));
    }),
    `refusal of ${JSON.stringify(auth)}`,
  );
  assert.equal(error.message, text);
  assert.equal(error.data, undefined);
  socket.disconnect();
}

// --- What things look like ---

function newMessage(event, sender, conversationId, content, seq, clientMessageId) {
  const message = {
    _id: id,
    conversationId,
    seq,
    senderId: { _id: sender.id, name: sender.name, email: sender.email, avatar: null, role: "user" },
    content,
    type: "text",
    metadata: { isEdited: false, readBy: [] },
    isDeleted: false,
    deletedAt: null,
    createdAt: date,
    updatedAt: date,
    __v: 0,
  };
  if (clientMessageId !== undefined) message.clientMessageId = clientMessageId;
  fits(event, { message, conversationId });
}

function confirmation(event, conversationId) {
  fits(event, { messageId: id, conversationId, timestamp: date });
}

function id(value) {
  assert.match(value, /^[0-9a-f]{24}$/);
}

function date(value) {
  assert.match(value, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.ok(Math.abs(Date.now() - Date.parse(value)) < RUN_MS_MAX, value);
}

function succeeded(ack) {
  const { success, data, ...rest } = ack;
  assert.equal(success, true, JSON.stringify(ack));
  assert.deepEqual(rest, {});
  return data;
}

// Exactly these keys with exactly these values; a function judges its value itself.
function fits(value, expected) {
  if (typeof expected === "function") {
    expected(value);
  } else if (expected !== null && typeof expected === "object") {
    assert.deepEqual(Object.keys(value).sort(), Object.keys(expected).sort());
    for (const key of Object.keys(expected)) fits(value[key], expected[key]);
  } else {
    assert.equal(value, expected);
  }
  return value;
}

// --- A client and its ears ---

class Client {
  #heard = [];
  #waiting = null;

  constructor(name, token, options) {
    this.name = name;
    this.socket = io(base, { ...OPTIONS, ...options, auth: { token } });
    this.socket.onAny((event, ...args) => {
      if (ASIDE.has(event)) return;
      assert.equal(args.length, 1, `${event} has one argument`);
      this.#heard.push([event, args[0]]);
      this.#waiting?.();
    });
  }

  connected() {
    if (this.socket.connected) return Promise.resolve();
    const connection = new Promise((resolve) => this.socket.once("connect", resolve));
    return within(connection, `${this.name} connects`);
  }

  disconnected() {
    const end = new Promise((resolve) => this.socket.once("disconnect", resolve));
    return within(end, `${this.name} notices the end`);
  }

  ask(event, ...args) {
    const answer = this.socket.timeout(STEP_MS_MAX).emitWithAck(event, ...args);
    return within(answer, `${this.name} gets the ack of ${event}`);
  }

  // The payload of the next event, which must be this one.
  async hears(event) {
    if (this.#heard.length === 0) {
      const arrival = new Promise((resolve) => (this.#waiting = resolve));
      await within(arrival, `${this.name} hears ${event}`);
    }
    const [name, payload] = this.#heard.shift();
    assert.equal(name, event, `${this.name} heard ${JSON.stringify(payload)}`);
    return payload;
  }

  // What was sent before now has arrived once the server has answered something newer.
  async hearsNothing() {
    this.socket.emit("ping");
    fits(await this.hears("pong"), { timestamp: date });
  }
}

// --- REST ---

async function history(person, conversationId) {
  const path = `/api/v1/messages/conversation/${conversationId}`;
  const { data } = await rest("GET", path, 200, { token: person.token });
  return data.messages;
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

// Clients that ask for connection-state recovery lose their connections and come back, with the
// stock JavaScript client.
//
// usage: recovery.js BASE_URL TRANSPORTS [PARSER]
//   TRANSPORTS: a comma list, such as "websocket"
//   PARSER: a module, such as "socket.io-msgpack-parser"
"use strict";

const assert = require("node:assert/strict");
const { io } = require("socket.io-client");

const { once, run, within } = require("../../conformance/script/patience");
const { at } = require("./rest");

const [base, transports, parser] = process.argv.slice(2);
const { register, rest } = at(base);
const OPTIONS = { forceNew: true, reconnection: false, transports: transports.split(",") };
if (parser !== undefined) OPTIONS.parser = require(parser);

run(main);

async function main() {
  const alice = await register("Alice");
  const bob = await register("Bob");
  const conversation = await open(alice, bob);
  for (const step of [
    missedIsHeardFirst,
    nothingNeedsToBeHeardBefore,
    againAndAgain,
    placesOnlyMoveOn,
    devicesOfOnePerson,
    halfDeadConnectionIsTakenOver,
    lastWordsAreFinal,
    othersGainNothing,
    lostRightsAreNotRecovered,
    signedOutIsOut,
  ]) {
    await step(alice, bob, conversation);
    console.log(`shown: ${step.name}`);
  }
}

async function missedIsHeardFirst(alice, bob, conversation) {
  const [a, b] = [await Client.of(alice, conversation), await Client.of(bob, conversation, false)];
  assert.equal(a.socket.recovered, false);
  await b.says("one");
  assert.deepEqual(await a.hears(1), ["one"]);
  const id = a.socket.id;
  await a.drops();
  await b.says("two");
  b.socket.emit("typing_start", { conversationId: conversation });
  await b.says("three");
  await a.returns();
  assert.deepEqual([a.socket.recovered, a.socket.id], [true, id]);
  await b.says("four");
  assert.deepEqual(await a.hears(3), ["two", "three", "four"]);
  assert.deepEqual(await b.hears(4), ["one", "two", "three", "four"]);
  [a, b].forEach((client) => client.socket.disconnect());
}

async function nothingNeedsToBeHeardBefore(alice, bob, conversation) {
  const [a, b] = [await Client.of(alice, conversation), await Client.of(bob, conversation, false)];
  await a.drops();
  await b.says("while away");
  await a.returns();
  assert.equal(a.socket.recovered, true);
  assert.deepEqual(await a.hears(1), ["while away"]);
  [a, b].forEach((client) => client.socket.disconnect());
}

async function againAndAgain(alice, bob, conversation) {
  const [a, b] = [await Client.of(alice, conversation), await Client.of(bob, conversation, false)];
  const expected = [];
  for (let turn = 0; turn < 10; turn++) {
    await a.drops();
    await b.says(`${turn} away`);
    // Some come while it is being caught up.
    const during = Array.from({ length: 5 }, (_, index) => `${turn} during ${index}`);
    const said = Promise.all(during.map((text) => b.says(text)));
    await a.returns();
    await said;
    assert.equal(a.socket.recovered, true, `the ${turn}th time`);
    await b.says(`${turn} back`);
    expected.push(`${turn} away`, ...during, `${turn} back`);
  }
  assert.deepEqual(await a.hears(expected.length), expected);
  assert.deepEqual(await b.hears(expected.length), expected);
  [a, b].forEach((client) => client.socket.disconnect());
}

// What is held while a join is answered comes behind what it came before.
async function placesOnlyMoveOn(alice, bob, conversation) {
  const [a, b] = [await Client.of(alice, conversation), await Client.of(bob, conversation, false)];
  const other = await open(alice, await register("Carol"));
  await a.asks("join_conversation", other);
  const say = (conversationId, content) => a.asks("send_message", { conversationId, content });
  for (let turn = 0; turn < 20; turn++) {
    await Promise.all([
      say(other, `${turn} there`),
      a.asks("join_conversation", { conversationId: other, lastSeq: 0 }),
      say(other, `${turn} there too`),
      b.says(`${turn} here`),
    ]);
  }
  await a.asks("ping");
  a.heard.length = 0;
  await a.drops();
  await b.says("away");
  await a.returns();
  assert.equal(a.socket.recovered, true);
  assert.deepEqual(await a.hears(1), ["away"]);
  [a, b].forEach((client) => client.socket.disconnect());
}

async function devicesOfOnePerson(alice, bob, conversation) {
  const phone = await Client.of(alice, conversation);
  const laptop = await Client.of(alice, conversation);
  const b = await Client.of(bob, conversation, false);
  const { message } = await b.says("read me");
  await b.says("later");
  await Promise.all([phone.hears(2), laptop.hears(2)]);
  // Whoever marks does not hear of it; the other device does, live or later.
  await laptop.drops();
  await phone.asks("mark_as_read", { messageId: message._id });
  await phone.drops();
  await b.says("good night");
  await Promise.all([phone.returns(), laptop.returns()]);
  assert.deepEqual([phone.socket.recovered, laptop.socket.recovered], [true, true]);
  assert.deepEqual(await phone.hears(1), ["good night"]);
  assert.deepEqual(await laptop.hears(1), ["good night"]);
  // Once, and with what is left unread; others do not hear how much that is.
  assert.deepEqual([phone.reads, laptop.reads, b.reads], [[], [1], [undefined]]);
  [phone, laptop, b].forEach((client) => client.socket.disconnect());
}

async function halfDeadConnectionIsTakenOver(alice, bob, conversation) {
  const [a, b] = [await Client.of(alice, conversation), await Client.of(bob, conversation, false)];
  const { id } = a.socket;
  const heir = new Client(alice);
  await b.says("before");
  assert.deepEqual(await a.hears(1), ["before"]);
  Object.assign(heir.socket, { _pid: a.socket._pid, _lastOffset: a.socket._lastOffset });
  const end = once(a.socket, "disconnect");
  await heir.returns();
  assert.deepEqual([heir.socket.recovered, heir.socket.id], [true, id]);
  await end;
  await b.says("after");
  assert.deepEqual(await heir.hears(1), ["after"]);
  await heir.drops();
  await b.says("later");
  await heir.returns();
  assert.equal(heir.socket.recovered, true);
  assert.deepEqual(await heir.hears(1), ["later"]);
  [heir, b].forEach((client) => client.socket.disconnect());
}

async function lastWordsAreFinal(alice, bob, conversation) {
  const a = await Client.of(alice, conversation);
  const { id } = a.socket;
  // Over polling the farewell travels beside whatever the client does next.
  const end = new Promise((resolve) => a.socket.io.engine.once("close", resolve));
  a.socket.disconnect();
  await within(end, "the end of the connection");
  await a.returns();
  assert.equal(a.socket.recovered, false);
  assert.notEqual(a.socket.id, id);
  a.socket.disconnect();
}

async function othersGainNothing(alice, bob, conversation) {
  const [a, b] = [await Client.of(alice, conversation), await Client.of(bob, conversation, false)];
  const mallory = new Client(await register("Mallory"));
  await a.drops();
  Object.assign(mallory.socket, { _pid: a.socket._pid });
  await mallory.returns();
  assert.equal(mallory.socket.recovered, false);
  await b.says("between us");
  await mallory.asks("ping");
  assert.deepEqual(mallory.heard, []);
  // And nothing was taken from who it belongs to.
  await a.returns();
  assert.equal(a.socket.recovered, true);
  assert.deepEqual(await a.hears(1), ["between us"]);
  [a, b, mallory].forEach((client) => client.socket.disconnect());
}

async function lostRightsAreNotRecovered(alice, bob, conversation) {
  const credentials = { email: "root@example.com", password: "correct horse" };
  const { data } = await rest("POST", "/api/v1/auth/login", 200, { body: credentials });
  const admin = { token: data.tokens.accessToken };
  const agent = await register("Agent", "agent", admin.token);
  const [a, b] = [await Client.of(agent, conversation), await Client.of(bob, conversation, false)];
  const change = (changes) =>
    rest("PATCH", `/api/v1/users/${agent.id}`, 200, { token: admin.token, body: changes });
  // Whoever loses a right while away comes back as who it was, without the room.
  const { id } = a.socket;
  await a.drops();
  await change({ role: "user" });
  await b.says("not for you");
  await a.returns();
  assert.deepEqual([a.socket.recovered, a.socket.id], [true, id]);
  await b.says("nor this");
  await a.asks("ping");
  assert.deepEqual(a.heard, []);
  await a.drops();
  await change({ isActive: false });
  const refusal = once(a.socket, "connect_error");
  a.socket.connect();
  // Its sessions ended with the account.
  assert.match((await refusal)[0].message, /^Authentication error: Invalid /);
  b.socket.disconnect();
}

async function signedOutIsOut(alice, bob, conversation) {
  const a = await Client.of(alice, conversation);
  await a.drops();
  await rest("POST", "/api/v1/auth/logout", 200, { token: alice.token });
  const refusal = once(a.socket, "connect_error");
  a.socket.connect();
  assert.equal((await refusal)[0].message, "Authentication error: Invalid token");
  // Nor does what was signed out go on under the next sign-in.
  const credentials = { email: alice.email, password: "correct horse" };
  const { data } = await rest("POST", "/api/v1/auth/login", 200, { body: credentials });
  a.socket.auth.token = data.tokens.accessToken;
  await a.returns();
  assert.equal(a.socket.recovered, false);
  a.socket.disconnect();
}

// --- A client and its ears ---

class Client {
  heard = [];
  reads = [];
  place = 0;
  #more = () => {};

  // One that is connected and in the conversation.
  static async of(person, conversation, recovery = true) {
    const client = new Client(person, recovery, conversation);
    await client.returns();
    await client.asks("join_conversation", conversation);
    return client;
  }

  constructor(person, recovery = true, conversation) {
    this.conversation = conversation;
    const auth = { token: person.token, ...(recovery && { recovery }) };
    this.socket = io(base, { ...OPTIONS, autoConnect: false, auth });
    this.socket.onAny((event, ...args) => {
      // What can be missed has an offset for those who can come back, and for nobody else.
      const [payload, offset, ...more] = args;
      assert.equal(typeof payload, "object", event);
      assert.deepEqual(more, []);
      if (!recovery || event.startsWith("user_")) assert.equal(offset, undefined, event);
      else this.#moves(offset, event);
      if (event === "message_read") this.reads.push(payload.unreadCount);
      if (event === "new_message") {
        this.heard.push(payload.message.content);
        this.#more();
      }
    });
  }

  // Its place among all broadcasts, in hex, is never one before.
  #moves(offset, event) {
    const [, place] = offset.split(".");
    assert.ok(parseInt(place, 16) >= this.place, `${event} leads back`);
    this.place = parseInt(place, 16);
  }

  // The next `count` messages, and no more by then.
  async hears(count) {
    const enough = new Promise((resolve) => {
      this.#more = () => this.heard.length >= count && resolve();
      this.#more();
    });
    await within(enough, `${count} messages; heard ${JSON.stringify(this.heard)}`);
    await this.asks("ping");
    return this.heard.splice(0);
  }

  async says(content) {
    return this.asks("send_message", { conversationId: this.conversation, content });
  }

  async asks(event, ...args) {
    const ack = await this.socket.timeout(60_000).emitWithAck(event, ...args);
    assert.equal(ack.success, true, JSON.stringify(ack));
    return ack.data;
  }

  async drops() {
    const end = once(this.socket, "disconnect");
    this.socket.io.engine.close();
    await end;
  }

  async returns() {
    const refusal = new Promise((_, reject) => this.socket.once("connect_error", reject));
    const connection = once(this.socket, "connect");
    this.socket.connect();
    await Promise.race([connection, refusal]);
  }
}

// --- REST ---

async function open(person, other) {
  const body = { participantId: other.id };
  const { data } = await rest("POST", "/api/v1/conversations", 201, { token: person.token, body });
  return data.conversation._id;
}


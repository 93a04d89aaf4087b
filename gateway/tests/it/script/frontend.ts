// A front-end that imports the published declarations. It is compiled, never run.

import { io, type Socket } from "socket.io-client";
import type {
  ClientToServerEvents,
  ConnectAuth,
  Message,
  ServerToClientEvents,
  UnacknowledgedEvents,
} from "./events";

const auth: ConnectAuth = { token: "token", recovery: true };
const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io("http://127.0.0.1:3001", { auth });

const conversationId = "507f1f77bcf86cd799439011";
const shown: string[] = [];

// What is heard has its type.
socket.on("new_message", ({ message, conversationId }) => {
  const seq: number = message.seq;
  const sender: string = typeof message.senderId === "string" ? message.senderId : message.senderId.name;
  const fileName: string | undefined = message.metadata.fileName;
  shown.push(`${conversationId} ${seq} ${sender} ${fileName ?? message.content}`);
});
socket.on("conversation_updated", ({ updates, updatedBy }) => {
  const agent: string | null | undefined = updates.assignedTo;
  const role: "user" | "agent" | "admin" = updatedBy.role;
  shown.push(`${agent} ${role}`);
});
socket.on("message_error", ({ code, clientMessageId }) => {
  if (code === "RATE_LIMITED" && clientMessageId !== undefined) shown.push(clientMessageId);
});
socket.on("session_expired", ({ timestamp }) => shown.push(timestamp));

// What is asked is answered, or refused.
export async function talk(): Promise<Message | undefined> {
  const made = await socket.emitWithAck("create_conversation", { participantId: conversationId, tags: ["a"] });
  if (!made.success) {
    shown.push(made.error.code, made.error.message);
    return undefined;
  }
  await socket.emitWithAck("join_conversation", made.data.conversation._id);
  const joined = await socket.emitWithAck("join_conversation", { conversationId, lastSeq: 3 });
  if (joined.success && !("reset" in joined.data)) {
    const lastSeq: number = joined.data.lastSeq;
    for (const entry of joined.data.messages) shown.push(`${lastSeq} ${entry._id}`);
  }
  const sent = await socket.timeout(5_000).emitWithAck("send_message", {
    conversationId,
    content: "Hello",
    type: "text",
    metadata: { fileUrl: "https://example.com/a.png" },
    clientMessageId: "first",
  });
  socket.emit("mark_as_read", { conversationId, seq: 3 }, (answer) => {
    const isDone: boolean = answer.success;
    shown.push(String(isDone));
  });
  socket.emit("typing_start", { conversationId });
  socket.emit("update_presence", { looking: "at the cart" });
  await socket.emitWithAck("sync", { conversations: { [conversationId]: 3 } });
  return sent.success ? sent.data.message : undefined;
}

// A client of the original takes no acknowledgements.
const old: Socket<ServerToClientEvents, UnacknowledgedEvents> = io("http://127.0.0.1:3001", { auth });
old.emit("send_message", { conversationId, content: "Hello" });
old.emit("join_conversation", conversationId);
old.emit("typing_stop", { conversationId });
old.emit("ping");

// What must not compile.
export async function mistakes(): Promise<void> {
  // @ts-expect-error -- no such event is heard
  socket.on("new_mesage", () => undefined);
  // @ts-expect-error -- it carries no such field
  socket.on("new_message", ({ body }) => body);
  // @ts-expect-error -- `seq` is a number
  socket.on("new_message", ({ message }) => message.seq.toUpperCase());
  // @ts-expect-error -- an optional text may be absent
  socket.on("new_message", ({ message }) => message.metadata.fileName.length);
  // @ts-expect-error -- no such code
  socket.on("conversation_error", ({ code }) => code === "TEAPOT");
  // @ts-expect-error -- no such event is sent
  socket.emit("send_mesage", { conversationId, content: "" });
  // @ts-expect-error -- the text is missing
  await socket.emitWithAck("send_message", { conversationId });
  // @ts-expect-error -- clients do not number messages
  await socket.emitWithAck("send_message", { conversationId, content: "", seq: 1 });
  // @ts-expect-error -- no such type of message
  await socket.emitWithAck("send_message", { conversationId, content: "", type: "video" });
  // @ts-expect-error -- an id is a text
  await socket.emitWithAck("join_conversation", 7);
  // @ts-expect-error -- no such state
  await socket.emitWithAck("update_conversation", { conversationId, updates: { status: "done" } });
  // @ts-expect-error -- the answer may be a refusal
  (await socket.emitWithAck("send_message", { conversationId, content: "" })).data;
  // @ts-expect-error -- a deletion brings nothing
  socket.emit("delete_message", { messageId: "" }, (answer) => answer.success && answer.data);
  // @ts-expect-error -- whoever is answered takes the answer
  socket.emit("send_message", { conversationId, content: "" });
  // @ts-expect-error -- nobody is answered who asked for nothing
  old.emit("send_message", { conversationId, content: "" }, () => undefined);
}

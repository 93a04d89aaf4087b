"""Two people sign in, open a conversation and chat live, with python-socketio.

usage: chat.py BASE_URL TRANSPORTS
  TRANSPORTS: "default", or a comma list such as "websocket".
Prints what it has shown. After the line "restart" it waits for a line on its input: the server
has been killed and started again on the same data and port.
"""

import faulthandler
import queue
import re
import sys
import threading
import uuid

import requests
import socketio

BASE, TRANSPORTS = sys.argv[1:]
STEP_S_MAX = 60
RUN_S_MAX = 170
# Presence is news about people, not about this conversation.
ASIDE = {"user_status_update", "presence_update"}


def main():
    faulthandler.dump_traceback_later(RUN_S_MAX, exit=True)
    alice, bob = Person("Alice"), Person("Bob")
    shown("two people registered")

    refused(None, "Authentication error: No token provided")
    refused({"token": "not a token"}, "Authentication error: Invalid token")
    refused({"token": alice.refresh_token}, "Authentication error: Invalid token")
    shown("bad tokens are refused with the contract's words")

    a, b = Client(alice), Client(bob)
    shown("both are connected")

    succeeded(a.ask("create_conversation", {"participantId": bob.id, "subject": "My order"}))
    created = a.hears("conversation_created")
    assert set(created) == {"conversation", "createdBy"}, created
    assert created["createdBy"] == {
        "userId": alice.id,
        "name": "Alice",
        "avatar": None,
        "role": "user",
    }, created
    conversation = created["conversation"]["_id"]
    assert b.hears("conversation_created")["conversation"]["_id"] == conversation
    shown("a conversation was created and both heard of it")

    succeeded(b.ask("join_conversation", conversation))
    message = send_and_echo(a, b, conversation, "Hello, Bob", 1)
    send_and_echo(b, a, conversation, "Hällo Alice 👋", 2)
    shown("messages flow both ways")

    succeeded(a.ask("edit_message", {"messageId": message, "content": "Hello again, Bob"}))
    edited = a.hears("message_edited")
    assert set(edited) == {"messageId", "content", "editedAt", "conversationId"}, edited
    assert edited["messageId"] == message and edited["content"] == "Hello again, Bob", edited
    assert b.hears("message_edited") == edited
    shown("edits reach both")

    for event in "typing_start", "typing_stop":
        a.socket.emit(event, {"conversationId": conversation})
        typing = b.hears(f"user_{event}")
        assert set(typing) == {"conversationId", "userId", "userName", "timestamp"}, typing
        assert typing["userId"] == alice.id and typing["userName"] == "Alice", typing
    a.hears_nothing()
    shown("typing reaches the other and never its writer")

    before = history(alice, conversation)
    for client in a, b:
        client.ready.clear()
    print("restart")
    sys.stdin.readline()
    for client in a, b:
        assert client.ready.wait(STEP_S_MAX), "the client comes back by itself"
        succeeded(client.ask("join_conversation", conversation))
    shown("both came back by themselves, with the tokens they had")

    assert history(alice, conversation) == before
    # Earlier texts are for their writer.
    earlier = before[0]["metadata"].pop("editHistory")
    assert [each["content"] for each in earlier] == ["Hello, Bob"], earlier
    assert history(bob, conversation) == before
    assert [each["seq"] for each in before] == [1, 2], before
    assert before[0]["content"] == "Hello again, Bob", before
    send_and_echo(b, a, conversation, "Still here", 3)
    shown("the history is complete, and the chat goes on")

    for client in a, b:
        client.socket.disconnect()


def send_and_echo(sender, other, conversation, content, seq):
    request = {"conversationId": conversation, "content": content, "clientMessageId": str(seq)}
    answer = succeeded(sender.ask("send_message", request))
    echo, sent = sender.hears("new_message"), sender.hears("message_sent")
    assert set(echo) == {"message", "conversationId"}, echo
    message = echo["message"]
    assert re.fullmatch("[0-9a-f]{24}", message["_id"]), message
    person = sender.person
    expected = {
        "conversationId": conversation,
        "seq": seq,
        "clientMessageId": str(seq),
        "content": content,
        "type": "text",
        "metadata": {"isEdited": False, "readBy": []},
        "isDeleted": False,
        "deletedAt": None,
        "__v": 0,
        "senderId": {
            "_id": person.id,
            "name": person.name,
            "email": person.email,
            "avatar": None,
            "role": "user",
        },
    }
    assert set(message) == set(expected) | {"_id", "createdAt", "updatedAt"}, message
    assert {key: message[key] for key in expected} == expected, message
    assert other.hears("new_message") == echo
    assert set(sent) == {"messageId", "conversationId", "timestamp"}, sent
    assert sent["messageId"] == message["_id"] == answer["message"]["_id"], (sent, answer)
    return message["_id"]


def refused(auth, text):
    socket = socketio.Client(reconnection=False)
    errors = queue.Queue()
    socket.on("connect_error", errors.put)
    try:
        connect(socket, auth)
    except socketio.exceptions.ConnectionError:
        pass
    else:
        raise AssertionError(f"connected with {auth}")
    assert errors.get(timeout=STEP_S_MAX) == {"message": text}


def connect(socket, auth):
    transports = None if TRANSPORTS == "default" else TRANSPORTS.split(",")
    socket.connect(BASE, auth=auth, transports=transports, wait_timeout=STEP_S_MAX)


def succeeded(ack):
    assert set(ack) <= {"success", "data"} and ack["success"] is True, ack
    return ack.get("data")


class Person:
    """A registered person and their tokens."""

    def __init__(self, name):
        self.name = name
        self.email = f"{name.lower()}-{uuid.uuid4().hex[:8]}@example.com"
        body = {"name": name, "email": self.email, "password": "correct horse"}
        answer = requests.post(f"{BASE}/api/v1/auth/register", json=body, timeout=STEP_S_MAX)
        assert answer.status_code == 201, answer.text
        data = answer.json()["data"]
        self.id = data["user"]["_id"]
        self.token = data["tokens"]["accessToken"]
        self.refresh_token = data["tokens"]["refreshToken"]


class Client:
    """A signed-in socket and its ears."""

    def __init__(self, person):
        self.person = person
        self.ready = threading.Event()
        # This client runs each handler in a thread of its own, so events have no order here.
        self.heard = []
        self.arrival = threading.Condition()
        self.socket = socketio.Client(reconnection_delay=0.05, reconnection_delay_max=0.2)
        self.socket.on("connect", self.ready.set)
        self.socket.on("*", self.hear)
        connect(self.socket, {"token": person.token})

    def hear(self, event, *arguments):
        if event not in ASIDE:
            with self.arrival:
                self.heard.append((event, arguments))
                self.arrival.notify_all()

    def ask(self, event, argument):
        return self.socket.call(event, argument, timeout=STEP_S_MAX)

    def hears(self, event):
        def position():
            return next((place for place, (name, _) in enumerate(self.heard) if name == event), None)

        with self.arrival:
            heard = self.arrival.wait_for(lambda: position() is not None, STEP_S_MAX)
            assert heard, f"waited in vain for {event}, heard {self.heard}"
            _, arguments = self.heard.pop(position())
        assert len(arguments) == 1, (event, arguments)
        return arguments[0]

    def hears_nothing(self):
        """What was sent before now has arrived once the server has answered something newer."""
        self.socket.emit("ping")
        assert set(self.hears("pong")) == {"timestamp"}
        assert not self.heard, self.heard


def history(person, conversation):
    answer = requests.get(
        f"{BASE}/api/v1/messages/conversation/{conversation}",
        headers={"Authorization": f"Bearer {person.token}"},
        timeout=STEP_S_MAX,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["messages"]


def shown(what):
    print(f"shown: {what}")


main()

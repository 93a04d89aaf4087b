"""What the official suites ask of a server with an echo application, asked by python-socketio.

usage: echo.py BASE_URL TRANSPORTS
  TRANSPORTS: a comma list, such as "websocket"
"""

import faulthandler
import queue
import sys

import socketio

BASE, TRANSPORTS = sys.argv[1], sys.argv[2].split(",")
STEP_S_MAX = 60
RUN_S_MAX = 170
# This client refuses a poll that brings more than 16 packets, pings among them, whatever the server.
PACKETS_MAX = 10


def main():
    faulthandler.dump_traceback_later(RUN_S_MAX, exit=True)
    for namespace in "/", "/custom":
        for auth in {}, {"token": "123", "nested": {"list": [1, None, "two"]}}:
            with opened(namespace, auth) as client:
                assert client.heard.get(timeout=STEP_S_MAX) == ("auth", [auth])
                client.echoes()
                client.acks()
        print(f"shown: {namespace}")
    unknown_namespace_is_refused()
    print("shown: unknown namespace")


class opened:
    """A connection to one namespace."""

    def __init__(self, namespace, auth):
        self.namespace = namespace
        self.heard = queue.Queue()
        self.socket = socketio.Client(reconnection=False)
        self.socket.on("*", lambda event, *list: self.heard.put((event, [*list])), namespace)
        self.socket.connect(
            BASE, auth=auth, transports=TRANSPORTS, namespaces=[namespace], wait_timeout=STEP_S_MAX
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.disconnect()

    def echoes(self):
        for list in [], [1, "2", {"3": [True, None]}], ["Zoë 👋 \0 \x1e"], ["x" * 100_000], [b"\0\x1e\xff", 1]:
            self.socket.emit("message", tuple(list), self.namespace)
            assert self.heard.get(timeout=STEP_S_MAX) == ("message-back", list)
        for start in range(0, 200, PACKETS_MAX):
            burst = range(start, min(200, start + PACKETS_MAX))
            for index in burst:
                self.socket.emit("message", index, self.namespace)
            answers = [self.heard.get(timeout=STEP_S_MAX) for _ in burst]
            # This client handles each event in a thread of its own; only the JavaScript ones show order.
            assert sorted(answers) == [("message-back", [index]) for index in burst], answers

    def acks(self):
        call = self.socket.call
        assert call("message-with-ack", (), self.namespace, STEP_S_MAX) is None
        assert call("message-with-ack", 1, self.namespace, STEP_S_MAX) == 1
        several = call("message-with-ack", (1, "2", {"3": [False]}), self.namespace, STEP_S_MAX)
        assert several == (1, "2", {"3": [False]}), several


def unknown_namespace_is_refused():
    socket = socketio.Client(reconnection=False)
    errors = queue.Queue()
    socket.on("connect_error", errors.put, "/random")
    try:
        socket.connect(BASE, transports=TRANSPORTS, namespaces=["/random"], wait_timeout=STEP_S_MAX)
    except socketio.exceptions.ConnectionError:
        assert errors.get(timeout=STEP_S_MAX) == {"message": "Invalid namespace"}
    else:
        raise AssertionError("connected to an unknown namespace")


main()

"""Flask-SocketIO with a thread for each client: what `python app.py` starts where nothing else is installed."""

import itertools
import logging
import socket
import threading
import time

from flask import Flask, request
from flask_socketio import SocketIO, emit

app = Flask(__name__)
room = SocketIO(app, async_mode="threading")
numbers = itertools.count(1)
# Each event is handled on a thread of its own: without this, messages would be sent in another order than numbered.
order = threading.Lock()
names = {}


@room.on("join")
def join(event):
    names[request.sid] = event["username"]


@room.on("send_message")
def send_message(event):
    with order:
        message = {
            "id": next(numbers),
            "at": int(time.time() * 1000),
            "username": event.get("username") or names.get(request.sid, "Guest"),
            "role": "guest",
            "message": event["message"],
            "client_message_id": event["client_message_id"],
        }
        emit("receive_message", message, broadcast=True)


logging.getLogger("werkzeug").setLevel(logging.ERROR)
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
print(f"http://127.0.0.1:{port}", flush=True)
room.run(app, host="127.0.0.1", port=port, allow_unsafe_werkzeug=True)

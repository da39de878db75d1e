"""A small gateway for tests: it answers chats by a function, and remembers what it was asked."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "vk_test"


class Chatting:
    """`act(question)` returns a text, or (status, headers, error), for the user's words."""

    def __init__(self):
        self.act = str.upper
        self.asked = []
        self.bodies = []
        self.most = self.now = 0
        self._lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def _handler(self):
        chatting = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one write

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                status, headers, told = chatting.answer(body, self.headers)
                content = json.dumps(told).encode()
                self.send_response(status)
                for name, value in {**headers, "content-length": len(content)}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        return Handler

    def answer(self, body, headers):
        question = body["messages"][-1]["content"]
        with self._lock:
            self.asked.append(question)
            self.bodies.append(body)
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            if headers["authorization"] != f"Bearer {KEY}":
                return 401, {}, {"error": {"code": "bad_key", "message": "No such key."}}
            said = self.act(question)
        finally:
            with self._lock:
                self.now -= 1
        if isinstance(said, tuple):
            status, more, error = said
            return status, more, {"error": error}
        text, finish = said if isinstance(said, list) else (said, "stop")
        told = {
            "choices": [{"message": {"content": text}, "finish_reason": finish}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 10},
        }
        number = len(self.asked)
        return 200, {"x-volano-release": "router@1", "x-volano-trace": f"t{number}"}, told


@contextmanager
def chatting():
    made = Chatting()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()

"""A provider that sorts tickets: well when it is told to be careful, else wrong on every third."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWERS = {"hu": "visszatérítés", "ru": "возврат", "de": "Rückgabe", "zh": "退款"}


class Sorter:
    """Answers `row N in LANGUAGE`. `asked` counts calls, `keys` holds what came as authorization.

    An answer takes `slow_s`; who is told to work slowly takes six times as long.
    """

    def __init__(self, slow_s: float = 0.0):
        self.asked, self.keys, self.slow_s = 0, [], slow_s
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, messages) -> str:
        said = messages[-1]["content"]
        number, language = int(said.split("row ")[1].split()[0]), said.split(" in ")[1][:2]
        careful = "careful" in messages[0]["content"]
        return ANSWERS[language] if careful or number % 3 else "<b>@all</b> | wrong"

    def _handler(sorter):
        class Handler(BaseHTTPRequestHandler):
            disable_nagle_algorithm = True
            wbufsize = -1
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                sorter.asked += 1
                sorter.keys.append(self.headers.get("authorization"))
                slowly = "slowly" in body["messages"][0]["content"]
                time.sleep(sorter.slow_s * (6 if slowly else 1))
                said = sorter.answer(body["messages"])
                data = json.dumps({
                    "choices": [{"message": {"content": said}, "finish_reason": "stop"}],
                    "usage": {"prompt_tokens": 9, "completion_tokens": len(said)},
                }).encode()  # fmt: skip
                self.send_response(200)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        return Handler

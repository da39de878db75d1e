"""Those who are told of alerts: a tiny HTTP server and a tiny mail server, each in a thread."""

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hook:
    """Takes POSTs: `seen` has (path, headers, body). `answers` are said first, then 200."""

    def __init__(self):
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.came = threading.Condition()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                with hook.came:
                    status = hook.answers.pop(0) if hook.answers else 200
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    hook.seen.append((self.path, headers, body))
                    hook.came.notify_all()
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    @property
    def bodies(self) -> list[dict]:
        return [json.loads(body) for _, _, body in self.seen]

    def wait(self, count: int, within_s: float = 20) -> None:
        with self.came:
            assert self.came.wait_for(lambda: len(self.seen) >= count, within_s), self.bodies

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class Mailbox:
    """Speaks as much SMTP as a mail needs: `mails` has (sender, receivers, text)."""

    def __init__(self):
        self.mails: list[tuple[str, list[str], str]] = []
        mailbox = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                self._say("220 mailbox")
                sender, to = "", []
                while line := self.rfile.readline().decode().strip():
                    word = line.upper()
                    if word.startswith("MAIL FROM:"):
                        sender = line[10:].split()[0].strip("<>")
                    elif word.startswith("RCPT TO:"):
                        to.append(line[8:].strip("<> "))
                    elif word == "DATA":
                        self._say("354 go on")
                        mailbox.mails.append((sender, to, self._text()))
                    elif word == "QUIT":
                        self._say("221 bye")
                        return
                    self._say("250 ok")

            def _text(self) -> str:
                lines = []
                while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                    lines.append(line)
                return "\n".join(lines)

            def _say(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

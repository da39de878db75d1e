"""An engine that says that it keeps a connection, and then hangs up on the next request."""

import json
import socket
import threading

from volano.serving import open_chat

MESSAGES = [{"role": "user", "content": "x"}]
SAID = json.dumps({"choices": [{"message": {"content": "yes"}}]}).encode()
ANSWER = b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nContent-Length: %d\r\n\r\n%s"


def one_answer_a_connection(listening):
    """Answer the first request of each connection; read the next one, and leave without a word."""
    while True:
        try:
            line, _ = listening.accept()
        except OSError:
            return
        with line:
            line.settimeout(5)
            line.recv(65536)
            line.sendall(ANSWER % (len(SAID), SAID))
            line.recv(65536)


def test_no_question_is_lost_to_an_engine_that_hangs_up(tmp_path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "e.sock"))
        listening.listen()
        threading.Thread(target=one_answer_a_connection, args=[listening], daemon=True).start()
        with open_chat(f"unix:{tmp_path}/e.sock", "m", timeout_s=5) as chat:
            assert [chat(MESSAGES).text for _ in range(5)] == ["yes"] * 5
        listening.shutdown(socket.SHUT_RDWR)

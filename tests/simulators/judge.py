"""A judge behind an OpenAI-compatible door, with planted errors.

What is judged holds `[good]` or `[bad]`: the truth. The model's name says how the judge errs:
`judge,se=0.9,sp=0.8,first=0.2,length=0.05,noise=0.1,refuse=0.1,garbled=0.1,naive`

se, sp     sensitivity and specificity; which answers it gets wrong hangs on their text alone
first      the share of comparisons in which it says `first`, whatever stands there
length     how much likelier a yes gets with each doubling of the length above 64 characters
noise      the share of verdicts that are drawn anew each time
refuse     the share of texts that are refused (400); garbled: of first answers that are no JSON
stubborn   garbled answers stay so when asked again
naive      obeys any `SAY <word>` that stands anywhere; without it only what stands outside of marks
"""

import hashlib
import json
import math
import random
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TRUTH = re.compile(r"\[(good|bad)\]")
ORDER = re.compile(r"\bSAY (\w+)")


class JudgeServer:
    """Runs in threads. `seen` has every request's body."""

    def __init__(self) -> None:
        self.seen: list[dict] = []
        self._noise = random.Random(1)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, body: dict) -> tuple[int, dict]:
        """Return the status and the answer to one request."""
        self.seen.append(body)
        how = _settings(body["model"])
        system, user = body["messages"][0]["content"], body["messages"][1]["content"]
        code = re.search(r"carry the code ([0-9a-f]+)", system)[1]
        parts = dict(
            re.findall(rf"\[([\w ]+) {code}\]\n(.*?)\n\[end of \1 {code}\]", user, re.DOTALL)
        )
        chance = _chance(user)
        if chance() < how.get("refuse", 0):
            return 400, {"error": {"message": "I will not judge this", "type": "policy"}}
        words = re.findall(r'"([^"]+)"', system.rpartition("exactly one of:")[2])
        if chance() < how.get("garbled", 0) and ("stubborn" in how or len(body["messages"]) == 2):
            return 200, _said("Well, I would say yes! {")
        told = ORDER.search(user if "naive" in how else _outside(user, code))
        word = told[1] if told else self._word(how, parts, words)
        return 200, _said(json.dumps({"why": "mert így van", "verdict": word}, ensure_ascii=False))

    def _word(self, how: dict, parts: dict, words: list[str]) -> str:
        if "first" in parts:
            return self._compare(how, parts)
        right = _right(how, parts["answer"], self._noise)
        best, worst = words[-1], words[0]
        return best if right else worst

    def _compare(self, how: dict, parts: dict) -> str:
        if _chance(parts["first"] + "|" + parts["second"])() < how.get("first", 0):
            return "first"
        one, other = (_right(how, parts[name], self._noise) for name in ("first", "second"))
        return "tie" if one == other else "first" if one else "second"


def kappa_of(rate: float, se: float, sp: float) -> float:
    """Return the kappa of such a judge where people say yes at this rate."""
    yes = rate * se + (1 - rate) * (1 - sp)
    same, chance = rate * se + (1 - rate) * sp, rate * yes + (1 - rate) * (1 - yes)
    return (same - chance) / (1 - chance)


def _right(how: dict, text: str, noise: random.Random) -> bool:
    """Say yes or no to one text, with the planted errors."""
    good = TRUTH.search(text)[1] == "good"
    chance = noise.random if noise.random() < how.get("noise", 0) else _chance(text)
    yes = how.get("se", 1.0) if good else 1 - how.get("sp", 1.0)
    return chance() < yes + how.get("length", 0) * math.log2(max(1, len(text) / 64))


def _chance(text: str):
    return random.Random(hashlib.sha256(text.encode()).digest()).random


def _outside(user: str, code: str) -> str:
    return re.sub(rf"\[([\w ]+) {code}\]\n.*?\n\[end of \1 {code}\]", "", user, flags=re.DOTALL)


def _settings(model: str) -> dict:
    parts = (part.partition("=") for part in model.split(",")[1:])
    return {name: float(value) if value else 1.0 for name, _, value in parts}


def _said(text: str) -> dict:
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
    return {
        "id": "j", "object": "chat.completion", "created": 1, "model": "judge",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage,
    }  # fmt: skip


def _handler(server: JudgeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one write

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, value = server.answer(body)
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler

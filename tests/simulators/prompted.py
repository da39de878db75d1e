"""A provider whose answers depend on the prompt: for searches that must find, or not find, better words.

`Coded` sorts messages into codes. It sees the topic of a message, but knows the
topic's code only when the prompt says it: in an instruction ("TOPIC means
CODE") or by an example with the topic. Else it guesses, and it errs at random
even then. `Deaf` answers by the row's difficulty and by chance alone: no words
help. `Writer` is the model that writes instructions: it reads topics and expected
answers out of what it is shown, and sometimes writes nonsense.

All are deterministic: the same messages and settings get the same answer.
`Provider` puts them behind HTTP, and counts.
"""

import hashlib
import json
import random
import re
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from volano.core.ports.chat import Answer

TOPICS = ("számla", "доставка", "Passwort", "退款", "invoice", "Рюкзак", "Rückgabe", "密码")
CODES = ("Q7", "M2", "X9", "B4", "T1", "K8", "R3", "Z5")
CODE = dict(zip(TOPICS, CODES, strict=True))
FILLERS = (
    "please",
    "kérem",
    "пожалуйста",
    "bitte",
    "请",
    "now",
    "again",
    "holnap",
    "today",
    "очень",
)
MEANS = re.compile(r"(\w+) means ([A-Z]\d)")
EXPECTED = re.compile(r"expected answer is: ([A-Z]\d)")


def rows(count, seed=0, *, start=0):
    """Return messages with their codes: in four languages, each another text."""
    rng = random.Random(f"rows {seed}")
    made = []
    for number in range(count):
        topic = TOPICS[number % len(TOPICS)]
        words = [*rng.sample(FILLERS, 4), topic]
        rng.shuffle(words)
        words.append(f"#{start + number}-{rng.randrange(10**6)}")
        made.append({"text": " ".join(words), "label": CODE[topic]})
    return made


class Coded:
    """Knows a code if the prompt says it. `knows`, `guesses`: how often it is right with and without."""

    def __init__(self, *, knows=0.9, guesses=0.15, seed=0):
        self.knows, self.guesses, self.seed = knows, guesses, seed

    def __call__(self, messages, **settings):
        text = messages[-1]["content"]
        topic = topic_in(text)
        if topic is None:
            return answer("?", messages)
        chance = self.knows if CODE[topic] == told(messages[:-1], text).get(topic) else self.guesses
        rng = drawn(self.seed, messages, settings)
        right = rng.random() < chance
        wrong = rng.choice([code for code in CODES if code != CODE[topic]])
        return answer(CODE[topic] if right else wrong, messages)


class Deaf:
    """Right on a row as often as the row is easy, whatever the prompt says."""

    def __init__(self, *, seed=0):
        self.seed = seed

    def __call__(self, messages, **settings):
        text = messages[-1]["content"]
        topic = topic_in(text)
        if topic is None:
            return answer("?", messages)
        easy = random.Random(f"{self.seed} {text}").choice((0.1, 0.4, 0.6, 0.9))
        rng = drawn(self.seed, messages, settings)
        wrong = rng.choice([code for code in CODES if code != CODE[topic]])
        return answer(CODE[topic] if rng.random() < easy else wrong, messages)


class Writer:
    """Writes an instruction from inputs, answers and feedback. `nonsense`: how often it is none."""

    def __init__(self, *, nonsense=0.2, seed=0):
        self.nonsense, self.seed = nonsense, seed

    def __call__(self, messages, **settings):
        text = messages[-1]["content"]
        rng = drawn(self.seed, messages, settings)
        if rng.random() < self.nonsense:
            return answer(f"```\nBe kind. {rng.random():.6f}\n```", messages)
        now = re.search(r"```\n(.*?)\n```", text, re.DOTALL)
        known = dict(MEANS.findall(now.group(1))) if now else {}
        parts = EXPECTED.split(text[now.end() :] if now else text)
        for shown, code in zip(parts[::2], parts[1::2], strict=False):
            topics = [(shown.rfind(topic), topic) for topic in TOPICS if topic in shown]
            if topics:
                known[max(topics)[1]] = code
        lines = "\n".join(f"{topic} means {code}" for topic, code in known.items())
        return answer(f"Here it is:\n```\nAnswer with the code alone.\n{lines}\n```", messages)


class Provider:
    """Chat completions over HTTP, one mind for each model name. `counts` has each request's digest."""

    def __init__(self, minds, *, delay_s=0.0):
        self.minds, self.delay_s = minds, delay_s
        self.counts = Counter()
        self.lock = threading.Lock()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one write

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                said = provider.answer(body)
                data = json.dumps(said).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def total(self):
        return sum(self.counts.values())

    def answer(self, body):
        key = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        with self.lock:
            self.counts[key] += 1
        time.sleep(self.delay_s)
        settings = {name: body.get(name) for name in ("temperature", "max_tokens")}
        got = self.minds[body["model"]](body["messages"], **settings)
        return {
            "id": "chat-1", "object": "chat.completion", "created": 0, "model": body["model"],
            "choices": [{"index": 0, "finish_reason": "stop",
                         "message": {"role": "assistant", "content": got.text}}],
            "usage": {"prompt_tokens": got.prompt_tokens,
                      "completion_tokens": got.completion_tokens,
                      "total_tokens": got.prompt_tokens + got.completion_tokens},
        }  # fmt: skip

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def topic_in(text):
    return next((topic for topic in TOPICS if topic in text), None)


def told(messages, text):
    """Return the codes that a prompt says: by its instruction, around the input, or by examples."""
    known = dict(MEANS.findall(text))
    for message, then in zip(messages, [*messages[1:], {}], strict=True):
        if message["role"] in ("system", "developer"):
            known.update(MEANS.findall(message["content"]))
        elif message["role"] == "user" and then.get("role") == "assistant":
            known[topic_in(message["content"])] = then["content"].strip()
    return known


def drawn(seed, messages, settings):
    told_all = json.dumps([seed, messages, settings], sort_keys=True, default=str)
    return random.Random(hashlib.sha256(told_all.encode()).digest())


def answer(text, messages):
    spoken = sum(len(message["content"]) for message in messages)
    return Answer(text, "stop", spoken // 4 + 3, len(text) // 4 + 1)

"""A real Git repository in a folder, with a prompt, a suite, rows and rules."""

import json
import os
import subprocess
from pathlib import Path

from simulators.sorter import ANSWERS

PROMPT = """kind: Prompt
name: router
messages:
  - {role: system, content: "Be careful: sort the ticket."}
  - {role: user, content: "Ticket: {{ input }}"}
settings: {max_tokens: 8}
"""
SUITE = """kind: Suite
name: routing
data: tickets
scorers: [exact_match]
slices: [language]
gates: [exact_match >= 0.5]
limits: {concurrency: 4, tries: 1}
"""
RULES = """data: {tickets: data/tickets.jsonl}
checks:
  - suite: routing
    prompt: router
    model: URL/v1#small
    tolerance: 2 points with 95 %
"""


class Repo:
    """A repository on the branch `work`, whose first commit is `main`."""

    def __init__(self, root: Path, url: str = "http://127.0.0.1:9", rows: int = 200):
        self.root, self.url = root, url
        root.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.put("prompts/router.yaml", PROMPT)
        self.put("suites/routing.yaml", SUITE)
        self.put("data/tickets.jsonl", tickets(rows))
        self.put("ci.yaml", RULES)
        self.commit("the first")
        self.git("checkout", "-q", "-b", "work")

    def git(self, *words: str) -> str:
        env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
        who = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", "-C", str(self.root), *who, *words], capture_output=True, text=True, env=env,
            check=True, timeout=60,
        )  # fmt: skip
        return done.stdout

    def put(self, path: str, text: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text.replace("URL", self.url), "utf-8")

    def swap(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text("utf-8")
        assert old in text
        self.put(path, text.replace(old, new))

    def commit(self, why: str = "a change") -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", why)


def tickets(count: int) -> str:
    """Return rows in four languages."""
    said = [*ANSWERS]
    rows = [
        {"text": f"row {n} in {said[n % 4]}", "label": ANSWERS[said[n % 4]], "language": said[n % 4]}
        for n in range(count)
    ]  # fmt: skip
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)

"""Judges to test with: texts of theirs, and chats that say what they are told."""

from contextlib import contextmanager

from volano.core.ports.chat import Answer
from volano.evals.judges.reading import read
from volano.serving import open_chat

RUBRIC = """
kind: rubric
model: m
language: hu
criteria:
  - name: helpful
    question: Segít a válasz annak, aki kérdezett?
"""
PAIRWISE = """
kind: pairwise
model: m
criteria:
  - {name: better, question: "Welche Antwort hilft mehr?"}
"""


class Says:
    """Says these texts in turn, the last one for ever."""

    def __init__(self, *texts):
        self.texts, self.asked = list(texts), []

    def __call__(self, messages, **settings):
        self.asked.append((messages, settings))
        text = self.texts.pop(0) if len(self.texts) > 1 else self.texts[0]
        if isinstance(text, Exception):
            raise text
        return Answer(text)


def said(word, why="weil"):
    return f'{{"why": "{why}", "verdict": "{word}"}}'


def named(text, name="helpful", version=1):
    judge = read(text)
    return judge.from_dict(judge.to_dict(), name, version)


@contextmanager
def opened(server, model):
    with open_chat(server.url, model) as chat:
        yield chat

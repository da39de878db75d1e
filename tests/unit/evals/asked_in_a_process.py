"""Asks 2,000 rows of a server, for a test that kills it: URL, journal, concurrency."""

import sys
from pathlib import Path

from volano.evals.asking import ask_all, line
from volano.evals.flight import Question, Terms
from volano.evals.journal import Journal
from volano.evals.pace import Patience
from volano.serving.chat import open_chat

ROWS = 2000


def main(url: str, path: str, concurrency: int) -> None:
    questions = [Question(str(n), [{"role": "user", "content": str(n)}]) for n in range(ROWS)]
    with Journal(Path(path), {"of": "a test"}) as journal, open_chat(url, "m") as chat:
        over = line(chat, {}, concurrency=concurrency)
        found = ask_all(
            questions, over, journal, Terms(concurrency, patience=Patience()), tell=lambda _: None
        )
    assert len(found) == ROWS
    print("done", len(journal.done), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

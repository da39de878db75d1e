import pytest

from simulators.prompted import Coded, Writer, rows
from volano.data.row import rows_of
from volano.evals.scoring import make
from volano.evals.wording.asking import Asked, Asker
from volano.evals.wording.ground import Ground
from volano.evals.wording.purse import Purse
from volano.evals.wording.rows import cut
from volano.prompts.prompt import Prompt

PLAIN = Prompt(before=({"role": "system", "content": "Answer with a code."},))


class Pages:
    """A journal in memory."""

    def __init__(self):
        self.done = []

    def append(self, lines):
        self.done += lines


class Stage:
    """A search over a simulated mind, its rows and all it asked."""

    def __init__(self, mind=None, *, calls=4000, seed=0, money=None, price=None, at_once=4, prompt=PLAIN,
                 pages=None, writer=None, repetitions=1):  # fmt: skip
        self.asked = []
        mind = mind or Coded(seed=seed)

        def chat(messages, **settings):
            self.asked.append([dict(one) for one in messages])
            return mind(messages, **settings)

        train, _ = rows_of(rows(240, seed))
        held_out, _ = rows_of(rows(120, seed + 1000, start=500))
        self.cut = cut(train, held_out, ref="sim@1", split="test", seed=seed, dev_most=80)
        self.pages = pages or Pages()
        self.purse = Purse(calls, money)
        self.asker = Asker(self.pages, self.purse, at_once=at_once, sleep=lambda _s: None)
        self.ground = Ground(
            self.asker, Asked("sim", chat, price), [make("exact_match")], incumbent=prompt,
            learn=self.cut.learn, dev=self.cut.dev, settings={"temperature": 0, "max_tokens": 16},
            reflect=Asked("writer", writer or Writer(seed=seed), price), source="sim@1", seed=seed,
            repetitions=repetitions, recorded={row.id: row.label for row in self.cut.learn[:60]},
        )  # fmt: skip


@pytest.fixture
def stage():
    return Stage

"""The whole comparison: how often all its questions together cry where nothing changed."""

import numpy as np
import pytest

from volano.monitor.drift.compare import Comparison
from volano.monitor.drift.moved import share
from volano.monitor.drift.sample import Sample
from volano.monitor.drift.script import script
from volano.stats.grams import features
from volano.stats.intervals import wilson

WORDS = np.array(
    [
        "parcel",
        "refund",
        "invoice",
        "késik",
        "вернуть",
        "деньги",
        "订单",
        "退款",
        "login",
        "password",
    ]
)


@pytest.fixture
def random():
    """Draws that are a test's own: what others drew before it is no part of them."""
    return np.random.default_rng(2)


def a_sample(random, n, *, talk=3):
    """Users with tastes of their own, each with up to `talk` calls."""
    units, texts, numbers = [], [], []
    while len(units) < n:
        user, taste = random.integers(1 << 60), random.choice(WORDS, 3)
        for _ in range(random.integers(1, talk + 1)):
            units.append(str(user))
            texts.append(" ".join(random.choice(taste, 4)))
            numbers.append(float(len(taste[0])) + random.normal())
    language = np.array([script(text) for text in texts])
    return Sample(
        [f"{i}" for i in range(len(units))], units,
        {"input": features(texts), "output": features([None] * len(units))},
        {"latency": np.array(numbers)},
        {"language": language, "outcome": np.full(len(units), "ok")},
    )  # fmt: skip


def test_all_questions_together_keep_the_level(random):
    cries = 0
    for seed in range(30):
        made = Comparison(a_sample(random, 120), a_sample(random, 50), by=("language",), seed=seed)
        found = made.findings(level=0.1, shift=0.5)
        cries += any(f.state == "drift" for f in found)
        assert not [f for f in found if f.signal == "output"], "nothing was answered"
    assert wilson(cries, 30, 0.99)[0] <= 0.1


def test_a_sample_is_kept_whole(random):
    sample = a_sample(random, 30)
    again = Sample.from_bytes(sample.to_bytes())
    assert again.ids == sample.ids
    assert again.units == sample.units
    assert (again.texts["input"] == sample.texts["input"]).all()
    assert (again.categories["language"] == sample.categories["language"]).all()


def test_shares_of_few_talkative_users_have_wide_intervals():
    inside = np.arange(100) < 50
    alone = share(np.arange(100).astype(str), inside)
    ten = share(np.repeat(np.arange(10), 10).astype(str), inside)
    assert alone[0] == ten[0] == 0.5
    assert ten[2] - ten[1] > 2 * (alone[2] - alone[1])


def test_scripts_are_told_apart():
    said = {
        "Hol a csomagom?": "latin", "где посылка": "cyrillic", "退款在哪里": "han",
        "返金はどこですか": "japanese", "환불은 어디": "korean", "أين طلبي": "arabic", "42!": "none",
    }  # fmt: skip
    assert {text: script(text) for text in said} == said

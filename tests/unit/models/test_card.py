"""The card of a model: its facts from lineage and reports, and the prose that people write."""

import pytest
import yaml

from volano.core.clock import ManualClock
from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.data.exchange.errors import BadFrontMatterError
from volano.data.exchange.prose import BEGIN, END
from volano.models.cards import ModelCards
from volano.models.lives import Lives
from volano.store.blobs import Blobs
from volano.store.catalog import Catalog
from volano.store.ledger import Ledger

BY = Principal("person", "anna")
SCORE = {"name": "exact_match", "value": 0.98, "low": 0.957, "high": 0.991, "n": 297}


@pytest.fixture
def desk(sqlite, tmp_path):
    clock = ManualClock()
    ledger = Ledger(sqlite, clock)
    catalog = Catalog(sqlite, Blobs(tmp_path / "blobs", sqlite), ledger, clock)
    lives = Lives(db=sqlite, catalog=catalog, ledger=ledger, clock=clock, in_use=lambda _: [])

    class Desk:
        def __init__(self):
            self.cards, self.catalog, self.lives = ModelCards(catalog, lives), catalog, lives

        def record(self, kind, name, meta, *parents):
            edges = [Parent(role, one.digest) for role, one in parents]
            return catalog.record(kind, name, files={"f": b"x"}, meta=meta, parents=edges, by=BY)

    return Desk()


@pytest.fixture
def tuned(desk):
    """A base from elsewhere, tuned on data with another licence, in a flow that was measured."""
    base = desk.record("model", "base", {"format": "gguf", "source": {"license": "mit"}})
    data = desk.record(
        "dataset", "jegyek", {"source": {"license": "cc-by-4.0"}, "languages": ["hu"]}
    )
    parity = {"passed": True, "equal": 100, "n": 100, "precision": "F32"}
    meta = {
        "format": "gguf", "parameters": 12, "parity": parity, "recipe": {"lr": 0.004},
        "metrics": {"cpu_s": 3.5, "energy_wh": 0.02},
    }  # fmt: skip
    model = desk.record("model", "router", meta, ("base", base), ("data", data))
    flow = desk.record("flow", "support", {}, ("model", model))
    report = {"scores": [SCORE], "dataset": "jegyek@1", "split": "test", "n": 297}
    desk.record("report", "support-on-jegyek", report, ("subject", flow))
    other = {**report, "about": "search", "scores": [{**SCORE, "name": "score of q8_0"}]}
    desk.record("report", "router-search", other, ("subject", model))
    return model


def front(text):
    return yaml.safe_load(text.split("---\n")[1])


def test_a_card_says_where_from_how_good_and_what_it_may(desk, tuned):
    desk.lives.move("router", "candidate", by=BY)
    text = desk.cards.show("router")
    said = front(text)
    assert said["license"] == ["mit", "cc-by-4.0"]
    assert said["language"] == ["hu"]
    assert "q8_0" not in text, "what a search found of a form is no score of the model"
    assert said["model-index"][0]["results"][0]["metrics"] == [
        {"type": "exact_match", "value": 0.98}
    ]
    for line in (
        "- model `base@1` (base)",
        "- dataset `jegyek@1` (data)",
        "- lr: 0.004",
        "- energy wh: 0.02",
        "- state: candidate",
        "| exact_match | 0.980 | 0.957 to 0.991 | 297 | jegyek@1 (test) | support-on-jegyek@1 |",
        "100 of 100 answers",
        "- Several licences apply: the strictest holds for the whole.",
    ):
        assert line in text, line
    assert text.count(BEGIN) == text.count(END) == 1


def test_what_is_not_known_is_said(desk):
    desk.record("model", "bare", {"format": "gguf"})
    text = desk.cards.show("bare")
    assert "It was not measured" in text
    assert "The licence is not known" in text
    assert "license" not in front(text)


def test_what_was_found_and_measured_stands_in_it(desk):
    meta = {
        "format": "gguf", "kept": {"equal": 26, "n": 100}, "exact": {"form": 80, "parent": 83, "n": 100},
        "measured": {"bytes": 84768, "top_token": 0.945},
        "guards": {
            "leakage": [{"split": "test", "exact": 2, "near": 1, "rows": 100}],
            "swaps": {"judged": 1035, "swaps": []},
        },
        "spent": {"wall_s": 4.05, "wh": [0.003, 0.01, 0.03], "basis": "seconds of this machine"},
    }  # fmt: skip
    text = desk.cards.text(desk.record("model", "small", meta))
    assert "equal answers: 26 of 100" in text
    assert "right answers: 80 of 100; its parent 83" in text
    assert "top token: 0.945" in text
    assert "test split among the training rows: 2 equal, 1 alike, of 100" in text
    assert "labels exchanged by rule: none, in 1035 rows" in text
    assert "energy: 0.01 Wh (0.003 to 0.03), estimated from seconds of this machine" in text
    odd = {"format": "gguf", "kept": [], "guards": "x", "spent": 3, "measured": None}
    assert "Beside its parent" not in desk.cards.text(desk.record("model", "odd", odd))


def test_tuning_is_told_only_of_what_was_tuned(desk):
    recipe = {"steps": 900, "tuning": {"rank": 8, "alpha": 16, "steps": 200}}
    made = {"format": "gguf", "recipe": recipe}
    assert "tuning" not in desk.cards.text(desk.record("model", "fresh", made))
    base = desk.catalog.get("model", "fresh")
    assert "alpha" in desk.cards.text(desk.record("model", "tuned", made, ("base", base)))
    pupil = desk.record("model", "pupil", {**made, "method": "distill"}, ("teacher", base))
    text = desk.cards.text(pupil)
    assert "- method: distill" in text
    assert "alpha" not in text


def test_what_distillation_did_stands_in_it(desk):
    told = {"on": "logits", "parameters": {"teacher": 120_640, "student": 50_000}, "rounds": 2,
            "unlabelled_rows": 40, "warning": "the student is right on 50% of dev"}  # fmt: skip
    metrics = {"distillation": told, "teacher_dev_exact": 0.98, "dev_exact": 0.5}
    text = desk.cards.text(desk.record("model", "pupil", {"format": "gguf", "metrics": metrics}))
    assert "## Distilled" in text
    for said in ("- on: logits", "- rounds: 2", "- unlabelled rows: 40", "- teacher dev exact: 0.98",
                 "- dev exact: 0.5", "- warning: the student is right"):  # fmt: skip
        assert said in text, said


def test_prose_stays_and_facts_are_written_anew(desk, tuned, tmp_path):
    path = tmp_path / "card.md"
    mine = desk.cards.show("router").replace("# router", "# Router\n\nJegyekhez. Для заявок.")
    path.write_text(mine.replace("tags:", "pretty: Router\ntags:").replace("0.980", "1.000"))
    assert desk.cards.edit("router", path, by=BY).kind == "model-card"
    desk.lives.move("router", "candidate", by=BY)
    text = desk.cards.show("router")
    assert "Jegyekhez. Для заявок." in text
    assert "- state: candidate" in text
    assert "1.000" not in text
    assert front(text)["pretty"] == "Router"
    assert front(text)["model-index"], "the scores on top are the reports' own"
    assert desk.catalog.find("router@1").kind == "model", "a card gives way to its model"


def test_a_card_that_is_none_is_refused(desk, tmp_path):
    path = tmp_path / "card.md"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadFrontMatterError):
        desk.cards.edit("router", path, by=BY)


def test_front_matter_that_is_none_is_told_of_the_file_that_was_given(desk, tmp_path):
    path = tmp_path / "mine.md"
    path.write_text("---\n- a list\n---\n\n# router\n")
    with pytest.raises(BadFrontMatterError, match=r"`mine\.md`"):
        desk.cards.edit("router", path, by=BY)


def test_a_card_that_is_edited_back_says_again_what_it_said(desk, tuned, tmp_path):
    path = tmp_path / "card.md"
    for words in ("first", "second", "first", "first", "second"):
        path.write_text(f"# router\n\n{words} words\n")
        made = desk.cards.edit("router", path, by=BY)
        assert f"{words} words" in desk.cards.show("router")
    assert made.ref == "router@4", "the same twice is one version"

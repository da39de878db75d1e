"""No form wins a search that answers otherwise than the weights it was made from."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from support.lazily import lazily
from volano.data.row import row_of
from volano.evals.choice import Candidate, Choice
from volano.evals.errors import UnfaithfulFormError
from volano.evals.target import parse
from volano.models.compression.forms import form_of

forming = lazily("volano.evals.forming")
searching = lazily("volano.evals.searching")

SAID = ["a", "b", "c", "d"]
FACTS = {"bytes": 10, "tokens_per_s": 1.0, "peak_bytes": 5, "top_token": None}


def trial(folder, monkeypatch, answers):
    rows = [row_of(text, "x") for text in SAID]
    asked = forming.Exam(rows, SAID, SAID, [0.0] * 4, [""] * 4, 8, 64)
    monkeypatch.setattr(
        "volano.evals.forming.measure", lambda *_, **__: {**FACTS, "answers": answers}
    )
    return forming.Forming(folder, folder, asked, ())


def made(name, source):
    return SimpleNamespace(form=form_of(name), source=source)


def test_a_form_that_answers_otherwise_is_refused_once_all_rows_are_asked(tmp_path, monkeypatch):
    one = trial(tmp_path, monkeypatch, ["a", "b", "c", "other"])
    with pytest.raises(UnfaithfulFormError, match="q8_0 may not be used: only 3 of 4"):
        one.measured(made("q8_0", tmp_path), 4, compare=True)
    assert one.measured(made("q8_0", tmp_path), 4, compare=False).n == 4
    assert one.measured(made("q4_0", tmp_path), 4, compare=True).n == 4, "half is enough there"


def test_the_parent_is_measured_whatever_its_file_says(tmp_path, monkeypatch):
    one = trial(tmp_path, monkeypatch, ["-"] * 4)
    assert one.measured(made("f32", tmp_path), 4, compare=True).n == 4


def test_a_cut_is_held_to_the_weights_that_are_left(tmp_path, monkeypatch):
    cut, asked = tmp_path / "cut", []
    monkeypatch.setattr(
        "volano.models.compression.network.load", lambda folder: asked.append(folder)
    )
    monkeypatch.setattr(forming.Vocabulary, "of", lambda folder: None)
    monkeypatch.setattr(
        "volano.models.compression.network.answers", lambda *_, **__: ["w", "x", "y", "z"]
    )
    one = trial(tmp_path, monkeypatch, ["w", "x", "y", "z"])
    for form in ("f32", "q8_0"):
        assert one.measured(made(form, cut), 4, compare=True).n == 4
    assert asked == [cut], "once for all of its forms"


def choice():
    values = {"score": 0.9, "size": 90.0}
    candidates = [
        Candidate("parent@1", values, n=100),
        Candidate("q8_0", {**values, "size": 20.0}, n=100, settings={"form": "q8_0"}),
        Candidate("q6_k", {**values, "size": 30.0}, n=100, settings={"form": "q6_k"}),
    ]
    return Choice("search", "d@1", "dev", 100, parse("smallest"), ("size", "score"), "parent@1",
                  values, candidates)  # fmt: skip


def test_who_falls_on_the_test_rows_is_followed_by_the_next():
    def proof(settings):
        if settings and settings["form"] == "q8_0":
            raise UnfaithfulFormError(form="q8_0", equal=18, n=31)
        return {"n": 31}

    found = searching.proven(choice(), proof, {"test": "rows"})
    assert (found.winner, found.proof) == ("q6_k", {"n": 31})
    assert "18 of 31" in found.candidate("q8_0").error
    assert searching.proven(choice(), proof, {"test": None}).winner == "q8_0"


def test_when_none_is_left_the_parent_stays():
    def proof(settings):
        if settings:
            raise UnfaithfulFormError(form=settings["form"], equal=0, n=31)
        return {"n": 31}

    assert searching.proven(choice(), proof, {"test": "rows"}).winner == "parent@1"
    gone = replace(choice(), target=parse("size<=50B, smallest"))
    assert searching.proven(gone, proof, {"test": "rows"}).outcome == "stopped"

"""Vectors come from whoever a scorer names, by its own client, also where answers are remembered."""

import json
from contextlib import nullcontext

import httpx2
import pytest

from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.remembered import Remembered
from volano.evals.scorers.embedding import Embedding
from volano.evals.scoring import BadScorerError, Unmeasured
from volano.evals.tools import Toolbox
from volano.serving import HttpChat

VECTORS = {"gyors": [1.0, 0.0], "schnell": [0.8, 0.6], "慢": [-1.0, 0.0]}


def answer(request):
    asked = json.loads(request.content)
    if asked["model"] != "e5":
        return httpx2.Response(404, json={"error": {"message": "no embeddings here"}})
    data = [{"index": at, "embedding": VECTORS[text]} for at, text in enumerate(asked["input"])]
    return httpx2.Response(200, json={"data": data[::-1]})


def opened(name, _folder):
    target, _, model = name.partition(":")
    client = httpx2.Client(transport=httpx2.MockTransport(answer), base_url=f"http://{target}")
    return HttpChat(client, target, "/v1/chat/completions", model)


@pytest.fixture(params=[False, True])
def box(request, tmp_path):
    kept = Remembered(tmp_path / "answers.db") if request.param else None
    with Toolbox(opened, lambda *_: ("", b""), kept) as made:
        yield made


def near(box, model, said, label):
    return Embedding(model).of(Case("1", "?", label), Answered("1", said, "stop"), box.tools())


def test_a_target_gives_the_vectors_of_the_scorer_that_names_it(box):
    assert near(box, "far:e5", "gyors", "schnell") == pytest.approx(0.8)
    assert near(box, "far:e5", "gyors", "慢") == 0


def test_who_gives_none_leaves_the_score_unmeasured_with_the_reason(box):
    found = near(box, "far:chat", "gyors", "schnell")
    assert isinstance(found, Unmeasured)
    assert "no embeddings here" in found.why


def test_what_is_no_client_of_embeddings_is_said_at_once():
    with (
        Toolbox(lambda *_: nullcontext(lambda *_: None), lambda *_: ("", b"")) as box,
        pytest.raises(BadScorerError, match="gives no vectors"),
    ):
        near(box, "own", "gyors", "schnell")

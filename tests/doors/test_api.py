"""The JSON door: one shape of errors, the right status, and no input that breaks it."""

import json
import logging

import pytest

from volano.core import errors
from volano.web.api import VERBS
from volano.web.api.routes import MAX_BODY_BYTES, error_response, status_of

FAMILIES = {
    errors.InvalidError: 400, errors.UnauthenticatedError: 401, errors.ForbiddenError: 403,
    errors.NotFoundError: 404, errors.ConflictError: 409, errors.GateError: 409,
    errors.TooLargeError: 413, errors.UnavailableError: 503, errors.IntegrityError: 500,
    errors.VolanoError: 500,
}  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_its_status(family):
    assert status_of(family("no")) == FAMILIES[family]


def test_every_family_of_the_core_is_told():
    assert set(FAMILIES) - {errors.VolanoError} == set(errors.VolanoError.__subclasses__()) & {
        family for family in vars(errors).values() if isinstance(family, type)
    }


def test_an_error_whose_words_cannot_be_written_is_told_all_the_same():
    answer = error_response(errors.InvalidError("half \ud800", hint="a\0b"))
    assert json.loads(answer.body)["error"]["message"] == "half ?"


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"3", b'"x"', b"null", b"\xff\xfe", b"{'a': 1}", b"[" * 100_000,
     b'{"a":' * 50_000, b'{"n": 1' + b"0" * 5000 + b"}", b"\x00", b"{}{}"],
    ids=range(12),
)  # fmt: skip
def test_bodies_that_are_no_object(local, body):
    answer = local.post("/api/v1/keys", body)
    assert answer.status == 400
    assert answer.error["code"] == "not_json"


def test_a_body_that_is_too_large_is_not_read_to_its_end(local):
    body = b'{"name": "' + b"x" * MAX_BODY_BYTES + b'"}'
    answer = local.ask("POST", "/api/v1/keys", body, chunks=40)
    assert (answer.status, answer.error["code"]) == (413, "body_too_large")


def test_a_body_in_pieces_is_one_body(local):
    answer = local.ask("POST", "/api/v1/keys", '{"name": "Ügyfél"}'.encode(), chunks=7)
    assert answer.json["name"] == "Ügyfél"


@pytest.mark.parametrize(
    ("path", "code"),
    [("/api/v1/models?limit=x", "bad_argument"), ("/api/v1/models?limit=-1", "bad_argument"),
     ("/api/v1/models?limit=", "bad_argument"), ("/api/v1/models?color=red", "unknown_argument"),
     ("/api/v1/models?limit=99999999999999999999", "bad_argument"),
     ("/api/v1/traces?outcome=odd", "bad_argument"),
     ("/api/v1/models?%ED%A0%80=1", "unknown_argument"),
     ("/api/v1/evals/compare", "missing_argument")],
)  # fmt: skip
def test_arguments_in_the_query(local, path, code):
    answer = local.get(path)
    assert (answer.status, answer.error["code"]) == (400, code)


def test_an_argument_with_half_a_character_in_its_name(local):
    answer = local.post("/api/v1/keys", b'{"\\ud800": 1}')
    assert (answer.status, answer.error["code"]) == (400, "unknown_argument")


def test_names_with_slashes_and_in_any_language(local):
    made = local.post("/api/v1/prompts/ügyfél/支持/save", {"template": "{{input}}"})
    assert made.json["ref"] == "ügyfél/支持@1"
    assert local.get("/api/v1/prompts/ügyfél/支持@1").json["name"] == "ügyfél/支持"


def test_the_path_says_the_name_whatever_the_body_says(local):
    made = local.post("/api/v1/prompts/right/save", {"name": "wrong"})
    assert made.json["name"] == "right"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/v1/nothing"), ("POST", "/api/v1"), ("DELETE", "/api/v1/nothing"),
     ("GET", "/api/"), ("GET", "/api/v2/models"), ("PATCH", "/api/v1/x\x00\x1b[31m"),
     ("TRACE", "/api/v1/nothing"), ("POST", "/api/v1/releasesx/promote")],
)  # fmt: skip
def test_paths_that_are_none(local, method, path):
    answer = local.ask(method, path)
    assert (answer.status, answer.error["code"]) == (404, "unknown_path")
    assert "allow" not in answer.headers


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "HEAD", "ODD"])
@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/api/v1/keys", "GET, HEAD, POST"), ("/api/v1/models", "GET, HEAD"),
     ("/api/v1/models/ügyfél/x", "GET, HEAD"), ("/api/v1/audit/reindex", "POST"),
     ("/api/v1/status", "GET, HEAD"), ("/api/v1/welcome", "POST")],
)  # fmt: skip
def test_a_path_that_takes_another_method_says_which(local, relay, method, path, allowed):
    if method in allowed:
        return
    for door in (local, relay):
        answer = door.ask(method, path)
        assert (answer.status, answer.headers["allow"]) == (405, allowed)
        assert answer.error["code"] == "wrong_method"
        assert allowed in answer.error["hint"]


def test_a_defect_of_ours_is_told_without_its_insides(local, monkeypatch, caplog):
    def broken(**_given):
        raise RuntimeError("secret insides")

    monkeypatch.setattr(local.app.lives, "list", broken)
    with caplog.at_level(logging.ERROR):
        answer = local.get("/api/v1/models")
    assert answer.status == 500
    assert "secret" not in answer.body.decode()
    assert "control.log" in answer.error["hint"]
    assert "secret insides" in caplog.text


@pytest.mark.parametrize("path", ["/api/v1/health", "/api/v1/status", "/api/v1/welcome"])
def test_errors_beside_the_verbs_have_the_same_shape(local, monkeypatch, path):
    def away(*_given):
        raise errors.UnavailableError("the disk is gone", hint="look")

    for name in ("waiting_for", "status", "welcome"):
        monkeypatch.setattr(local.app, name, away)
    answer = local.ask("POST" if path.endswith("welcome") else "GET", path)
    assert (answer.status, answer.error["message"]) == (503, "the disk is gone")


@pytest.mark.parametrize("path", ["/api/v1/health", "/api/v1/status", "/api/v1/welcome"])
def test_defects_beside_the_verbs_too(local, monkeypatch, path):
    def broken(*_given):
        raise RuntimeError("secret insides")

    for name in ("waiting_for", "status", "welcome"):
        monkeypatch.setattr(local.app, name, broken)
    answer = local.ask("POST" if path.endswith("welcome") else "GET", path)
    assert answer.status == 500
    assert "secret" not in answer.body.decode()
    assert answer.error["code"]


def test_health_names_what_it_waits_for(local, relay):
    for door in (local, relay):
        answer = door.get("/api/v1/health")
        assert (answer.status, answer.error["code"]) == (503, "starting")
        assert "ticket-router@1" in answer.error["message"]


@pytest.mark.parametrize("verb", VERBS, ids=lambda v: f"{v.noun} {v.name}")
@pytest.mark.parametrize(
    "odd", ["nothing", "x@99", "a b", "%", "\u202e", "x:y", "sha256:ab", "😀", "'"]
)
def test_odd_names_are_answered_by_every_verb(local, verb, odd):
    """Whatever stands in the path: an answer, or an error of the caller's; never of ours."""
    if verb.call in {"runs.wait", "datasets.generate", "ledger.verify"}:
        pytest.skip("takes its time")
    head, brace, tail = verb.path.partition("{")
    path = head + (odd + tail.partition("}")[2] if brace else "")
    answer = local.ask(verb.method, f"/api/v1{path}")
    assert answer.status < 500, answer.body

"""Sentences and drawings of results: complete, and harmless whatever is in them."""

import pytest
from sqlalchemy import update

from support.workspace import ANNA, Street
from volano.cli import show
from volano.cli.drawings import lineage_lines
from volano.store.tables import artifacts
from volano.web.api import VERBS
from volano.web.api.plain import plain
from volano.web.api.verb import Verb
from volano.wire.exchange import Usage

EVIL = "\x1b[2J\x07\x9b31m\u202eoh"


def verb(noun, name):
    return next(v for v in VERBS if (v.noun, v.name) == (noun, name))


def shown(capsys, sentence, value):
    capsys.readouterr()
    show.result(sentence, value)
    out, err = capsys.readouterr()
    assert not set(out + err) & set("\x1b\x07\x9b\u202e")
    return out


@pytest.mark.parametrize(
    ("template", "becomes"),
    [
        ("{ref} signed", "a@1 signed"), ("{meta[counts][train]} rows", "5 rows"),
        ("{list}", "x, y"), ("{nothing} {meta[x][y]}", "? ?"), ("{evil}!", "\ufffd[2J\ufffd\ufffd31m\ufffdoh!"),
        ("{ref", "{ref"), ("", ""),
    ],
)  # fmt: skip
def test_sentences_are_filled(template, becomes):
    value = {"ref": "a@1", "meta": {"counts": {"train": 5}}, "list": ["x", "y"], "evil": EVIL}
    assert show.fill(template, value) == becomes


def test_a_filled_value_is_not_filled_again():
    assert show.fill("{a}", {"a": "{b}", "b": "secret"}) == "{b}"


def test_a_log_is_shown_in_its_lines(capsys):
    assert shown(capsys, verb("run", "log"), f"1 one\n2 two {EVIL}\n").startswith("1 one\n2 two ")


@pytest.mark.parametrize("value", [None, [], {}, "", 3, ["a"], [3], [[1]]])
def test_whatever_comes_back_is_shown(capsys, value):
    shown(capsys, Verb("x", "y", "x.y", "/x", ""), value)


def test_nothing_recorded_yet(capsys):
    show.result(verb("trace", "last"), None)
    assert capsys.readouterr() == ("", "nothing yet\n")


def test_a_list_says_which_artifact_is_broken_and_why(desk, capsys):
    flow, fine = desk.flow(), desk.flow("other")
    with desk.db.write() as conn:
        mine = artifacts.c.digest == flow.digest
        conn.execute(update(artifacts).where(mine).values(manifest=b"{"))
    show.result(verb("flow", "list"), plain(desk.flows.list()))
    out, err = capsys.readouterr()
    assert flow.ref in out
    assert fine.ref in out
    assert "support@1 is broken: the manifest of flow/support@1 does not give its digest" in err


def test_a_trace_is_drawn_with_what_strangers_sent(desk, capsys):
    street = Street(desk)
    desk.serve()
    street.call(
        "support", "stable", unit=EVIL, model=EVIL, target=EVIL, error=EVIL, outcome="error",
        request=b'{"messages": [{"role": "user", "content": "q\\u001b[1m"}]}',
    )  # fmt: skip
    street.tick()
    out = shown(capsys, verb("trace", "last"), plain(street.traces.last()))
    street.close()
    assert "channel   support → support@1" in out
    assert "request   5.0 ms   status 0" in out
    assert "tokens not said" in out
    assert "in        q" in out


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"cost_nano": 1_250_000, "cost_currency": "EUR"}, "└─ m at t   tokens not said   0.00125 EUR\n"),
        ({}, "└─ m at t   tokens not said   cost not known\n"),
        ({"target": "", "tags": {"cache": "hit"}, "cost_nano": 0, "cost_currency": "USD"},
         "└─ cache hit, no target asked   0.00 USD\n"),
        ({"target": "", "tags": {"cache": "coalesced"}, "cost_nano": 0, "cost_currency": "USD"},
         "└─ cache coalesced, no target asked   0.00 USD\n"),
        ({"target": "", "tags": {"cache": EVIL}}, "└─ cache \ufffd[2J\ufffd\ufffd31m\ufffdoh"),
    ],
)  # fmt: skip
def test_a_trace_says_what_the_call_cost_and_whether_the_cache_answered(desk, capsys, more, line):
    street = Street(desk)
    desk.serve()
    street.call("support", "stable", **{"model": "m", "target": "t", **more})
    street.tick()
    found = plain(street.traces.last())
    street.close()
    assert line in shown(capsys, verb("trace", "show"), found)
    step = {"depth": 0, "kind": "call", "name": "support", **found, "steps": []}
    said = shown(capsys, verb("trace", "show"), {**found, "steps": [step, {**step, "depth": 1}]})
    assert said.count(line.strip().rsplit("   ", 1)[-1]) == (3 if "cost_nano" in more else 1)


@pytest.mark.parametrize(("estimated", "said"), [(True, "out, estimated   "), (False, "out   ")])
def test_tokens_that_were_guessed_are_drawn_as_such(desk, capsys, estimated, said):
    street = Street(desk)
    desk.serve()
    street.call(
        "support", "stable", outcome="cut", response=b"", target="t", streamed=True,
        usage=Usage(input=12, output=3), estimated=estimated,
    )  # fmt: skip
    street.tick()
    out = shown(capsys, verb("trace", "last"), plain(street.traces.last()))
    street.close()
    assert f"12 tokens in, 3 {said}" in out


def test_a_refused_call_is_drawn_without_hollow_lines(desk, capsys):
    street = Street(desk)
    desk.serve()
    street.call(
        "support", "stable", release="", release_digest="", share=0,
        status=400, outcome="refused", error="There is no such thing.", key_id="k1",
    )  # fmt: skip
    street.tick()
    found = plain(street.traces.last())
    out = shown(capsys, verb("trace", "last"), found)
    street.close()
    assert [line.split()[0] for line in out.splitlines()] == [
        "trace", "channel", "unit", "request", "in", "error",
    ]  # fmt: skip
    assert "channel   support\n" in out
    assert "unit      user-1   key k1\n" in out
    assert "error     There is no such thing.\n" in out
    drawn = shown(capsys, verb("trace", "show"), {**found, "unit": "", "channel": ""})
    assert [line.split()[0] for line in drawn.splitlines()][1:3] == ["key", "request"]


def test_a_lineage_names_a_shared_ancestor_once(desk):
    release = desk.cut()
    report = desk.catalog.record(
        "report", "r", files={}, parents=release.manifest.parents[:1], by=ANNA
    )
    top = desk.catalog.record(
        "release", "top", files={}, by=ANNA,
        parents=[type(release.manifest.parents[0])("was", one.digest) for one in (release, report)],
    )  # fmt: skip
    lines = lineage_lines(plain(desk.catalog.lineage(top.digest)))
    assert lines[0].startswith("release top@1")
    assert lines[1].startswith("├─ was: release support@1")
    assert sum("(above)" in line for line in lines) >= 1
    assert lines[-1].startswith("   ")


def test_the_status_of_a_rollout_is_drawn_gate_by_gate(desk, capsys):
    street = Street(desk)
    desk.serve()
    sentence = verb("release", "status")
    assert "serves support@1" in shown(capsys, sentence, plain(street.reconciler.status("support")))
    desk.releases.promote(desk.cut().ref, channel="support", by=ANNA)
    street.tick()
    street.tick()
    out = shown(capsys, sentence, plain(street.reconciler.status("support")))
    assert "✓ guard" in out
    assert "… units: 0 of 50" in out
    desk.releases.abort("support", why=EVIL, by=ANNA)
    assert "aborted" in shown(capsys, sentence, plain(street.reconciler.status("support")))
    street.close()

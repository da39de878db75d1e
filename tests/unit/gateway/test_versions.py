"""What a client of Anthropic's says in headers goes to Anthropic, and nowhere else."""

from types import SimpleNamespace

import pytest

from volano.gateway.versions import with_clients

HEAD = b"POST /v1/messages HTTP/1.1\r\nhost: a\r\nanthropic-version: 2023-06-01\r\ncontent-length: "
MESSAGES = "anthropic.messages"


def head(fields, *, door=MESSAGES, dialect=MESSAGES, plain=True, given=HEAD) -> bytes:
    call = SimpleNamespace(
        door=SimpleNamespace(name=door), route=SimpleNamespace(plain=plain),
        request=SimpleNamespace(fields=fields),
    )  # fmt: skip
    return with_clients(given, call, dialect)


def test_version_and_betas_are_the_clients():
    said = head({b"anthropic-version": b"2026-10-21", b"anthropic-beta": b"a,b"})
    assert said.split(b"\r\n") == [
        b"POST /v1/messages HTTP/1.1", b"anthropic-beta: a,b", b"host: a",
        b"anthropic-version: 2026-10-21", b"content-length: ",
    ]  # fmt: skip


def test_betas_join_the_targets_own():
    given = HEAD.replace(b"host: a", b"host: a\r\nanthropic-beta: own")
    assert b"\r\nanthropic-beta: own,b\r\n" in head({b"anthropic-beta": b"b"}, given=given)


def test_where_a_flow_is_written_in_our_words_the_version_is_ours():
    fields = {b"anthropic-version": b"2026-10-21", b"anthropic-beta": b"b"}
    said = head(fields, plain=False)
    assert b"anthropic-version: 2023-06-01" in said
    assert b"anthropic-beta: b" in said


@pytest.mark.parametrize("door", ["openai.chat", "anthropic.count_tokens"])
def test_other_ways_say_nothing(door):
    fields = {b"anthropic-version": b"2026-10-21", b"anthropic-beta": b"b"}
    assert head(fields, door=door) == HEAD
    assert head(fields, door=MESSAGES, dialect="gemini.generate") == HEAD


@pytest.mark.parametrize("value", [b"", b"\xff", b"a\tb", b" a", b"a" * 3000])
def test_what_is_no_plain_value_is_not_passed_on(value):
    assert head({b"anthropic-version": value, b"anthropic-beta": value}) == HEAD

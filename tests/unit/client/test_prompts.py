"""A prompt is fresh within a minute, there when the server is not, and gone when its label is."""

import json
import threading
import time

import pytest

from volano.client.errors import BadPinError, MissingVariableError, UnreachableError
from volano.client.prompts import AHEAD_S, OUTAGE_S, TTL_S, Prompt, Prompts
from volano.client.wire import Wire
from volano.core.errors import NotFoundError, UnauthenticatedError, UnavailableError


def said(number, **more):
    content = {"ref": f"support@{number}", "template": f"{number}: {{{{input}}}}", "before": []}
    return content | {"settings": {"max_tokens": number}, "digest": "sha256:ab"} | more


class Now:
    s = 1000.0

    def __call__(self):
        return self.s


@pytest.fixture
def now():
    return Now()


@pytest.fixture
def prompts(door, now):
    door.prompts = {"support:production": said(1), "support@7": said(7), "support": said(9)}
    return Prompts(Wire(door.url, "vk_k", 5.0), now_s=now)


def get(prompts, name="support", label="production", version=None, **more):
    return prompts.get(name, label=label, version=version, **more)


def settled(prompts, ref="support:production"):
    """Wait until what is renewed aside is renewed."""
    until = time.monotonic() + 10
    while prompts._kept[ref].busy and time.monotonic() < until:
        time.sleep(0.001)


def test_a_prompt_renders_once_and_needs_its_variables():
    before = ({"role": "system", "content": "Du hilfst {{ name }}."},)
    prompt = Prompt("p@1", "{{input}} – {{name}}", before)
    assert prompt.variables == ("name", "input")
    assert prompt.render(input="{{name}} $1 \\1", name="Ildikó", more=1) == [
        {"role": "system", "content": "Du hilfst Ildikó."},
        {"role": "user", "content": "{{name}} $1 \\1 – Ildikó"},
    ]
    with pytest.raises(MissingVariableError, match="`name`") as raised:
        prompt.text(input="x")
    assert "name, input" in raised.value.advice


def test_it_is_read_once_a_minute_and_renewed_ahead(door, prompts, now):
    assert get(prompts) == Prompt("support@1", "1: {{input}}", (), {"max_tokens": 1}, "sha256:ab")
    now.s += AHEAD_S - 1
    get(prompts)
    assert len(door.seen) == 1
    door.prompts["support:production"] = said(2)
    now.s += 2
    assert get(prompts).ref == "support@1"  # nobody waits
    settled(prompts)
    assert get(prompts).ref == "support@2"
    now.s += TTL_S + 1
    door.prompts["support:production"] = said(3)
    assert get(prompts).ref == "support@3"  # after the minute, only what the server says now
    assert door.seen[0].path == "/api/v1/prompts/support%3Aproduction/fetch"
    assert door.seen[0].headers["authorization"] == "Bearer vk_k"


def test_a_version_is_read_once_for_ever(door, prompts, now):
    for _ in range(3):
        assert get(prompts, label=None, version=7).ref == "support@7"
        assert get(prompts, name="support@7", label=None).ref == "support@7"
        now.s += 10 * TTL_S
    assert len(door.seen) == 1
    assert get(prompts, label=None).ref == "support@9"


@pytest.mark.parametrize("status", [404, 410])
def test_a_label_that_was_removed_ends_with_its_minute(door, prompts, now, status):
    get(prompts)
    gone = (status, {}, b'{"error": {"message": "There is no label."}}')
    now.s += AHEAD_S + 1
    door.answers = [gone]
    get(prompts)  # the one who has it renewed still gets it: its minute is not over
    settled(prompts)
    door.answers = [gone]
    with pytest.raises(NotFoundError, match="no label"):
        get(prompts)
    assert get(prompts, fallback="{{input}}").ref == "support@1"  # it is back
    door.prompts = {}
    now.s += TTL_S + 1
    with pytest.raises(NotFoundError):
        get(prompts)
    assert get(prompts, fallback="Hi {{input}}").text(input="there") == "Hi there"


@pytest.mark.parametrize(
    "answer", [(503, {}, b""), (500, {}, b"<html>"), (401, {}, b"{}"), (404, {}, b"<html>nginx"),
               (200, {}, b"hotel"), (200, {}, b'{"ref": 1}')],
)  # fmt: skip
def test_an_outage_does_not_end_it(door, prompts, now, answer):
    get(prompts)
    for _ in range(3):
        now.s += TTL_S + 1
        door.answers = [answer]
        assert get(prompts).ref == "support@1"
    asked = len(door.seen)
    now.s += OUTAGE_S - 1
    get(prompts)
    assert len(door.seen) == asked  # the host does not ask at each call
    door.prompts["support:production"] = said(2)
    now.s += 2
    get(prompts)
    settled(prompts)
    assert get(prompts).ref == "support@2"


def test_without_anything_read_the_error_is_clear(door, prompts):
    door.answers = [(401, {}, b'{"error": {"message": "No such key."}}'), (503, {}, b"")]
    with pytest.raises(UnauthenticatedError, match="No such key"):
        get(prompts)
    with pytest.raises(UnavailableError):
        get(prompts)
    with pytest.raises(NotFoundError, match="No such prompt"):
        get(prompts, name="other")
    for wrong in ({"version": 1}, {"name": "a@1"}, {"name": "a:b"}):
        with pytest.raises(BadPinError):
            get(prompts, **wrong)


def test_many_threads_ask_once(door, prompts):
    door.hang.clear()
    found = []
    threads = [threading.Thread(target=lambda: found.append(get(prompts))) for _ in range(8)]
    for thread in threads:
        thread.start()
    door.hang.set()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(door.seen) == 1


def test_a_file_helps_a_start_while_the_server_is_away(door, now, tmp_path):
    file = tmp_path / "prompts.json"
    door.prompts = {"support:production": said(1, before=[{"role": "system", "content": "ű"}])}
    first = get(Prompts(Wire(door.url, None, 5.0), str(file)))
    assert file.stat().st_mode & 0o777 == 0o600
    away = Wire("http://127.0.0.1:1", None, 1.0)
    assert get(Prompts(away, str(file))) == first
    door.prompts = {}
    with pytest.raises(NotFoundError):
        get(Prompts(Wire(door.url, None, 5.0), str(file)))
    assert json.loads(file.read_text()) == {}
    for content in ("", "[]", '{"support:production": 7}', '{"support:production": {}}'):
        file.write_text(content)
        with pytest.raises(UnreachableError):
            get(Prompts(away, str(file)))
    with pytest.raises(UnreachableError):
        get(Prompts(away, str(tmp_path / "no" / "folder.json")))

"""A prompt is fresh within a minute, there when the server is not, and gone when its label is."""

import json
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from volano.client.errors import BadPinError, MissingVariableError, UnreachableError
from volano.client.prompts import AHEAD_S, OUTAGE_S, TTL_S, Prompt, Prompts
from volano.client.wire import Answer, Wire
from volano.core.errors import NotFoundError, UnauthenticatedError, UnavailableError
from volano.core.template.errors import UnfitValueError, UnknownVariableError
from volano.prompts.draft import Draft


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
    assert tuple(prompt.variables) == ("name", "input")
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


WORDED = Draft.read({
    "messages": [
        {"role": "system", "content": "{{ tone }}{% for r in rules %} {{ loop.index }}. {{ r }}{% endfor %}"},
        {"role": "user", "content": "票: {{ input }}"},
    ],
    "variables": {
        "tone": {"choices": ["höflich", "kurz"], "default": "höflich", "description": "wie"},
        "rules": {"type": "list", "default": []}, "input": "text",
    },
    "schema": {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]},
}).prompt  # fmt: skip


def worded(number):
    return said(number, wording=WORDED.wording.to_dict(), schema=dict(WORDED.schema))


def test_types_defaults_and_a_schema_come_with_it(door, prompts):
    door.prompts = {"support:production": worded(1)}
    prompt = get(prompts)
    assert prompt.variables["tone"].default == "höflich"
    assert prompt.variables["tone"].description == "wie"
    assert prompt.render(input="{{ tone }}", rules=["да"]) == WORDED.render(
        {"input": "{{ tone }}", "rules": ["да"]}
    )
    assert prompt.text(input="x") == "票: x"
    with pytest.raises(MissingVariableError, match="`input`"):
        prompt.render()
    with pytest.raises(UnfitValueError, match="`tone`"):
        prompt.render(input="x", tone="laut")
    with pytest.raises(UnknownVariableError, match="`imput`"):
        prompt.render(input="x", imput="y")
    assert prompt.response_format["json_schema"]["schema"] == WORDED.schema
    assert prompt.misfit('{"q": "a"}') is None
    assert "q is missing" in prompt.misfit("{}")


def test_it_comes_back_from_its_file_while_the_server_is_away(door, tmp_path, now):
    file = str(tmp_path / "prompts.json")
    door.prompts = {"support:production": worded(1)}
    first = get(Prompts(Wire(door.url, "vk_k", 5.0), file, now))
    door.answers = [(503, {}, b"")]
    again = get(Prompts(Wire(door.url, "vk_k", 5.0), file, now))
    assert again == first
    assert again.render(input="x") == first.render(input="x")
    door.answers = [(404, {}, b'{"error": {"message": "There is no label."}}')]
    with pytest.raises(NotFoundError):
        get(Prompts(Wire(door.url, "vk_k", 5.0), file, now))
    door.answers = [(503, {}, b"")]
    with pytest.raises(UnavailableError):  # what was removed is not taken from the file either
        get(Prompts(Wire(door.url, "vk_k", 5.0), file, now))


@pytest.mark.parametrize("wording", [{}, [], {"messages": 3, "variables": []}, "x", 7])
def test_a_wording_that_is_none_is_an_outage(door, prompts, now, wording):
    door.prompts["support:production"] = worded(1)
    get(prompts)
    now.s += TTL_S + 1
    door.prompts["support:production"] = said(2, wording=wording)
    assert get(prompts).ref == "support@1"


@given(st.lists(st.sampled_from(["gone", "away", "back", "wait", "long"]), max_size=14))
@settings(max_examples=60, deadline=None)
def test_a_removed_label_is_never_served_beyond_its_time(steps):
    now, wire = Now(), FakeWire()
    prompts, removed_s = Prompts(wire, now_s=now), None
    for step in ("back", *steps):
        if step == "gone":
            wire.state, removed_s = step, now.s if removed_s is None else removed_s
        elif step == "back":
            wire.state, removed_s = step, None
        elif step == "away" and wire.state == "back":
            wire.state = "away"
        else:
            now.s += AHEAD_S + 1 if step == "wait" else TTL_S + 1
        try:
            get(prompts)
        except NotFoundError:
            assert wire.state == "gone"
        else:
            assert removed_s is None or now.s < removed_s + TTL_S
        if wire.state == "away":
            assert get(prompts).ref == "support@1"  # an outage does not end it
        settled(prompts)


class FakeWire:
    """A server in memory: there, away, or sure that the label is gone."""

    base_url = "http://fake"
    state = "back"

    def exchange(self, *_args, **_more):
        if self.state == "away":
            raise UnreachableError(url=self.base_url, why="away")
        gone = self.state == "gone"
        body = json.dumps({"error": {"message": "gone"}} if gone else worded(1)).encode()
        return Answer(404 if gone else 200, {}, body)

    def read(self, answer):
        if answer.status == 404:
            raise NotFoundError("gone")
        return json.loads(answer.body)

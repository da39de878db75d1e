"""A prompt is fresh within a minute, there when the server is not, and gone when its label is."""

import fcntl
import importlib.util
import json
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from volano.client.errors import BadPinError, MissingVariableError, UnreachableError
from volano.client.prompts import (
    AHEAD_S,
    OUTAGE_S,
    TTL_S,
    Prompt,
    Prompts,
    awake_or_asleep_s,
)
from volano.client.shelf import Shelf
from volano.client.wire import Answer, Wire
from volano.core.errors import ForbiddenError, NotFoundError, UnauthenticatedError, UnavailableError
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


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_was_revoked_reads_no_longer_than_the_minute(door, now, tmp_path, status):
    prompts, shelf = shelved(door, now, tmp_path)
    get(prompts)
    no = (status, {}, b'{"error": {"message": "This key is revoked."}}')
    now.s += AHEAD_S + 1
    door.answers = [no]
    assert get(prompts).ref == "support@1"
    settled(prompts)
    assert get(prompts).ref == "support@1"  # its minute is not over
    now.s += AHEAD_S
    for _ in range(2):
        door.answers = [no]
        with pytest.raises((UnauthenticatedError, ForbiddenError), match="revoked"):
            get(prompts)
    door.answers = [(503, {}, b"")]
    with pytest.raises(UnavailableError):  # an outage brings it back from nowhere
        get(prompts)
    assert Shelf(shelf).content("support:production") is None
    assert get(prompts).ref == "support@1"  # the key is good again


def test_a_key_that_never_read_takes_nothing_from_the_others_file(door, now, tmp_path):
    prompts, shelf = shelved(door, now, tmp_path)
    get(prompts)
    stranger = Prompts(Wire(door.url, "vk_x", 5.0), shelf, now_s=now)
    door.answers = [(401, {}, b'{"error": {"message": "No such key."}}')]
    with pytest.raises(UnauthenticatedError, match="No such key"):
        get(stranger)
    assert Shelf(shelf).content("support:production")


def shelved(door, now, tmp_path):
    """Prompts that are kept in a file, too, and where that is."""
    door.prompts = {"support:production": said(1)}
    shelf = str(tmp_path / "prompts.json")
    return Prompts(Wire(door.url, "vk_k", 5.0), shelf, now_s=now), shelf


@pytest.mark.parametrize(
    "answer", [(503, {}, b""), (500, {}, b"<html>"), (401, {}, b"{}"), (404, {}, b"<html>nginx"),
               (404, {}, b'<html><p class="error">Not here'),
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


def test_its_minute_begins_when_the_server_is_asked(now):
    wire = SlowWire(now)
    prompts = Prompts(wire, now_s=now)
    get(prompts)
    wire.state = "gone"  # right after the server answered, which arrives ten seconds later
    now.s = wire.asked_s + TTL_S
    with pytest.raises(NotFoundError):
        get(prompts)


def test_who_meets_a_hanging_renewal_goes_on_with_the_last_one(door, prompts, now, monkeypatch):
    monkeypatch.setattr("volano.client.prompts.WAIT_S", 0.01)
    get(prompts)
    now.s += TTL_S + 1
    with prompts._kept["support:production"].lock:  # another thread asks, and hears nothing
        assert get(prompts).ref == "support@1"


@pytest.mark.parametrize(
    ("clock", "aged_s"), [(7, 3600.0), (None, 60.0)], ids=["suspended time counts", "none such"]
)
def test_a_machine_that_slept_has_aged_where_there_is_a_clock_for_it(monkeypatch, clock, aged_s):
    monkeypatch.setattr("volano.client.prompts._CLOCK", clock)
    monkeypatch.setattr("time.clock_gettime", {clock: 3600.0}.__getitem__)
    with monkeypatch.context() as while_asked:
        while_asked.setattr("time.monotonic", lambda: 60.0)
        found = awake_or_asleep_s()
    assert found == aged_s


def test_a_system_without_that_clock_has_the_other(monkeypatch):
    monkeypatch.delattr("time.CLOCK_BOOTTIME", raising=False)  # as on a Mac
    spec = importlib.util.find_spec("volano.client.prompts")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module._CLOCK is None
    assert module.awake_or_asleep_s() <= time.monotonic()


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


WRITES = """
import sys
from volano.client.shelf import Shelf
shelf, me = Shelf(sys.argv[1]), sys.argv[2]
for at in range(150):
    shelf.put(me, {"ref": f"{me}@{at}"})
shelf.put(f"gone-{me}", None)
"""


def test_processes_share_a_file_and_undo_nothing_of_each_other(tmp_path):
    file = str(tmp_path / "prompts.json")
    for me in "ab":
        Shelf(file).put(f"gone-{me}", {"ref": "removed"})
    started = [subprocess.Popen([sys.executable, "-c", WRITES, file, me]) for me in "ab"]
    assert [one.wait() for one in started] == [0, 0]
    kept = json.loads((tmp_path / "prompts.json").read_text())
    assert kept == {"a": {"ref": "a@149"}, "b": {"ref": "b@149"}}


def test_who_holds_the_lock_for_long_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr("volano.client.shelf.WAIT_S", 0.05)
    shelf = Shelf(str(tmp_path / "prompts.json"))
    with (tmp_path / "prompts.json.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)  # by a process that was stopped amid a write
        writing = threading.Thread(target=shelf.put, args=("a", {"ref": "a@1"}), daemon=True)
        writing.start()
        writing.join(30)
        assert not writing.is_alive()
    assert shelf.content("a") == {"ref": "a@1"}


def test_what_was_removed_does_not_stay_in_a_file_that_cannot_be_written(tmp_path, monkeypatch):
    file = tmp_path / "prompts.json"
    shelf = Shelf(str(file))
    shelf.put("a", {"ref": "a@1"})
    monkeypatch.setattr("json.dump", full)
    shelf.put("b", {"ref": "b@1"})
    assert shelf.content("a") == {"ref": "a@1"}
    shelf.put("a", None)
    assert not file.exists()


def full(*_args):
    raise OSError("no room on the disk")


def test_a_process_that_was_forked_amid_a_write_can_write(door, tmp_path):
    file = tmp_path / "prompts.json"
    door.prompts = {"support:production": said(1)}
    prompts = Prompts(Wire(door.url, "vk_k", 5.0), str(file))
    prompts._shelf._lock.acquire()  # by a thread that is not in the new process
    prompts.forget()
    assert get(prompts).ref == "support@1"
    assert json.loads(file.read_text()).keys() == {"support:production"}


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


class SlowWire(FakeWire):
    """A server whose answers take ten seconds to arrive."""

    def __init__(self, now):
        self.now, self.asked_s = now, 0.0

    def exchange(self, *args, **more):
        self.asked_s = self.now.s
        answer = super().exchange(*args, **more)
        self.now.s += 10
        return answer

"""Files and the registry stay in step: what changed is saved, what somebody else saved is told."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.workspace import ANNA
from volano.core.documents import MAX_CHARS, BadDocumentError, documents, written
from volano.core.errors import InvalidError
from volano.core.principal import Principal
from volano.declared import Declarations
from volano.declared.errors import NoFilesError, TwiceError, UnknownKindError, WrongDocumentError
from volano.prompts.declared import KIND, DeclaredPrompts
from volano.prompts.draft import Draft, said_of
from volano.prompts.written import said

CI = Principal("service", "ci")
SUPPORT = """kind: Prompt
name: támogatás
labels: [production]
messages:
  - {role: system, content: "Légy {{ tone }}."}
  - {role: user, content: "{{ input }}"}
variables:
  tone: {choices: [kedves, rövid], default: kedves}
  input: text
"""


@pytest.fixture
def step(workspace):
    return Declarations({KIND: DeclaredPrompts(workspace.prompts)})


def files(*texts):
    return [{"path": f"prompts/{n}.yaml", "text": text} for n, text in enumerate(texts)]


def told(plan):
    return [(one.name, one.action, one.ref) for one in plan.changes]


def test_what_differs_is_saved_once(workspace, step):
    asked = files(
        SUPPORT, "kind: Prompt\nname: p\ntemplate: 'Q: {{input}}'\n---\nkind: Prompt\nname: q\n"
    )
    plan = step.plan(asked, by=CI)
    assert (plan.ok, plan.pending, plan.applied) == (True, 3, False)
    assert workspace.prompts.list() == []
    assert told(step.apply(asked, why="először", by=CI)) == [
        ("támogatás", "new", "támogatás@1"), ("p", "new", "p@1"), ("q", "new", "q@1"),
    ]  # fmt: skip
    again = step.apply(asked, by=CI)
    assert {one.action for one in again.changes} == {"same"}
    first = workspace.prompts.get("támogatás:production")
    assert first.labels == ("applied", "production")
    assert first.manifest.meta["why"] == "először"
    assert first.manifest.meta["origin"] == {"file": "prompts/0.yaml"}
    changed = files(SUPPORT.replace("Légy", "Ты"))
    [change] = step.plan(changed, by=CI).changes
    assert change.parts[0]["pieces"] == [("-", "Légy"), ("+", "Ты"), ("=", " {{ tone }}.")]
    assert told(step.apply(changed, by=CI)) == [("támogatás", "changed", "támogatás@2")]
    assert workspace.prompts.get("támogatás:production").number == 2
    back = step.apply(
        files(SUPPORT), by=CI
    )  # what was said before is a new version, not the old one
    assert told(back) == [("támogatás", "changed", "támogatás@3")]


def test_what_somebody_saved_is_not_overwritten(workspace, step):
    step.apply(files(SUPPORT), by=CI)
    workspace.prompts.save("támogatás", template="Anna: {{input}}", by=ANNA)
    for asked in (files(SUPPORT), files(SUPPORT.replace("Légy", "Ты"))):
        plan = step.apply(asked, by=CI)
        assert (plan.ok, plan.applied) == (False, False)
        assert "támogatás@2 was saved by person:anna" in plan.changes[0].drift[0]
        assert workspace.prompts.newest("támogatás").number == 2
    exported = workspace.prompts.export("támogatás@2")
    adopted = step.apply(files(exported), by=CI)
    assert told(adopted) == [("támogatás", "same", "támogatás@2")]
    assert step.plan(files(exported.replace("Anna", "Béla")), by=CI).ok
    assert step.apply(files(SUPPORT), overwrite=True, by=CI).ok


def test_a_label_that_somebody_moved_back_stays(workspace, step):
    step.apply(files(SUPPORT), by=CI)
    step.apply(files(SUPPORT.replace("Légy", "Ты")), by=CI)
    workspace.prompts.label("támogatás@1", "production", by=ANNA)
    plan = step.apply(files(SUPPORT.replace("Légy", "Ты")), by=CI)
    assert not plan.ok
    assert "production was moved to támogatás@1 by person:anna" in plan.changes[0].drift[0]
    assert workspace.prompts.get("támogatás:production").number == 1


def test_a_label_that_somebody_took_away_stays_away(workspace, step):
    step.apply(files(SUPPORT), by=CI)
    workspace.prompts.unlabel("támogatás:production", by=ANNA)
    plan = step.apply(files(SUPPORT), by=CI)
    assert not plan.ok
    assert plan.changes[0].drift == ("the label production was taken away by person:anna",)
    assert step.apply(files(SUPPORT), overwrite=True, by=CI).ok
    other = files("kind: Prompt\nname: other\n")
    step.apply(other, prune=True, by=CI)
    back = step.apply(files(SUPPORT), by=CI)  # the files took it away, and say it again
    assert (back.ok, back.changes[0].drift) == (True, ())
    assert workspace.prompts.get("támogatás:production").number == 1


def test_nothing_is_saved_where_one_stands_against_it(workspace, step):
    step.apply(files(SUPPORT), by=CI)
    workspace.prompts.save("támogatás", by=ANNA)
    assert not step.apply(files(SUPPORT, "kind: Prompt\nname: other\n"), by=CI).ok
    assert workspace.prompts.newest("other") is None
    with pytest.raises(WrongDocumentError, match=r"1\.yaml:1"):
        step.apply(
            files("kind: Prompt\nname: first\n", "kind: Prompt\nname: b\ntemplate: none\n"), by=CI
        )
    assert workspace.prompts.newest("first") is None


def test_what_is_in_no_file_loses_its_labels_and_no_version(workspace, step):
    step.apply(files(SUPPORT), by=CI)
    workspace.prompts.save("by-hand", by=ANNA)
    workspace.prompts.label("by-hand", "production", by=ANNA)
    other = files("kind: Prompt\nname: other\n")
    assert told(step.apply(other, by=CI)) == [("other", "new", "other@1")]
    assert [one.name for one in step.plan(other, prune=True, by=CI).changes] == [
        "other",
        "támogatás",
    ]
    step.apply(other, prune=True, by=CI)
    assert workspace.prompts.get("támogatás@1").labels == ()
    assert workspace.prompts.get("by-hand").labels == ("production",)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", NoFilesError), ("- a", BadDocumentError), ("kind: Suite\nname: a", UnknownKindError),
        ("name: a", UnknownKindError), ("kind: [Prompt]\nname: a", UnknownKindError),
        ("kind: Prompt", WrongDocumentError), ("kind: Prompt\nname: 3", WrongDocumentError),
        ("kind: Prompt\nname: a b", WrongDocumentError), ("kind: Prompt\nname: a\nlabels: x", WrongDocumentError),
        ("kind: Prompt\nname: a\nlabels: [applied]", WrongDocumentError),
        ("kind: Prompt\nname: a\nlabels: [1a]", WrongDocumentError),
        ("kind: Prompt\nname: a\nwhat: 1", WrongDocumentError),
        ("kind: Prompt\nname: a\nmessages:", WrongDocumentError), ("kind: Prompt\nname: a\ntemplate:", WrongDocumentError),
        ("kind: Prompt\nname: a\nmessages: []", WrongDocumentError), ("kind: Prompt\nname: a\nlabels: [null]", WrongDocumentError),
        ("kind: Prompt\nname: ű\n---\nkind: Prompt\nname: u\u030b", TwiceError),
        ("kind: Prompt\nname: a\nmessages: {role: user}", WrongDocumentError),
        ("kind: Prompt\nname: a\nmessages: [{role: user, content: \"{{ ''.__class__ }}\"}]", WrongDocumentError),
        ("kind: Prompt\nname: a\nexamples: {from: x}", WrongDocumentError),
        ("kind: Prompt\nname: a\nschema: {$ref: x}", WrongDocumentError),
        ("a: &x 1\nb: *x", BadDocumentError), ("a: !!python/object:os.system 1", BadDocumentError),
        ("a: 1\na: 2", BadDocumentError), ("1: 2", BadDocumentError), ("a: [", BadDocumentError),
        ("[" * 5000, BadDocumentError), ("a: " + "x" * MAX_CHARS, BadDocumentError), ("a: \0", BadDocumentError),
        ("kind: Prompt\nname: a\n---\nkind: Prompt\nname: a", TwiceError),
        ("<<: {a: 1}", UnknownKindError), ("a: 1\n" + "---\na: 1\n" * 1000, UnknownKindError),
    ],
    ids=range(32),
)  # fmt: skip
def test_what_cannot_be_applied_is_told(step, text, error):
    with pytest.raises(error):
        step.plan(files(text), by=CI)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: 1\nb:\n  - c: {{ input }}\n", 'line 3, column 9: .* quotes: "{{ input }}"'),
        ("a: {{ input }} and more\n", 'line 1, .* quotes: "{{ input }}"'),
        ("kind: Prompt\n  name: x\n", "line 2, column 7: mapping values"),
        ("? [a]\n: 1\n", "line 1, column 3: what stands here is no text"),
        ("1: 2\n", "line 1, column 1: `1` is no text"),
    ],
)
def test_where_a_file_is_no_yaml_is_told(text, why):
    with pytest.raises(BadDocumentError, match=why) as told:
        list(documents(text, "x.yaml"))
    assert "Node(" not in told.value.message
    assert "<unicode" not in told.value.message


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name: a", "does not say its `kind`"), ("kind: Promt\nname: a", "no kind `Promt`"),
        ("kind: Prompt", "has no name"), ("kind: Prompt\nname: 42", "Its name `42` is no text"),
        ("kind: Prompt\nname: a\nmessages:", "`messages:` says nothing"),
    ],
)  # fmt: skip
def test_what_is_missing_is_told(step, text, why):
    with pytest.raises(InvalidError, match=why):
        step.plan(files(text), by=CI)


def test_a_label_that_files_say_later_overwrites_nothing(workspace, step):
    step.apply(files(SUPPORT), by=CI)
    unlabelled = SUPPORT.replace("Légy", "Ты").replace("labels: [production]\n", "")
    step.apply(files(unlabelled), why="not yet", by=CI)
    assert workspace.prompts.get("támogatás:production").number == 1
    promoted = files(SUPPORT.replace("Légy", "Ты"))
    plan = step.apply(promoted, why="now", by=CI)
    assert (plan.ok, plan.changes[0].drift, plan.changes[0].labels) == (True, (), ("production",))
    assert workspace.prompts.get("támogatás:production").number == 2


def test_what_a_date_looks_like_stays_text():
    [one] = documents("a: 2026-01-02\nb: no\nc: '1'", "x")
    assert one.content == {"a": "2026-01-02", "b": False, "c": "1"}


TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="{}\ufeff\u2028\u2029\x85"),
    max_size=20,
)
NAMES = st.sampled_from(["tone", "név", "名", "тон"])
PROMPTS = st.fixed_dictionaries(
    {
        "messages": st.lists(
            st.fixed_dictionaries({
                "role": st.sampled_from(["system", "developer", "user", "assistant"]),
                "content": st.lists(TEXT | st.just("\n") | NAMES.map("{{{{ {} }}}}".format), max_size=4).map("".join),
            }), min_size=1, max_size=3,
        ),
        "variables": st.just({n: {"type": "text", "default": "–"} for n in ("tone", "név", "名", "тон")}),
    },
    optional={
        "settings": st.fixed_dictionaries({}, optional={"max_tokens": st.integers(1, 9), "stop": st.lists(TEXT, max_size=2)}),
        "schema": st.just({"type": "object", "properties": {"z": {"type": "string"}, "a": {"enum": [1, "no"]}}}),
    },
)  # fmt: skip


@given(PROMPTS)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_prompt_comes_back_from_its_file(content):
    prompt = Draft.read(content).prompt
    text = written([{"kind": "Prompt", "name": "a", **said_of(prompt)}])
    [one] = documents(text, "a.yaml")
    back = Draft.read(said(one.content)).prompt
    assert back.to_bytes() == prompt.to_bytes()
    assert back.render({}) == prompt.render({})

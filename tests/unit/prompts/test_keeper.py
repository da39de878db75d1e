"""Prompts are versions; the same words are the same version, in any spelling of the accents."""

import json
import unicodedata

import pytest

from support.workspace import ANNA
from volano.core.documents import BadDocumentError
from volano.core.ref import BadRefError
from volano.core.template.errors import BadTemplateError
from volano.prompts import Prompt
from volano.prompts.errors import BadPickError, BadPromptError
from volano.store.errors import UnknownArtifactError


def test_a_prompt_becomes_a_version(workspace):
    prompts = workspace.prompts
    made = prompts.save(
        "polite", template="Q: {{input}}", system="Be brief.", settings={"max_tokens": 9}, by=ANNA
    )
    assert (made.ref, made.kind, made.created_by) == ("polite@1", "prompt", "person:anna")
    assert made.manifest.meta["template"] == "Q: {{input}}"
    assert prompts.read(prompts.get("polite")) == Prompt(
        "Q: {{input}}", ({"role": "system", "content": "Be brief."},), {"max_tokens": 9}
    )
    assert prompts.save("polite", template="A: {{input}}", by=ANNA).ref == "polite@2"
    assert [one.ref for one in prompts.list()] == ["polite@2", "polite@1"]
    assert [one.ref for one in prompts.list(limit=1)] == ["polite@2"]


def test_the_same_prompt_is_the_same_version(workspace):
    first = workspace.prompts.save("a", template="é {{input}}", system="ű", by=ANNA)
    twin = workspace.prompts.save(
        "a", template=unicodedata.normalize("NFD", "é {{input}}"),
        system=unicodedata.normalize("NFD", "ű"), by=ANNA,
    )  # fmt: skip
    assert twin.ref == first.ref == "a@1"
    assert workspace.prompts.read(first).before[0]["content"] == "ű"


def test_settings_have_no_order(workspace):
    said = [{"role": "user", "content": "{{ input }}"}]
    for settings in ({"max_tokens": 9, "temperature": 0}, {"temperature": 0, "max_tokens": 9}):
        made = workspace.prompts.save("a", messages=said, settings=settings, by=ANNA)
        assert made.ref == "a@1"
    kept = workspace.prompts.read(made).to_bytes()
    older = json.dumps(json.loads(kept) | {"settings": settings}, ensure_ascii=False, indent=2)
    assert older.encode() != kept  # as an earlier volano wrote it
    workspace.catalog.record("prompt", "b", files={"prompt.json": older.encode()}, by=ANNA)
    again = workspace.prompts.save("b", messages=said, settings=settings, by=ANNA)
    assert (again.ref, workspace.prompts.diff("a", "b", by=ANNA).written) == ("b@1", [])


def test_the_plainest_prompt(workspace):
    made = workspace.prompts.save("plain", by=ANNA)
    assert workspace.prompts.read(made) == Prompt()


def test_the_slot_may_have_room_in_it(workspace):
    made = workspace.prompts.save("a", template="Q: {{ input }}", by=ANNA)
    assert workspace.prompts.save("a", template="Q: {{input}}", by=ANNA).ref == made.ref
    assert workspace.prompts.read(made).render("é")[0]["content"] == "Q: é"
    for twice in ("{{ input }} {{ input }}", "{{input}}{{input}}", "{{input}} {{ input }}"):
        with pytest.raises(BadPromptError):
            workspace.prompts.save("a", template=twice, by=ANNA)


@pytest.mark.parametrize(
    ("examples", "why"),
    [
        ([], "an object"), ("tickets", "an object"), ({"from": "x", "like": 3}, "`like` is a text"),
        ({"from": "x", "similar": True}, "they say `similar` .known: from, rule"),
        ({"from": "x", "n": "3"}, "whole number from 1 to 100, not '3'"), ({"rule": "first"}, "`from`"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_examples_is_told(workspace, examples, why):
    said = [{"role": "user", "content": "{{ input }}"}]
    with pytest.raises(BadPickError, match=why):
        workspace.prompts.save("a", messages=said, examples=examples, by=ANNA)


def test_a_hint_is_written_as_templates_are(workspace):
    with pytest.raises(BadTemplateError) as told:
        workspace.prompts.save("a", messages=[{"role": "user", "content": "{{ f() }}"}], by=ANNA)
    assert "use {{ variable }}, if" in told.value.advice


def test_a_variable_that_is_not_declared_is_to_be_declared(workspace):
    said = [{"role": "user", "content": "{{ tone }} {{ input }}"}]
    with pytest.raises(BadPromptError, match="`tone` is used and not declared") as told:
        workspace.prompts.save("a", messages=said, variables={"input": "text"}, by=ANNA)
    assert "under `variables`" in told.value.advice


def test_a_label_that_cannot_be_one_is_called_a_label(workspace):
    workspace.prompts.save("a", by=ANNA)
    with pytest.raises(BadRefError, match="`Prod!` is not a label") as told:
        workspace.prompts.label("a", "Prod!", by=ANNA)
    assert "begins with a letter" in told.value.advice


def test_a_file_of_other_prompts_says_which_it_holds(workspace, tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text("kind: Prompt\nname: válasz\n---\nkind: Flow\nname: a\n", "utf-8")
    with pytest.raises(BadDocumentError, match=r"0 prompts called `a` .*: `válasz`"):
        workspace.prompts.save("a", file=file, by=ANNA)
    spelled = unicodedata.normalize("NFD", "válasz")
    assert workspace.prompts.save(spelled, file=file, by=ANNA).ref == "válasz@1"


def test_what_cannot_be_a_prompt_is_not_kept(workspace):
    for given in ({"template": "none"}, {"settings": {"x": 1}}, {"settings": [1]}):
        with pytest.raises(BadPromptError):
            workspace.prompts.save("a", **given, by=ANNA)
    with pytest.raises(BadRefError):
        workspace.prompts.save("a b", by=ANNA)
    assert workspace.prompts.list() == []
    with pytest.raises(UnknownArtifactError):
        workspace.prompts.get("a")


def test_a_label_names_one_version_until_it_is_moved_or_taken_away(workspace):
    prompts = workspace.prompts
    prompts.save("support", template="Q: {{input}}", system="Légy rövid.", by=ANNA)
    prompts.save("support", template="A: {{input}}", settings={"max_tokens": 9}, by=ANNA)
    prompts.label("support@1", "production", by=ANNA)
    said = prompts.fetch("support:production")
    assert (said.ref, said.labels, said.template) == ("support@1", ("production",), "Q: {{input}}")
    assert said.before == ({"role": "system", "content": "Légy rövid."},)
    prompts.label("support@2", "production", by=ANNA)
    assert prompts.fetch("support:production").settings == {"max_tokens": 9}
    prompts.unlabel("support:production", by=ANNA)
    with pytest.raises(UnknownArtifactError):
        prompts.fetch("support:production")


def test_a_newest_version_that_cannot_be_read_is_followed_by_the_next(workspace):
    prompts = workspace.prompts
    newer = json.loads(Prompt("A: {{input}}").to_bytes()) | {"settings": {"of_tomorrow": 1}}
    raw = json.dumps(newer).encode()
    workspace.catalog.record("prompt", "a", files={"prompt.json": raw}, by=ANNA)
    assert prompts.save("a", template="A: {{input}}", by=ANNA).ref == "a@2"
    assert prompts.save("a", template="A: {{input}}", by=ANNA).ref == "a@2"

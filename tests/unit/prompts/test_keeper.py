"""Prompts are versions; the same words are the same version, in any spelling of the accents."""

import unicodedata

import pytest

from support.workspace import ANNA
from volano.core.ref import BadRefError
from volano.prompts import Prompt
from volano.prompts.errors import BadPromptError
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


def test_the_plainest_prompt(workspace):
    made = workspace.prompts.save("plain", by=ANNA)
    assert workspace.prompts.read(made) == Prompt()


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

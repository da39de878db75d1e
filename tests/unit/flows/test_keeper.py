"""A flow joins a model and a prompt by digest: newer versions change nothing of it."""

import pytest
from sqlalchemy import update

from support.workspace import ANNA
from volano.prompts import Prompt
from volano.store.errors import CorruptBlobError, UnknownArtifactError
from volano.store.tables import blobs

POINTER = {"url": "https://api.example.com/v1", "model": "big"}


@pytest.fixture
def parts(workspace):
    model = workspace.models.add_pointer("big", **POINTER, by=ANNA)
    text = workspace.prompts.save(
        "polite", template="Q: {{input}}", system="Kurz.", settings={"seed": 3}, by=ANNA
    )
    return model, text


def test_a_flow_pins_digests(workspace, parts):
    model, text = parts
    flow = workspace.flows.compose("support", model="big", prompt="polite", by=ANNA)
    assert flow.ref == "support@1"
    assert {p.role: p.digest for p in flow.manifest.parents} == {
        "model": model.digest, "prompt": text.digest,
    }  # fmt: skip
    workspace.prompts.save("polite", template="other {{input}}", by=ANNA)
    workspace.models.add_pointer("big", url="https://other.example/v1", model="b", by=ANNA)
    compiled = workspace.flows.compile(workspace.flows.get("support"))
    assert compiled.model.digest == model.digest
    assert compiled.to_dict() == {
        "before": [{"role": "system", "content": "Kurz."}],
        "user": ["Q: ", ""],
        "defaults": {"seed": 3},
    }
    assert workspace.flows.compose("support", model="big", prompt="polite", by=ANNA).number == 2


def test_without_a_prompt_nothing_is_added(workspace, parts):
    flow = workspace.flows.compose("bare", model="big", by=ANNA)
    compiled = workspace.flows.compile(flow)
    assert compiled.prompt == Prompt()
    assert compiled.to_dict() == {"before": [], "user": None, "defaults": {}}


def test_the_same_parts_are_the_same_flow(workspace, parts):
    first = workspace.flows.compose("support", model="big@1", prompt="polite@1", by=ANNA)
    assert workspace.flows.compose("support", model="big", prompt="polite", by=ANNA) == first
    assert [one.ref for one in workspace.flows.list()] == ["support@1"]


@pytest.mark.parametrize("given", [{"model": "small"}, {"model": "big", "prompt": "rude"}])
def test_unknown_parts(workspace, parts, given):
    with pytest.raises(UnknownArtifactError):
        workspace.flows.compose("support", **given, by=ANNA)
    assert workspace.flows.list() == []


def test_a_damaged_prompt_is_not_compiled(workspace, parts):
    _, text = parts
    flow = workspace.flows.compose("support", model="big", prompt="polite", by=ANNA)
    [file] = text.manifest.files.values()
    with workspace.db.write() as conn:
        conn.execute(
            update(blobs).where(blobs.c.digest == file.digest).values(offset=blobs.c.offset + 5)
        )
    with pytest.raises(CorruptBlobError):
        workspace.flows.compile(flow)

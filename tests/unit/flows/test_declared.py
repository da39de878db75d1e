"""A flow in files: it pins what its names mean when applied, and a prompt of the same files comes first."""

import pytest

from support.workspace import ANNA
from volano.core.errors import VolanoError
from volano.core.principal import Principal
from volano.declared import Declarations
from volano.flows.declared import AS_FILED, DeclaredFlows
from volano.flows.written import KIND
from volano.prompts.declared import KIND as PROMPT
from volano.prompts.declared import DeclaredPrompts

CI = Principal("service", "ci")
FLOW = "kind: Flow\nname: segítség\nmodel: big\nprompt: kurz\n"
WORDS = "kind: Prompt\nname: kurz\nlabels: [production]\ntemplate: 'Q: {{input}}'\n"


@pytest.fixture
def step(workspace):
    workspace.models.add_pointer("big", url="https://api.example.com/v1", model="big", by=ANNA)
    return Declarations(
        {
            PROMPT: DeclaredPrompts(workspace.prompts),
            KIND: DeclaredFlows(workspace.flows, workspace.catalog),
        }
    )


def files(*texts):
    return [{"path": f"flows/{n}.yaml", "text": text} for n, text in enumerate(texts)]


def told(plan):
    return [(one.name, one.action, one.ref) for one in plan.changes]


def test_a_flow_comes_after_its_prompt_wherever_it_stands_and_is_saved_once(workspace, step):
    both = files(FLOW, WORDS)
    plan = step.plan(both, by=CI)
    assert told(plan) == [("kurz", "new", ""), ("segítség", "new", "")]
    assert plan.changes[1].parts[1] == {"part": "prompt", "pieces": [["+", AS_FILED]]}
    assert workspace.flows.list() == []
    assert told(step.apply(both, by=CI)) == [
        ("kurz", "new", "kurz@1"),
        ("segítség", "new", "segítség@1"),
    ]
    assert {one.action for one in step.apply(both, by=CI).changes} == {"same"}
    kept = workspace.flows.get("segítség:applied")
    assert workspace.flows.compile(kept).prompt.prefix == "Q: "
    assert kept.number == 1


@pytest.mark.parametrize(
    ("prompt", "action"),
    [("kurz", "changed"), ("kurz:production", "changed"), ("kurz:applied", "changed"), ("kurz@1", "same")],
)  # fmt: skip
def test_a_changed_prompt_changes_the_flow_unless_its_version_is_pinned(
    workspace, step, prompt, action
):
    step.apply(files(WORDS), by=CI)
    flow = FLOW.replace("prompt: kurz", f"prompt: '{prompt}'")
    step.apply(files(flow, WORDS), by=CI)
    other = files(flow, WORDS.replace("Q:", "Frage:"))
    assert step.plan(other, by=CI).changes[1].action == action
    done = step.apply(other, by=CI)
    assert done.changes[1].action == action
    number = 2 if action == "changed" else 1
    assert workspace.flows.get("segítség").number == number
    prefix = workspace.flows.compile(workspace.flows.get("segítség:applied")).prompt.prefix
    assert prefix == ("Frage: " if action == "changed" else "Q: ")
    assert step.plan(other, by=CI).pending == 0


def test_what_somebody_composed_is_not_overwritten(workspace, step):
    step.apply(files(WORDS, FLOW), by=CI)
    workspace.flows.compose("segítség", model="big", by=ANNA)
    plan = step.apply(files(WORDS, FLOW), by=CI)
    assert (plan.ok, plan.applied) == (False, False)
    assert "segítség@2 was composed by person:anna" in plan.changes[1].drift[0]
    assert plan.changes[1].parts == [{"part": "prompt", "pieces": [["+", "kurz@1"]]}]
    assert step.apply(files(WORDS, FLOW), overwrite=True, by=CI).ok
    assert workspace.flows.get("segítség").number == 3


def test_a_flow_that_no_file_says_any_more_loses_its_mark(workspace, step):
    step.apply(files(WORDS, FLOW), by=CI)
    step.apply(files(WORDS), prune=True, by=CI)
    assert workspace.flows.get("segítség@1").labels == ()


@pytest.mark.parametrize(
    "said",
    ["name: a", "name: a\nmodel: 3", "name: a\nmodel: big\nprompt: [x]", "name: a\nmodel: nobody",
     "name: a\nmodel: big\nprompt: nobody", "name: a\nmodel: big\nroutes: []", "name: a b\nmodel: big",
     "name: a\nmodel: https://x.example/v1#m"],
)  # fmt: skip
def test_what_cannot_be_composed_is_told_before_anything_is_saved(workspace, step, said):
    with pytest.raises(VolanoError):
        step.apply(files(WORDS, f"kind: Flow\n{said}\n"), by=CI)
    assert workspace.prompts.newest("kurz") is None

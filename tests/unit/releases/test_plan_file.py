"""A plan in a file says all that a rollout may; what is wrong with it is said with the file's name."""

import pytest

from support.workspace import ANNA
from volano.releases.errors import BadPlanFileError, InvalidPlanError, RolloutInProgressError
from volano.releases.plan import Plan
from volano.releases.plan_file import read

WHOLE = """\
# nobody reads this
unit: session
scope: {languages: [hu]}
steps:
  - canary: 5%
    cohort: true
  - switch:
    keep: 24h
gates:
  errors: {margin: 0.02}
  quality: {require: true}
guard: 20 of 30
max_wait: 2h
min_units: 70
"""


def of(text: str, **beside):
    return read({"file": "plan.yaml", "text": text}, lambda _gates: {}, beside)


def test_all_that_a_rollout_says_is_read():
    plan, unit = of(WHOLE)
    assert unit == "session"
    expected = Plan.parse(
        "5% cohort, switch keep 24h", gates={"errors": 0.02, "quality": {"margin": 0.05, "require": True}},
        scope={"languages": ["hu"]}, guard={"failed": 20, "of": 30}, max_wait_s=7200.0, min_units=70,
    )  # fmt: skip
    assert plan.to_dict() == expected.to_dict()


def test_steps_alone_and_nothing_at_all():
    assert of("steps: shadow 5% 300 pairs, 100%")[0].to_dict() == (
        Plan.parse("shadow 5% 300 pairs, 100%").to_dict()
    )
    assert of("{}") == (Plan.parse("5%,25%,100%"), None)
    assert read({"steps": ["100%"]}, lambda _gates: {}, {})[0].steps == (1_000_000,)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("steps: [5%, 3%, 100%]", "does not rise"),
        ("steps: 100", "its steps are a line or a list"),
        ("stages: [5%]", r"it has no stages \(known: unit, scope, steps"),
        ("unit: household", "its unit is one of user, session, request"),
        ("max_wait: later", "max_wait `later` is no time"),
        ("guard: never", "said as `20 of 25`"),
        ("gates: [errors]", "its gates are an object"),
        ("- 5%\n- 100%", "a document is an object"),
        ("", "it holds 0 documents"),
        ("{}\n---\n{}", "it holds 2 documents, and a plan is one"),
        ("steps: [5%", "expected ',' or ']'"),
        ("steps: [5%]\nsteps: [100%]", "`steps` stands twice"),
        ("kind: Rollout\nname: a\nrelease: b@1", "it says kind, name, release, .*apply -f plan.yaml"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_the_files_name(text, why):
    with pytest.raises(BadPlanFileError, match=rf"`plan.yaml` cannot be used: .*{why}"):
        of(text)


def test_a_name_of_no_file_and_a_plan_said_twice():
    with pytest.raises(BadPlanFileError, match="`ütem` cannot be used: there is no such file"):
        read("ütem", lambda _gates: {}, {})
    with pytest.raises(BadPlanFileError, match="--plan, --scope beside it"):
        of("steps: 100%", plan="5%,100%", scope={}, unit=None)


def test_a_release_is_promoted_by_a_file(workspace):
    workspace.serve()
    new = workspace.cut()
    given = {"channel": "support", "plan_file": {"file": "plan.yaml", "text": WHOLE}, "by": ANNA}
    rollout = workspace.releases.promote(new.ref, **given)
    assert rollout.plan.to_dict() == of(WHOLE)[0].to_dict()
    assert workspace.releases.channel("support").unit == "session"
    assert workspace.releases.origin(rollout) == ""  # a person asked for it
    with pytest.raises(RolloutInProgressError):
        workspace.releases.promote(new.ref, **given)


def test_without_a_file_the_plan_is_as_ever(workspace):
    workspace.serve()
    new = workspace.cut()
    with pytest.raises(InvalidPlanError):
        workspace.releases.promote(new.ref, channel="support", plan="", by=ANNA)
    rollout = workspace.releases.promote(new.ref, channel="support", by=ANNA)
    assert rollout.plan.to_dict() == Plan.parse("5%,25%,100%", required=["errors"]).to_dict()

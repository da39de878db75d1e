"""A workspace of the console's tests in which releases move by real evidence."""

import random
from types import SimpleNamespace

from doors import console_workspace as workspace
from volano.releases.curve import Curves
from volano.releases.gates import Evidence
from volano.releases.plan import Plan
from volano.releases.progress import Rollout
from volano.releases.rollout import State, decide, standing

PLAN = Plan.parse(
    "shadow 5% 200 pairs, 5% cohort, 25%, 100% keep 24h", required=("errors", "quality")
)
ID, BACK = workspace.uuid(78), workspace.uuid(79)
SECOND, BEGAN = 1_000_000, workspace.NOW_US - 3600 * 1_000_000


def rolling(calls: int = 3000, wrong: float = 0.02) -> SimpleNamespace:
    """The lived-in workspace while a candidate is at 25 %, and one that was taken back."""
    app = workspace.lived()
    evidence, curves = _lived(calls, wrong)
    decision = decide(PLAN, State(2, 0), evidence, 60_000_000)
    held = {**decision.to_dict(), "share": 250_000}
    bad, bad_curves = _lived(400, 0.3, share=50_000)
    back = decide(PLAN, State(1, 0), bad, 60_000_000)
    moving = _rollout(ID, "support@4", "moving", 2, 250_000, None, None)
    ended = _rollout(
        BACK, "support@3", "back", 1, 0, BEGAN + 100 * SECOND,
        {"reason": back.reason, "verdicts": back.to_dict()["verdicts"], "took_s": 100.0},
    )  # fmt: skip
    app.releases.moved += [ended, moving]
    app.releases.events[ID] = [
        (1, BEGAN, "promoted", {"plan": PLAN.to_dict()}),
        (2, BEGAN + 20 * SECOND, "advanced", {"share": 0, "reason": "it answers"}),
        (3, BEGAN + 900 * SECOND, "advanced", {"share": 50_000, "reason": "shadow 5 % → 5 %"}),
        (4, BEGAN + 2000 * SECOND, "advanced", held),
        (5, BEGAN + 3500 * SECOND, "holds", held),
    ]
    applied = {"took_us": 7100, "evidence": {**bad.to_dict(), "curves": bad_curves.to_dict()}}
    app.releases.events[BACK] = [
        (1, BEGAN, "promoted", {"plan": PLAN.to_dict()}),
        (2, BEGAN + SECOND, "advanced", {"share": 50_000, "reason": "it answers"}),
        (3, BEGAN + 100 * SECOND, "back", back.to_dict()),
        (4, BEGAN + 100 * SECOND, "applied", applied),
    ]
    grown = curves.to_dict()
    app.reconciler = SimpleNamespace(curves=lambda rollout: grown if rollout == ID else [])
    return app


def _rollout(name, candidate, state, step, share, ended_us, outcome):  # type: ignore[no-untyped-def]
    return Rollout(
        name, "support", "sha256:" + "0" * 64, candidate, "sha256:" + "1" * 64, "support@2", PLAN,
        state, step, share, "salt", BEGAN, BEGAN, ended_us, "person:anna", outcome,
    )  # fmt: skip


def _lived(calls: int, wrong: float, share: int = 0) -> tuple[Evidence, Curves]:
    """Calls of sticky users, first at 5 %, then at 25 % (or all at `share`), scored one by one."""
    rng, evidence, curves = random.Random(3), Evidence(PLAN), Curves()
    for n in range(calls):
        at = share or (50_000 if n < calls // 2 else 250_000)
        mine = rng.random() < at / 1_000_000
        unit, bad = f"u{n}", rng.random() < (wrong if mine else 0.02)
        evidence.observe_call(
            unit, "candidate" if mine else "stable", at, bad and rng.random() < 0.3
        )
        evidence.observe_score(unit, "candidate" if mine else "stable", at, 0.0 if bad else 1.0)
        if curves.due(n + 1):
            curves.add(n + 1, at, standing(PLAN, at, evidence))
    return evidence, curves

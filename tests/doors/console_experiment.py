"""A workspace of the console's tests in which three releases are compared."""

import random
from types import SimpleNamespace

from doors import console_workspace as workspace
from volano.releases.experiment.design import Design
from volano.releases.experiment.evidence import Evidence
from volano.releases.experiment.measure import Measure
from volano.releases.experiment.verdict import decide
from volano.releases.progress import Rollout
from volano.releases.rival import Rival

SALE = Measure("sale", "yes", "any", "more", zero=True, said="sale")
SLOW = Measure("latency", "latency", "mean", "less", 2_000_000, said="latency:2s")
DESIGN = Design((400_000, 300_000, 300_000), SALE, (SLOW,), mature_s=3600, exclude=("tag:внутри",))
NAMES = ("support@2", "support@3", workspace.LONG + "@1")
ID = workspace.uuid(77)
SECOND, BEGAN = 1_000_000, workspace.NOW_US - 6 * workspace.HOUR


def compared(users: int = 6000) -> SimpleNamespace:
    """The lived-in workspace while three arms are compared; the second one is better."""
    app = workspace.lived()
    arms = tuple(Rival(name, "sha256:" + "0" * 64, share)
                 for name, share in zip(NAMES[1:], DESIGN.shares[1:], strict=True))  # fmt: skip
    rollout = Rollout(
        ID, "support", arms[0].release_digest, NAMES[1], "sha256:" + "1" * 64, NAMES[0], DESIGN,
        "moving", 0, 600_000, "salt", BEGAN, BEGAN, None, "person:anna", None, arms,
    )  # fmt: skip
    evidence = _lived(users)
    judged = decide(evidence, NAMES)
    app.releases.moved.append(rollout)
    app.releases.events[ID] = [
        (1, BEGAN, "promoted", {"plan": DESIGN.to_dict()}),
        (2, BEGAN + SECOND, "advanced", {"share": 600_000, "reason": "all arms answer"}),
        (3, BEGAN + 3600 * SECOND, "decided", judged.to_dict()),
    ]
    told = {"decision": judged.to_dict(), "evidence": evidence.to_dict()}
    app.experiments = SimpleNamespace(standing=lambda rollout: told)
    return app


def _lived(users: int) -> Evidence:
    rng, evidence = random.Random(5), Evidence(DESIGN)
    for n in range(users):
        arm, at = rng.choices(range(3), DESIGN.shares)[0], BEGAN + n * 3 * SECOND
        evidence.expose(f"u{n}", arm, at)
        evidence.call(f"u{n}", arm, (None, float(rng.random() < 0.02)), at)
        if rng.random() < (0.10, 0.17, 0.11)[arm]:
            evidence.judge(f"u{n}", 0, f"t{n}", 1.0, at)
        evidence.mature(at)
    return evidence

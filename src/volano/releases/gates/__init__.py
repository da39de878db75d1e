"""What the evidence says: guard, health, harm, promotion. Each gate is a function to a Verdict.

Two questions, two kinds of test, all of them valid at every look:

Harm, over the whole rollout: is the candidate worse than it may be? alpha_harm is split evenly over
the metrics, as any one of them takes the rollout back (`harm`).

Promotion, at each step anew: is the candidate inside the margin? All metrics must pass, so alpha
is not split over them (`promotion`). What waits says how much it lacks (`lack`).

- `step`, `evidence`: what was seen, each unit once.
- `harm`, `promotion`, `safety`, `lack`: what it says.
- `draws`: scores of calls that were drawn with different chances.
- `windows`: units whose feedback takes time.
"""

from volano.releases.gates.evidence import Evidence
from volano.releases.gates.harm import harm
from volano.releases.gates.lack import Lack
from volano.releases.gates.promotion import promotion
from volano.releases.gates.safety import guard, health, time, units
from volano.releases.gates.step import ARMS, COHORT, Arm, Step, UnknownArmError

__all__ = [
    "ARMS", "COHORT", "Arm", "Evidence", "Lack", "Step", "UnknownArmError", "guard", "harm", "health",
    "promotion", "time", "units",
]  # fmt: skip

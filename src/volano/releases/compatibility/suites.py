"""Suites: do the gates of the suites hold, whose reports a release pins?

They are judged anew, from the answers, by the version of the suite that asked. A report that no
suite made, or one whose suite has no gates, proves nothing here.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from volano.core.verdict import Verdict
from volano.evals.outcome import Outcome


class Sat(NamedTuple):
    """One pinned report of a suite, and what it comes to."""

    report: str
    suite: str
    outcome: Outcome

    @property
    def name(self) -> str:
        """The suite's name, without its version."""
        return self.suite.partition("@")[0]


def suites_hold(sat: Sequence[Sat], wanted: Collection[str]) -> Verdict:
    """Say whether all pinned suites passed, and those that are wanted are among them."""
    told = [
        {"report": one.report, "suite": one.suite, **one.outcome.to_dict()} for one in sat
    ]  # fmt: skip
    evidence = {"wanted": sorted(wanted), "suites": told}
    bad = [one for one in sat if one.outcome.state == "stopped"]
    if bad:
        why = "; ".join(f"{one.suite} says no ({one.report}): {one.outcome.why}" for one in bad)
        return Verdict("fail", why, evidence)
    blind = [one for one in sat if one.outcome.state == "unmeasured"]
    if blind:
        why = "; ".join(f"{one.suite} ({one.report}): {one.outcome.why}" for one in blind)
        return Verdict("unmeasured", why, evidence)
    gated = {one.name for one in sat if one.outcome.gates}
    lacking = sorted(set(wanted) - gated)
    if lacking:
        return Verdict(
            "unmeasured", f"it pins no report of the suite {', '.join(lacking)}", evidence
        )
    if not gated:
        return Verdict("unmeasured", "it pins no report of a suite that has gates", evidence)
    held = sum(len(one.outcome.gates) for one in sat)
    return Verdict("pass", f"{held} gates of {', '.join(sorted(gated))} hold", evidence)

"""What the replayed requests say: which of them the old release answers well and the new one fails."""

from collections import Counter
from collections.abc import Sequence

from volano.core.verdict import Verdict
from volano.releases.compatibility.limits import Limits
from volano.releases.compatibility.rehearsal import ERROR, REFUSED, SCHEMA, WELL, Pair

_WORDS = {ERROR: "got no answer", SCHEMA: "broke the form", REFUSED: "were refused"}
_SHOWN = 20


def replayed(pairs: Sequence[Pair], limits: Limits, *, wanted: int, lost: int = 0) -> Verdict:
    """Say how the new release did where the old one does well; `lost` had no body any more.

    A request that fails in both says nothing of the new one. It is told.
    """
    well = [one for one in pairs if one.old.state == WELL]
    broken = [one for one in well if one.new.state != WELL]
    kinds = Counter(one.new.state for one in broken)
    both = sum(one.old.state != WELL and one.new.state != WELL for one in pairs)
    evidence = {
        "recorded": wanted, "asked": len(pairs), "well_before": len(well), "broken": len(broken),
        **{state: kinds[state] for state in _WORDS}, "fail_in_both": both, "without_body": lost,
        "traces": [{"trace": one.trace, "state": one.new.state, "why": one.new.why}
                   for one in broken[:_SHOWN]],
    }  # fmt: skip
    seen = f"of {len(pairs)} recorded requests the old release answers {len(well)} well"
    if len(broken) > limits.failures:
        how = ", ".join(f"{n} {_WORDS[state]}" for state, n in kinds.items())
        first = broken[0]
        why = f"{seen}; of these {how} by the new one ({limits.failures} may), such as trace {first.trace}"
        return Verdict("fail", f"{why}: {first.new.why}" if first.new.why else why, evidence)
    if len(well) < limits.least:
        more = f", {lost} have no body any more" if lost else ""
        return Verdict("unmeasured", f"{seen}{more}; {limits.least} are needed", evidence)
    some = f"{len(broken)} of them fail by the new one ({limits.failures} may)" if broken else (
        "the new one answers each of them well"
    )  # fmt: skip
    return Verdict("pass", f"{seen}; {some}", evidence)

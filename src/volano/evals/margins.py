"""Margins that could never say no: of a score that is a share, nothing falls by 1 or more."""

from collections.abc import Sequence

from volano.evals.gates import Gate
from volano.evals.scored import Named


def too_wide(score: str, margin: float, scorers: Named) -> bool:
    """Return whether nothing could be worse by so much; the empty score is that of the first scorer.

    A score that no scorer is called by has the unit of one of them: it is a share where all are.
    """
    units = {name: scorer.unit for name, scorer in scorers}
    named = units.get(score) or units.get(score.split("/")[0])
    if not score and units:
        named = next(iter(units.values()))
    shares = named == "share" if named else all(unit == "share" for unit in units.values())
    return margin >= 1 and shares


def never(gates: Sequence[Gate], scorers: Named) -> int | None:
    """Return the place of the first gate whose margin could never say no."""
    wide = (one.than and too_wide(one.score, one.value, scorers) for one in gates)
    return next((at for at, found in enumerate(wide) if found), None)

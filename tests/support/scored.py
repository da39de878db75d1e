"""Scoring one answer in a line, for tests of scorers."""

from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.scoring import Tools, make


def scored(
    spec, answer, label="x", *, text="", context=(), tools=None, expected=None, calls=(), **answered
):
    """Return all scores of one answer."""
    case = Case("1", text, label, context=tuple(context), expected=expected or {})
    return make(spec)[1].score(
        case, Answered("1", answer, tools=tuple(calls), **answered), tools or Tools()
    )


def one(spec, answer, label="x", **more):
    """Return the only score of one answer."""
    (value,) = scored(spec, answer, label, **more).values()
    return value

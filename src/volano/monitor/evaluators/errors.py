"""What evaluators say no to, and why."""

from volano.core.errors import ConflictError, InvalidError, NotFoundError


class BadEvaluatorError(InvalidError):
    """`{part}` of an evaluator is wrong: {why}."""

    hint = "See what it takes in docs/howto/evaluate-live-traffic.md."


class UnknownEvaluatorError(NotFoundError):
    """There is no evaluator `{name}`."""

    hint = "See them with `volano evaluator list`, or add one with `volano evaluator add FILE`."


class NothingToBackfillError(ConflictError):
    """No time lies between {since} and {until}."""

    hint = "Say a past period: `volano evaluator backfill NAME --since 7d --until 1d`."


class UnknownScoreError(NotFoundError):
    """`{name}` has given no score `{score}` in this time."""

    hint = "See its scores with `volano evaluator scores {name}`."

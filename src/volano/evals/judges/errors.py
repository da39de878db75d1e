"""What can go wrong with judges."""

from volano.core.errors import ConflictError, IntegrityError, InvalidError


class BadJudgeError(InvalidError):
    """The judge cannot be read at `{part}`: {why}."""

    hint = "See how a judge is written in docs/howto/judges.md."


class BadJudgeFileError(IntegrityError):
    """`{ref}` is not a judge of this version of volano."""

    hint = "Upgrade volano, or run `volano doctor`."


class NoLabelsError(InvalidError):
    """`{where}` has {found} rows that people labelled as this judge needs them; {least} are the least."""

    hint = "A row has text, answer and label; see docs/howto/judges.md."


class BadLabelledRowError(InvalidError):
    """Row {row} cannot calibrate this judge: {why}."""

    hint = "A row has text, answer and label; see docs/howto/judges.md."


class NoCalibrationError(ConflictError):
    """No check of the judge `{judge}` against people is kept."""

    hint = "Check it: `volano judge check {judge} --data DATA`."


class NotACheckError(InvalidError):
    """`{ref}` is not a report on a judge."""

    hint = "See the checks of a judge with `volano judge show JUDGE`."


class NotJudgedError(InvalidError):
    """The report `{ref}` has no scores `{score}` of this judge."""

    hint = "Name a report of a suite with this judge as a scorer: `volano eval list`."


class NothingComparedError(InvalidError):
    """There is nothing to compare: {why}."""

    hint = "Name two reports or more on the same rows: `volano eval list`."


class WrongKindError(InvalidError):
    """The judge `{judge}` is of kind {kind}; this needs one of kind {wanted}."""

    hint = "See the judges with `volano judge list`."

"""What can be wrong with rows and the files they come from."""

from volano.core.errors import ConflictError, InvalidError, NotFoundError, TooLargeError


class SourceNotFoundError(NotFoundError):
    """There is no file `{path}`."""

    hint = "Check the path; a relative one counts from where the command runs."


class SourceUnreadableError(InvalidError):
    """`{path}` cannot be read: {reason}."""

    hint = "Give a regular file that you may read."


class UnknownFormatError(InvalidError):
    """`{path}` is neither CSV nor JSONL by its name."""

    hint = "Name it .csv, .tsv, .jsonl or .ndjson, after what is in it."


class SourceTooLargeError(TooLargeError):
    """`{path}` has {size} bytes; the limit is {limit}."""

    hint = "Split it into several files and add each as a dataset of its own."


class LineTooLongError(TooLargeError):
    """Line {line} of `{path}` is longer than {limit} bytes."""

    hint = "One row is one text and its label. Is this really CSV or JSONL?"


class NotUtf8Error(InvalidError):
    """Line {line} of `{path}` is not UTF-8: byte {byte} of the file is 0x{value}."""

    hint = "Save it as UTF-8 and try again."


class NulByteError(InvalidError):
    """Line {line} of `{path}` is not text: byte {byte} of the file is NUL."""

    hint = "Save it as UTF-8 and try again; UTF-16 and binary files cannot be read."


class BadCsvError(InvalidError):
    """The row that begins in line {line} of `{path}` is not CSV: {reason}."""

    hint = 'Put texts with commas, quotes or line ends in "quotes", and write a quote twice ("").'


class BadJsonError(InvalidError):
    """Line {line} of `{path}` is not a JSON object: {reason}."""

    hint = 'JSONL has one object in each line, such as {"text": "…", "label": "…"}.'


class RaggedRowError(InvalidError):
    """The row that begins in line {line} of `{path}` has {got} columns; the header has {want}."""

    hint = "{advice_}"


class DuplicateColumnError(InvalidError):
    """`{path}` names the column `{column}` twice, in line {line}."""

    hint = "Give each column a name of its own."


class MissingColumnError(InvalidError):
    """Line {line} of `{path}` has no column `{column}`."""

    hint = "It has: {columns}. Name the columns with `--text` and `--label`."


class AmbiguousColumnError(InvalidError):
    """`{path}` has several columns that may be the {role}: {columns}."""

    hint = "Say which with `--{role}`."


class NoRowsError(InvalidError):
    """`{path}` has no rows."""

    hint = "It needs at least one row with a text and a label."


class NothingLeftError(InvalidError):
    """Of {read} rows none is left for {split}: {dropped}."""

    hint = "Look at the rows: they may all be empty, equal, or labelled in conflicting ways."


class BadTextError(InvalidError):
    """Row {row} of `{path}` has a text that cannot be used: {reason}."""

    hint = "A text is a string of at most {limit} characters that UTF-8 can write."


class BadLabelError(InvalidError):
    """Row {row} of `{path}` has a label that cannot be used: {reason}."""

    hint = "A label is a text, or an object with the same fields in every row."


class BadThresholdError(InvalidError):
    """A threshold of similarity lies above 0 and is at most 1, not {threshold}."""


class BadShareError(InvalidError):
    """The share of the test split is at least 0 and below 1, not {share}."""

    hint = "0.2 keeps every fifth row for the test."


class UnknownSplitError(NotFoundError):
    """`{ref}` has no split `{split}`."""

    hint = "Splits are train and test."


class BadRowsFileError(InvalidError):
    """Line {line} of {file} in `{ref}` is not a row of a dataset."""

    hint = "Run `volano doctor`; the dataset may come from a newer volano."


class NoCorrectionsError(ConflictError):
    """None of the {n} corrections changes `{ref}`: {reasons}."""

    hint = "See the corrections with `volano feedback list`."


class NothingToLearnError(InvalidError):
    """The trace `{trace}` holds no {what} that could become a row."""

    hint = "See what was kept with `volano trace show {trace}`; a label can be given with it."


class BadCorrectionError(InvalidError):
    """Correction {row} has no `{field}`."""

    hint = "A correction needs trace_id, text, label and feedback_id."


class BadStepError(InvalidError):
    """The step `{step}` cannot have this `{setting}`: {why}."""

    hint = "See the settings of each step in docs/reference/steps.md."


class SplitImpossibleError(InvalidError):
    """The rows cannot be split as asked: {why}."""

    hint = "{advice_}"

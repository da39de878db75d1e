"""What can be wrong with rows and the files they come from."""

from volano.core.errors import (
    ConflictError,
    IntegrityError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
)


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


class ColumnClashError(InvalidError):
    """`{path}` has a column `{column}`, which the column `{other}` has to be called here: line {line}."""

    hint = "Rename one of them in the file."


class UnsoundValueError(InvalidError):
    """Line {line} of `{path}` holds in `{column}` what no row can keep: {why}."""

    hint = "Mend it in the file, or take the column out."


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

    hint = "It has: {known}."


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


class BadRecordError(InvalidError):
    """Row {row} cannot be kept: {why}."""

    hint = "A row is a JSON object with at least one column besides `id`, `origin` and `split`."


class BadSplitError(InvalidError):
    """`{split}` cannot be the name of a split: {why}."""

    hint = (
        "Use letters, digits, `.`, `_` and `-`, such as train or test-2024; {most} splits at most."
    )


class BadPageError(IntegrityError):
    """These bytes are not a page of a dataset's tree."""

    hint = "It may come from a newer volano: upgrade, or run `volano data verify`."


class NoSuchColumnError(NotFoundError):
    """Neither `{old}` nor `{new}` has a column `{column}`."""

    hint = "They have: {columns}."


class NotTextAndLabelError(InvalidError):
    """Row {row} of `{ref}` is not a text with its label."""

    hint = "Models and evals take rows with the columns text and label; this one has: {columns}."


class NoEarlierLabelError(ConflictError):
    """The label `{label}` was never on another version that is still there."""

    hint = "Say where to: `volano data rollback {label} --to REF`."


class MissingExtraError(UnavailableError):
    """{what} needs the package `{package}`, which is not installed."""

    hint = "pip install 'volano[{extra}]'"


class BadSourceError(InvalidError):
    """The source cannot be read as it is told: {why}."""

    hint = "A source is one of: {kinds}."


class NoFilesError(NotFoundError):
    """There is no file that `{pattern}` names."""

    hint = "Check the path; a relative one counts from the folder of the recipe."


class SourceAwayError(UnavailableError):
    """The source `{source}` does not answer: {reason}."""

    hint = "What was read so far stands in the source's state; try again later."


class RefusedQueryError(InvalidError):
    """The database `{source}` refuses what is asked of it: {reason}."""

    hint = "Correct `table`, `query` or `params` of the source; it may only read."


class TooManyTiesError(InvalidError):
    """More than {limit} rows of `{source}` have the same `{cursor}`, `{value}`."""

    hint = "Choose a column that grows with each row as the cursor."


class SplitImpossibleError(InvalidError):
    """The rows cannot be split as asked: {why}."""

    hint = "{advice_}"

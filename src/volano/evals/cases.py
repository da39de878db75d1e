"""Cases: the rows that a suite asks, drawn from a dataset, each with what its scorers want."""

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from volano.core.text import nfc
from volano.data import Label, Row
from volano.data.line import RESERVED
from volano.evals.case import Case
from volano.evals.errors import TooManyRowsError, UnknownColumnError
from volano.evals.suite import Suite
from volano.prompts.prompt import INPUT, Prompt

Record = Mapping[str, Any]


def drawn(records: Iterable[Record], suite: Suite) -> list[Record]:
    """Return the rows that a suite asks, in the dataset's order, each once.

    Raises:
        UnknownColumnError: the suite names a column that no row has.
        TooManyRowsError: they are more than the suite allows.
    """
    found = list({record["id"]: record for record in records}.values())
    _check(found, suite)
    kept = found
    for name, wanted in suite.filter.items():
        kept = [row for row in kept if _is(row, name, wanted)]
    if suite.limit is not None and suite.limit < len(kept):
        chosen = random.Random(suite.seed).sample(range(len(kept)), suite.limit)
        kept = [kept[at] for at in sorted(chosen)]
    if len(kept) > suite.limits.rows:
        raise TooManyRowsError(rows=len(kept), most=suite.limits.rows)
    return kept


def case_of(record: Record, suite: Suite, prompt: Prompt | None = None) -> Case:
    """Return a row as its scorers see it, with what `prompt` says of it.

    Raises:
        MissingValueError: the prompt wants a variable that the row does not have.
    """
    text = _text(value(record, suite.text))
    expected = value(record, suite.expected) if suite.expected else None
    return Case(
        id=record["id"],
        text=text,
        label=_label(value(record, suite.label)),
        messages=tuple(_said(record, text, prompt)) if prompt else (),
        context=_texts(value(record, suite.context)) if suite.context else (),
        expected=expected if isinstance(expected, Mapping) else _named(expected),
        cluster=_text(value(record, suite.cluster)) if suite.cluster else "",
        slices={name: _text(value(record, name)) for name in suite.slices},
        critical=bool(suite.critical) and _true(value(record, suite.critical)),
    )


def _said(record: Record, text: str, prompt: Prompt) -> Sequence[Mapping[str, Any]]:
    """Fill a prompt: `input` is the row's text, every other variable the column of its name."""
    if prompt.plain:
        return prompt.render(text)
    named = {name: text if name == INPUT else value(record, name) for name in prompt.variables}
    return prompt.render({name: given for name, given in named.items() if given is not None})


def row_of(case: Case) -> Row:
    """Return the row again, as digests and baselines want it."""
    return Row(case.id, case.text, case.label)


def value(record: Record, column: str) -> Any:
    """Return what stands in a column, else in the field of this name of the row's label."""
    if column in record:
        return record[column]
    label = record.get("label")
    return label.get(column) if isinstance(label, Mapping) else None


def _check(records: Sequence[Record], suite: Suite) -> None:
    named = [suite.text, suite.cluster, suite.critical, suite.context, suite.expected]
    for column in filter(None, [*named, *suite.slices, *suite.filter]):
        if records and not any(_has(record, column) for record in records):
            known = dict.fromkeys(name for one in records for name in one if name not in RESERVED)
            raise UnknownColumnError(column=column, known=", ".join(known))


def _has(record: Record, column: str) -> bool:
    label = record.get("label")
    return column in record or (isinstance(label, Mapping) and column in label)


def _is(record: Record, column: str, wanted: Any) -> bool:
    """Whether a column has this value, or one of these."""
    found = value(record, column)
    return found in wanted if isinstance(wanted, list | tuple) else bool(found == wanted)


def _text(found: Any) -> str:
    if found is None:
        return ""
    return nfc(found) if isinstance(found, str) else str(found)


def _texts(found: Any) -> tuple[str, ...]:
    if found is None:
        return ()
    return tuple(map(_text, found)) if isinstance(found, list | tuple) else (_text(found),)


def _label(found: Any) -> Label:
    if isinstance(found, Mapping):
        return dict(found)
    return _text(found)


def _named(found: Any) -> Mapping[str, Any]:
    return {} if found is None else {"value": found}


def _true(found: Any) -> bool:
    return found is True or (
        isinstance(found, str) and found.strip().lower() in {"true", "yes", "1"}
    )

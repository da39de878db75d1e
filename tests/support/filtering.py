"""A filter, evaluated on one row in plain Python: what the compiled SQL must agree with."""

import operator
import re
import unicodedata
from itertools import pairwise

from volano.traces.filter.nodes import Among, And, Compare, Has, Not, Or, Says
from volano.traces.filter.values import Ago, Amount, Flag, Prefix

COLUMNS = {
    "input": "input_text", "output": "output_text", "began": "began_us", "ended": "ended_us",
    "latency": "latency_us", "ttft": "ttft_us", "key": "key_id", "span": "span_id",
    "parent": "parent_span_id",
}  # fmt: skip
OPS = {"=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
       ">": operator.gt, ">=": operator.ge}  # fmt: skip


def fits(node, row, now_us):
    """Whether the filter chooses this row: a dict with its columns, `tags` and `attributes`."""
    match node:
        case And(parts):
            return all(fits(part, row, now_us) for part in parts)
        case Or(parts):
            return any(fits(part, row, now_us) for part in parts)
        case Not(part):
            return not fits(part, row, now_us)
        case Among(place, values):
            return any(fits(Compare(place, "=", value), row, now_us) for value in values)
        case Has(place):
            return value_of(place, row) not in (None, "")
        case Says(place, words):
            names = ("input", "output", "error", "name") if place.name == "text" else (place.name,)
            return said([row.get(COLUMNS.get(n, n)) or "" for n in names], words)
        case Compare(place, op, value):
            return compared(value_of(place, row), op, value, now_us)


def value_of(place, row):
    if place.of == "tag":
        return row["tags"].get(place.name)
    if place.of == "attr":
        return (row.get("attributes") or {}).get(place.name)
    match place.name:
        case "kind" if "kind" not in row:
            return "call"
        case "failed":
            return row["outcome"] in ("error", "cut")
        case "tokens":
            return (row["prompt_tokens"] or 0) + (row["completion_tokens"] or 0)
        case "cost":
            return (
                (row["cost_nano"], row["cost_currency"]) if row["cost_nano"] is not None else None
            )
        case "streamed":
            return bool(row["streamed"]) if "streamed" in row else None
        case "text":
            return row["input_text"] or row["output_text"]
        case name:
            return row.get(COLUMNS.get(name, name))


def compared(found, op, value, now_us):
    if found is None:
        return False
    if isinstance(value, Amount):
        return found[1] == value.money.currency and OPS[op](found[0], value.money.nano)
    if isinstance(value, Prefix):
        found = str(found).lower() if isinstance(found, bool) else str(found)
        return found.startswith(value.text) == (op == "=")
    (wanted,) = (getattr(value, name) for name in type(value).__slots__)
    if isinstance(value, Ago):
        wanted = now_us - wanted
    if isinstance(value, Flag) and not isinstance(found, bool):
        return isinstance(found, str) and OPS[op](found, str(value))
    if isinstance(found, str) != isinstance(wanted, str):
        if not (isinstance(wanted, str) and isinstance(found, bool | int | float)):
            return False
        found = str(found).lower() if isinstance(found, bool) else str(found)
    if isinstance(found, bool) and not isinstance(wanted, bool):
        return False
    return OPS[op](found, wanted)


def said(texts, words):
    """Every word stands in one of the texts; told apart with the simplest means there are."""
    return all(any(phrase_in(text, word) for text in texts) for word in re.findall(r"\S+", words))


def phrase_in(text, word):
    return f" {' '.join(plain(word))} " in f" {' '.join(plain(text))} "


def plain(text):
    """Words of Latin and Cyrillic letters, without case and marks (й is a letter)."""
    folded = "".join(
        c for a, c in pairwise(" " + unicodedata.normalize("NFKD", text.casefold()))
        if not unicodedata.combining(c) or (a == "и" and c == "\u0306")
    )  # fmt: skip
    return re.findall(r"[\w\u0306]+", folded.replace("_", " "))

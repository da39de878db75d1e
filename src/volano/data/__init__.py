"""Rows become versions: read, cleaned, split, corrected; never changed afterwards.

What enters: CSV, JSONL or plain rows of a text and its label, and corrections
that people gave on traces. What leaves: artifacts of kind `dataset` with a tree
of rows for each split (`train.rows`) and one of rejected rows, where each says why.

- `sources`, `lines`: files that somebody else wrote, all of them or none.
- `row`: a row, and the schema that all labels share.
- `fold`, `dedup`: what counts as the same, and what is done about it.
- `split`: which rows test, by content.
- `curate`: corrections become the next version.
- `tickets`: rows made by rule, for the demo and for tests.
- `line`, `chunks`, `tree`: how rows lie in the store, so that versions share what is equal.
- `writer`, `version`: rows in, rows out; `columns`: what they have in common.
- `compare`: two versions row by row.
- `keeper`: `Datasets`, the verbs; `versions`: labels, the way back, branches, checks.
"""

from volano.data.keeper import Datasets
from volano.data.row import Label, Row, Schema

__all__ = ["Datasets", "Label", "Row", "Schema"]

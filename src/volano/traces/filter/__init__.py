"""Filter: which calls and spans, said in a line.

    channel = support and latency > 2s and (outcome = error or cost > 0.01 USD)
    and tag.plan = pro and text ~ "退款" and not release in (support@1, support@2)

`parse` reads a filter into nodes, `spell` writes nodes as a filter, `compiled` makes
them a condition in SQL that SQLite and DuckDB read alike. The grammar is in
docs/explanation/filter-language.md.
"""

from volano.traces.filter.nodes import (
    Among,
    And,
    Compare,
    Has,
    Node,
    Not,
    Or,
    Place,
    Says,
    spell,
)
from volano.traces.filter.parse import parse
from volano.traces.filter.sql import FUNCTIONS, Condition, compiled, split

__all__ = [
    "FUNCTIONS",
    "Among",
    "And",
    "Compare",
    "Condition",
    "Has",
    "Node",
    "Not",
    "Or",
    "Place",
    "Says",
    "compiled",
    "parse",
    "spell",
    "split",
]

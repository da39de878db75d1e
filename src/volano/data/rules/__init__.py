"""Rules of quality: what others measured on texts to leave bad ones out, as tables with their sources.

- `words`: what a word is in a script without spaces; stop words by language.
- `page`: a text, and what is counted of it once for all rules.
- `measures`: the numbers that rules look at, by name.
- `rule`, `families`: a limit on a measure; the published ones as tables.
- `lines`: C4's rules, which take lines out of a text.
"""

from volano.data.rules.families import FAMILIES
from volano.data.rules.lines import C4_LINES, LineRule, cleaned
from volano.data.rules.measures import MEASURES
from volano.data.rules.page import Page
from volano.data.rules.rule import BadRuleError, Check, Rule, checks_for, own_rules

__all__ = [
    "C4_LINES", "FAMILIES", "MEASURES", "BadRuleError", "Check", "LineRule", "Page", "Rule",
    "checks_for", "cleaned", "own_rules",
]  # fmt: skip

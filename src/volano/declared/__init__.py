"""Declared: what files say a thing should be, and what the registry holds, kept in step.

Enters: YAML documents with `kind` and `name`, as they stand in a Git repository. Leaves: a
plan, which says what would change; and, applied, new versions and labels. A kind of thing
says for itself how it is compared and saved (`Kind`).

The version that files said last bears the label `applied`. If something newer is in the
registry, somebody saved it there: that is told as drift, and nothing is overwritten.
"""

from volano.declared.change import Change, Plan
from volano.declared.keeper import Declarations
from volano.declared.kind import MARK, Kind

__all__ = ["MARK", "Change", "Declarations", "Kind", "Plan"]

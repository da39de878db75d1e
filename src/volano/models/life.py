"""The life of a model: the states that it passes through, and the moves between them.

A new model is a `draft`. As a `candidate` it is meant to be tried, as `active`
it is the one to use; `legacy` still serves but has a better one, `deprecated`
should be left. A `retired` one is used no more and may come back as a draft;
a `revoked` one must not be used or passed on, and stays so. People move it
and say why; what serves a channel is shown beside the state, and does not change it.
"""

DRAFT, CANDIDATE, ACTIVE, LEGACY = "draft", "candidate", "active", "legacy"
DEPRECATED, RETIRED, REVOKED = "deprecated", "retired", "revoked"

STATES = (DRAFT, CANDIDATE, ACTIVE, LEGACY, DEPRECATED, RETIRED, REVOKED)
OVER = (RETIRED, REVOKED)
"""What is used for nothing new. It does not come to this while a channel uses it."""

_NEXT = {
    DRAFT: (CANDIDATE, RETIRED, REVOKED),
    CANDIDATE: (DRAFT, ACTIVE, RETIRED, REVOKED),
    ACTIVE: (LEGACY, DEPRECATED, REVOKED),
    LEGACY: (ACTIVE, DEPRECATED, REVOKED),
    DEPRECATED: (ACTIVE, LEGACY, RETIRED, REVOKED),
    RETIRED: (DRAFT, REVOKED),
    REVOKED: (),
}


def next_states(state: str) -> tuple[str, ...]:
    """Return the states that may follow this one; none after `revoked`."""
    return _NEXT[state]


def may_move(before: str, after: str) -> bool:
    """Whether a model in one state may be moved into the other."""
    return after in _NEXT[before]

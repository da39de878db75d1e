"""The judges that a plan names: there must be one, or feedback by that name, before anything moves."""

import difflib
from collections.abc import Callable

from volano.core.errors import NotFoundError
from volano.evals.judges.scorer import KIND
from volano.releases.errors import UnknownPlanJudgeError
from volano.releases.plan import Plan
from volano.store.catalog import Catalog

MOST = 20
"""So many judges are named to who named another."""


def check_judges(plan: Plan, catalog: Catalog, is_feedback: Callable[[str], bool]) -> None:
    """Make sure that somebody scores the pairs of each step that says who does.

    `is_feedback` says whether a name of feedback is defined: then a program gives the scores.

    Raises:
        UnknownPlanJudgeError: there is neither a judge nor feedback of that name.
    """
    for name in dict.fromkeys(one.judge for one in plan.stages if one.judge):
        try:
            catalog.get(KIND, name)
        except NotFoundError:
            if "@" not in name and is_feedback(name):
                continue
            known = [one.ref for one in catalog.names(KIND)]
            raise UnknownPlanJudgeError(
                judge=name,
                guess=_guess(name, known),
                known=_listed(known),
                name=name.partition("@")[0],
            ) from None


def _guess(name: str, known: list[str]) -> str:
    """Return which one may be meant: of another version, or of a name like it."""
    names = {ref.partition("@")[0]: ref for ref in known}
    near = difflib.get_close_matches(name.partition("@")[0], names, n=1)
    return f" (did you mean `{names[near[0]] if '@' in name else near[0]}`?)" if near else ""


def _listed(known: list[str]) -> str:
    more = f" and {len(known) - MOST} more" if len(known) > MOST else ""
    return (", ".join(known[:MOST]) or "none yet") + more

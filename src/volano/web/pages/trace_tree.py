"""The page of a trace of many steps: its tree with a time bar, level by level, never whole.

What is open at first is bounded, whatever the size of the trace; the rest comes
by links, which a script (htmx) makes into pieces of the page. `at` leads to one
step among its siblings, `under` to what stands below one, `step` opens the
details; all of it is in the address.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from markupsafe import Markup, escape

from volano.traces.step import Outline, Step, StepPage
from volano.web.pages import links, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.view import State
from volano.web.pages.words import money

ROWS, EACH, LEVELS = 120, 12, 8
"""At first at most so many rows are open, so many below each step, so many levels deep."""
PAGE = 100
DEEPEST = 12
"""From here on steps are not moved in further; the depth is told as a number."""
_WIDTH = 1000


@dataclass(frozen=True, slots=True)
class Line:
    """One row: a step with its bar on the common axis, or what leads to `left` more of them."""

    depth: int
    step: Step | None = None
    x: float = 0.0
    width: float = 0.0
    opened: bool = False
    href: str = ""
    opens: str = ""
    piece: str = ""
    left: int = 0

    @property
    def indent(self) -> int:
        """How far it is moved in."""
        return min(self.depth, DEEPEST)


@dataclass(frozen=True, slots=True)
class Tree:
    """What the page shows of a trace."""

    outline: Outline
    headline: Markup
    title: str
    state: State
    lines: Sequence[Line]
    way: Sequence[tuple[str, str]]
    ticks: Sequence[str]
    failed: Sequence[tuple[str, str]]
    next_failed: str
    whole: str


def look(app: Any, outline: Outline, now_us: int, *, under: str = "", at: str = "",
         after: str | None = None, drawn: bool = True) -> Tree:  # fmt: skip
    """Return the tree: from its roots, below one step, or from one step among its siblings.

    Without `drawn` only what is told of the whole.
    """
    steps, trace_id = app.steps, outline.id
    way: Sequence[Step] = ()
    if at:
        step = steps.get(trace_id, at)
        way = steps.above(trace_id, at)
        under = way[-1].span_id if way else ""
        after = f"{step.began_us}.{step.what[0]}{step.seq - 1}"
    elif under:
        way = (*steps.above(trace_id, under), steps.get(trace_id, under))
    first = (steps.below(trace_id, under, limit=PAGE, after=after) if under
             else steps.roots(trace_id, limit=PAGE, after=after))  # fmt: skip
    lines = plan(steps, outline, first, len(way) if under else 0, under) if drawn else ()
    roots = first.steps if not under and not after else way
    if not roots or (way and way[0].parent_span_id):  # the way begins in the middle
        roots = steps.roots(trace_id, limit=1).steps
    root = roots[0] if roots else None
    failed = steps.failed(trace_id, limit=6).steps if outline.failed else ()
    return Tree(
        outline, _headline(outline, now_us), _title(app, trace_id, root),
        State(_("failed"), "bad") if outline.failed else State(_("went well"), "good"),
        lines, [(name_of(each), address(trace_id, under=each.span_id)) for each in way],
        [words.duration((outline.ended_us - outline.began_us) * n // 4) for n in range(5)],
        [(f"{name_of(each)}: {words.clip(each.error or each.outcome, 80)}",
          address(trace_id, at=each.span_id, step=each.span_id)) for each in failed],
        _next_failed(app, outline, at), address(trace_id) if way or after else "",
    )  # fmt: skip


def plan(steps: Any, outline: Outline, first: StepPage, depth: int, under: str) -> list[Line]:
    """Open what is near the top until the rows are used up, and put all into one order."""
    pages: dict[str, StepPage] = {}
    level, rows, deep = list(first.steps), len(first.steps), 0
    while level and rows < ROWS and deep < LEVELS:
        below: list[Step] = []
        for step in level:
            if step.children and rows < ROWS and step.span_id not in pages:
                page = steps.below(outline.id, step.span_id, limit=min(EACH, ROWS - rows))
                pages[step.span_id] = page
                below += page.steps
                rows += len(page.steps)
        level, deep = below, deep + 1
    return _flat(outline, first, pages, depth, under)


def _flat(outline: Outline, first: StepPage, pages: dict[str, StepPage], depth: int,
          under: str) -> list[Line]:  # fmt: skip
    lines: list[Line] = []
    waiting: list[tuple[Step | Line, int]] = _waiting(outline, first, depth, under, 0)
    while waiting:
        one, at = waiting.pop()
        if isinstance(one, Line):
            lines.append(one)
            continue
        page = pages.pop(one.span_id, None)
        lines.append(_line(outline, one, at, opened=page is not None))
        if page is not None:
            waiting += _waiting(outline, page, at + 1, one.span_id, one.children)
    return lines


def _waiting(
    outline: Outline, page: StepPage, depth: int, under: str, of: int
) -> list[tuple[Step | Line, int]]:
    """Return a page's steps with what leads to the next ones, the last first."""
    found: list[tuple[Step | Line, int]] = [(step, depth) for step in page.steps]
    if page.following:
        query = {"under": under, "after": page.following}
        left = max(0, of - len(page.steps))
        found.append((Line(depth, href=address(outline.id, **query), left=left,
                           piece=piece(outline.id, depth=depth, **query)), depth))  # fmt: skip
    return found[::-1]


def _line(outline: Outline, step: Step, depth: int, *, opened: bool) -> Line:
    whole = max(1, outline.ended_us - outline.began_us)
    x = min(max(0.0, (step.began_us - outline.began_us) / whole * _WIDTH), _WIDTH - 3.0)
    width = max(3.0, min(step.latency_us / whole * _WIDTH, _WIDTH - x))
    return Line(
        depth, step, x, width, opened,
        address(outline.id, at=step.span_id, step=step.span_id),
        address(outline.id, under=step.span_id) if step.children else "",
        piece(outline.id, under=step.span_id, depth=depth, open=1) if step.children else "",
    )  # fmt: skip


def opened(app: Any, outline: Outline, under: str, depth: int, after: str | None, *,
           with_itself: bool) -> list[Line]:  # fmt: skip
    """Return what stands below a step, for a page that is open already."""
    below = depth + 1 if with_itself else depth
    page = (app.steps.below(outline.id, under, limit=PAGE, after=after) if under
            else app.steps.roots(outline.id, limit=PAGE, after=after))  # fmt: skip
    lines = plan(app.steps, outline, page, below, under)
    if with_itself:
        lines.insert(0, _line(outline, app.steps.get(outline.id, under), depth, opened=True))
    return lines


def address(trace_id: str, **query: Any) -> str:
    """Return the address of the page, with what of it is shown."""
    asked = urlencode({name: value for name, value in query.items() if value})
    mark = f"#s-{quote(str(query['at']))}" if query.get("at") else ""
    return f"{links.item('traces', trace_id)}{'?' + asked if asked else ''}{mark}"


def piece(trace_id: str, **query: Any) -> str:
    """Return the address of a piece of the page."""
    asked = urlencode({name: value for name, value in query.items() if value is not None})
    return f"/trace/{quote(trace_id)}/steps?{asked}"


def name_of(step: Any) -> str:
    """Return how a step is called."""
    return words.clip(step.name, 80) or step.span_id


def tokens(step: Any) -> str:
    """Return the tokens of a step: `41 → 33`."""
    if step.prompt_tokens is None and step.completion_tokens is None:
        return ""
    sent, got = step.prompt_tokens, step.completion_tokens
    shown = ["–" if n is None else words.count(n) for n in (sent, got)]
    return " → ".join(shown)


def cost(step: Any) -> str:
    """Return the cost of a step; nothing where none is known."""
    return money({step.cost_currency: step.cost_nano}) if step.cost_nano is not None else ""


def _next_failed(app: Any, outline: Outline, at: str) -> str:
    """Return where the next failed step is, after the one that the page is at."""
    if not outline.failed:
        return ""
    after = app.steps.get(outline.id, at).cursor if at else None
    found = (app.steps.failed(outline.id, limit=1, after=after).steps
             or app.steps.failed(outline.id, limit=1).steps)  # fmt: skip
    return address(outline.id, at=found[0].span_id, step=found[0].span_id) if found else ""


def _title(app: Any, trace_id: str, root: Step | None) -> str:
    if root is None:
        return trace_id
    if root.what == "call":
        return words.clip(app.traces.get(trace_id).input_text, 90) or root.name or trace_id
    return words.clip(app.spans.get(trace_id, root.span_id).input_text, 90) or name_of(root)


def _headline(outline: Outline, now_us: int) -> Markup:
    told = ngettext("One step in {time}, {when}", "{n} steps in {time}, {when}", outline.steps)
    bad = ngettext("; one failed.", "; {n} failed.", outline.failed) if outline.failed else "."
    return escape(told).format(
        n=words.count(outline.steps), time=words.duration(outline.ended_us - outline.began_us),
        when=words.time_tag(outline.began_us, now_us),
    ) + escape(bad).format(n=words.count(outline.failed))  # fmt: skip

"""Reviews: queues of answers put before people, how far they are, and how far people agree."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from volano.access.session import local_principal
from volano.web.pages import links, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.view import (
    Asked,
    Cell,
    Code,
    Column,
    Facts,
    Item,
    Listing,
    Row,
    Section,
    State,
    Table,
)


def listing(app: Any, asked: Asked, now_us: int) -> Listing:  # noqa: ARG001 - a list's signature
    """List the queues, the newest first."""
    queues = [
        each for each in app.reviews.list()
        if asked.q.casefold() in f"{each.queue.name} {each.queue.metric}".casefold()
    ]  # fmt: skip
    return Listing(
        headline=_summary(queues),
        columns=(
            Column(_("Queue")), Column(_("State")), Column(_("Answers")),
            Column(_("Metric"), 2), Column(_("Agreement"), 2), Column(_("Made"), 3),
        ),
        rows=[_row(each) for each in queues[: asked.limit]],
    )  # fmt: skip


def item(app: Any, key: str, now_us: int) -> Item:
    """Show a queue: begin to review, how far it is, agreement, and where reviewers differ."""
    stands = app.reviews.show(key)
    queue = stands.queue
    return Item(
        title=queue.name,
        headline=escape(
            _("{given} of {wanted} answers are given; {agreement}; made {when}.")
        ).format(
            given=words.count(stands.given), wanted=words.count(stands.wanted),
            agreement=_in_words(stands), when=words.time_tag(queue.created_us, now_us),
        ),
        state=state(stands),
        sections=[*_begin(stands), _differing(app, stands), *_guidelines(queue)],
        aside=[_facts(stands), _agreement(stands)],
        data=stands,
    )  # fmt: skip


def state(stands: Any) -> State:
    """Return how a queue stands in a word."""
    if stands.queue.closed_us is not None:
        return State(_("closed"), "off")
    return State(_("done"), "good") if stands.done == stands.items else State(_("open"), "busy")


def _summary(queues: Sequence[Any]) -> Markup:
    live = [each for each in queues if each.queue.closed_us is None and each.done < each.items]
    if not live:
        return escape(_("No answer waits for a reviewer."))
    lack = sum(each.wanted - each.given for each in live)
    told = ngettext("One answer is wanted", "{n} answers are wanted", lack)
    where = ngettext("in one queue.", "in {n} queues.", len(live))
    return escape(f"{told.format(n=words.count(lack))} {where.format(n=words.count(len(live)))}")


def _row(stands: Any) -> Row:
    queue = stands.queue
    href = links.item("reviews", queue.name)
    share = round(stands.given * 1_000_000 / stands.wanted) if stands.wanted else 0
    return Row(
        href,
        (
            Cell("ref", queue.name, href=href),
            Cell("state", state(stands)),
            Cell("share", share),
            Cell("text", queue.metric),
            Cell("text", _number(stands.alpha)),
            Cell("time", queue.created_us),
        ),
        stands,
    )


def _begin(stands: Any) -> list[Section]:
    """Return the form that begins a reviewer's work, where any is left."""
    queue = stands.queue
    if queue.closed_us is not None or stands.done == stands.items:
        return []
    form = Markup(
        '<form class="begin" action="/review/{}"><label class="field"><span>{}</span>'
        '<input name="as" required maxlength="60" value="{}" autocomplete="nickname" dir="auto">'
        '</label> <button type="submit">{}</button></form>'
    ).format(queue.name, _("Your name"), local_principal().name, _("Begin to review"))
    return [Facts(_("Your turn"), [(_("one by one"), Cell("markup", form))])]


def _differing(app: Any, stands: Any) -> Section:
    rows = [_difference(app, stands.queue, each) for each in stands.differ]
    columns = (Column(_("Item")), Column(_("Answers")), Column(_("Last word")))
    return Table(_("Where reviewers differ"), columns, rows, empty=_("Nowhere, so far."))


def _difference(app: Any, queue: Any, each: dict[str, Any]) -> Row:
    said = ", ".join(f"{name}: {told(answer)}" for name, answer in each["answers"].items())
    trace = links.item("traces", each["trace_id"])
    last = (
        Cell("text", each["resolved"], sub=each["resolved_by"])
        if each["resolved"] is not None
        else Cell("markup", _resolve(app.reviews.metric(queue.name), queue.name, each["item"]))
    )
    return Row(
        trace,
        (Cell("ref", str(each["item"]), href=trace),
         Cell("text", said), last),
        each,
    )  # fmt: skip


def _resolve(metric: Any, name: str, item_: int) -> Markup:
    """Return the small form of the last word."""
    label = _("Last word on item {n}").format(n=item_)
    words_ = choices(metric)
    field = (
        Markup('<select name="value" aria-label="{}">{}</select>').format(
            label,
            Markup("").join(
                Markup('<option value="{}">{}</option>').format(value, words.visible(word))
                for value, word, _key in words_
            ),
        )
        if words_
        else Markup('<input name="value" required size="8" aria-label="{}">').format(label)
    )
    return Markup(
        '<form class="switch" method="post" action="/review/{}/resolve">'
        '<input type="hidden" name="item" value="{}">{} <button type="submit">{}'
        '<span class="sr"> {}</span></button></form>'
    ).format(name, item_, field, _("Decide"), item_)


def choices(metric: Any) -> list[tuple[str, str, str]]:
    """Return the answers that have a button: value, word, key. A wide number has none."""
    if metric.type == "boolean":
        return [("true", _("Yes"), "y"), ("false", _("No"), "n")]
    if metric.type == "category":
        return [
            (word, word, str(n) if n < 10 else "") for n, word in enumerate(metric.categories, 1)
        ]
    if metric.type == "number" and metric.low is not None and metric.high is not None:
        low, high = metric.low, metric.high
        if low == int(low) >= 0 and high == int(high) <= 9:
            return [(str(n), str(n), str(n)) for n in range(int(low), int(high) + 1)]
    return []


def told(answer: Any) -> str:
    """Return an answer as people say it."""
    return f"{answer:g}" if isinstance(answer, float) else str(answer)


def _guidelines(queue: Any) -> list[Section]:
    return [Code(_("Guidelines"), queue.guidelines, open=True)] if queue.guidelines else []


def _facts(stands: Any) -> Facts:
    queue = stands.queue
    metric = links.listing("feedback", name=queue.metric.partition("@")[0])
    chosen = ", ".join(f"{name} {value}" for name, value in queue.chosen.items())
    return Facts(
        _("Facts"),
        [
            (_("metric"), Cell("ref", queue.metric, href=metric)),
            (_("reviewers each"), Cell("number", str(queue.reviewers))),
            (_("items done"), Cell("number", f"{stands.done} / {stands.items}")),
            *((name, Cell("number", ngettext("{n} answer", "{n} answers", n).format(n=words.count(n))))
              for name, n in stands.by_reviewer.items()),
            (_("chosen"), Cell("text", chosen)),
            (_("made by"), Cell("text", queue.created_by)),
        ],
    )  # fmt: skip


def _agreement(stands: Any) -> Facts:
    return Facts(
        _("Agreement beyond chance"),
        [
            (_("Krippendorff’s alpha"), Cell("number", _number(stands.alpha))),
            (_("Cohen’s kappa"), Cell("number", _number(stands.kappa))),
        ],
    )


def _in_words(stands: Any) -> str:
    found = stands.alpha
    if found is None or found.value is None:
        return _("how far reviewers agree cannot be said yet")
    return _("they agree {number} beyond chance").format(number=_number(found))


def _number(found: Any) -> str:
    if found is None or found.value is None:
        return "–"
    if found.low is None:
        return _("{number} (too few for an interval)").format(number=f"{found.value:.2f}")
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"

"""What is said of models: their state, where they serve, their proofs and guards, what they cost."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from volano.models.life import ACTIVE, CANDIDATE, DEPRECATED, DRAFT, LEGACY, RETIRED, REVOKED
from volano.web.pages import links, words
from volano.web.pages.i18n import N_, ngettext
from volano.web.pages.i18n import gettext as _
from volano.web.pages.view import Cell, Gate, State, Tone

STATES: Mapping[str, tuple[str, Tone]] = {
    DRAFT: (N_("draft"), "off"),
    CANDIDATE: (N_("candidate"), "busy"),
    ACTIVE: (N_("active"), "good"),
    LEGACY: (N_("legacy"), "wait"),
    DEPRECATED: (N_("deprecated"), "wait"),
    RETIRED: (N_("retired"), "off"),
    REVOKED: (N_("revoked"), "bad"),
}
_CHANNEL = "channel "


def state(name: str) -> State:
    """Return a state of a model's life; of a broken one, that."""
    word, tone = STATES.get(name, (name, "bad"))
    return State(_(word), tone)


def parameters(n: Any) -> str:
    """Return a count of parameters; a dash where it is not known."""
    return words.short_count(n) if isinstance(n, int) else "–"


def served(users: Sequence[str]) -> Markup:
    """Return who serves from a model, each channel leading to its traces."""
    return Markup(", ").join(_user(one) for one in users) or Markup("–")


def gates(meta: Mapping[str, Any]) -> Iterator[Gate]:
    """Tell what was proven of a model, and what was found in its rows, one sentence each."""
    yield from _parity(_object(meta, "parity"))
    yield from _kept(_object(meta, "kept"), _object(meta, "exact"))
    guards = _object(meta, "guards")
    for one in guards.get("leakage") or ():
        if isinstance(one, dict):
            yield _leakage(one)
    if isinstance(swaps := guards.get("swaps"), dict):
        yield _swaps(swaps)
    if isinstance(collapse := guards.get("collapse"), dict):
        yield _collapse(collapse)


def spent(meta: Mapping[str, Any]) -> list[tuple[str, Cell]]:
    """Return what making it cost: time, energy from low to high, money where a price was told."""
    said, metrics = _object(meta, "spent"), _object(meta, "metrics")
    told = []
    for name, value in (
        (_("wall time"), said.get("wall_s")), (_("CPU time"), metrics.get("cpu_s")),
    ):  # fmt: skip
        if isinstance(value, int | float):
            told.append((name, Cell("number", words.duration(round(value * 1_000_000)))))
    wh = said.get("wh")
    if isinstance(wh, list) and len(wh) == 3:
        low, central, high = wh
        text = _("{central} Wh, between {low} and {high}")
        told.append((_("energy"), Cell("number", text.format(low=low, central=central, high=high))))
    if isinstance(money := said.get("money"), dict):
        amount = f"{money.get('amount')} {money.get('currency', '')}"
        told.append((_("money"), Cell("number", amount)))
    return told


def _user(name: str) -> Markup:
    channel = name.removeprefix(_CHANNEL)
    known = name.startswith(_CHANNEL)
    return links.link(
        links.listing("traces", channel=channel) if known else None, words.clip(channel, 48)
    )


def _object(meta: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = meta.get(name)
    return value if isinstance(value, dict) else {}


def _parity(proof: Mapping[str, Any]) -> Iterator[Gate]:
    equal, n = proof.get("equal"), proof.get("n")
    if not isinstance(equal, int) or not isinstance(n, int):
        return
    passed = proof.get("passed", equal == n)
    text = (
        _("The file answers as the trained weights do: {equal} of {n} greedy answers are equal.")
        if passed
        else _("The file does not answer as the trained weights do: only {equal} of {n} greedy "
               "answers are equal. It may not serve.")
    )  # fmt: skip
    numbers = [(_("equal"), f"{equal} / {n}")]
    if isinstance(required := proof.get("required"), int | float):
        numbers.append((_("required"), f"{required * 100:g}\u202f%"))
    if precision := proof.get("precision"):
        numbers.append((_("precision"), words.clip(precision, 30)))
    verdict = State(_("passed"), "good") if passed else State(_("not passed"), "bad")
    yield Gate(_("Parity"), verdict, text.format(equal=equal, n=n), numbers)


def _kept(kept: Mapping[str, Any], exact: Mapping[str, Any]) -> Iterator[Gate]:
    equal, n = kept.get("equal"), kept.get("n")
    if not isinstance(equal, int) or not isinstance(n, int):
        return
    text = _("Of {n} answers, {equal} are those of the model it was made from.")
    numbers = [(_("the same"), f"{equal} / {n}")]
    if isinstance(exact.get("form"), int) and isinstance(exact.get("parent"), int):
        numbers += [
            (_("right"), f"{exact['form']} / {n}"), (_("its parent’s"), f"{exact['parent']} / {n}")
        ]  # fmt: skip
    tone: Tone = "good" if equal == n else "wait"
    told = State(_("all kept") if equal == n else _("some differ"), tone)
    yield Gate(_("Kept"), told, text.format(equal=equal, n=n), numbers)


def _leakage(found: Mapping[str, Any]) -> Gate:
    exact, near, n = (_count(found.get(name)) for name in ("exact", "near", "rows"))
    split = words.clip(found.get("split"), 30)
    if not exact + near:
        text = _("None of the {n} rows of {split} was learned from.").format(n=n, split=split)
        return Gate(_("Leakage"), State(_("none"), "good"), text, [])
    text = _("{k} of the {n} rows of {split} were learned from too, word for word or nearly: "
             "its score there is too high.").format(k=exact + near, n=n, split=split)  # fmt: skip
    numbers = [(_("the same"), str(exact)), (_("nearly"), str(near))]
    return Gate(_("Leakage"), State(_("found"), "bad"), text, numbers)


def _swaps(found: Mapping[str, Any]) -> Gate:
    swaps = [one for one in found.get("swaps") or () if isinstance(one, dict)]
    judged = words.count(_count(found.get("judged")))
    if not swaps:
        text = _("No label systematically stands for another; {n} rows were judged.")
        return Gate(_("Swapped labels"), State(_("none"), "good"), text.format(n=judged), [])
    told = "; ".join(
        _("{given} instead of {expected} in {rows} of {of}").format(
            **{name: words.clip(one.get(name), 40) for name in ("given", "expected", "rows", "of")}
        )
        for one in swaps[:5]
    )
    text = ngettext(
        "A label systematically stands for another: {told}.",
        "Labels systematically stand for others: {told}.", len(swaps),
    ).format(told=told)  # fmt: skip
    return Gate(_("Swapped labels"), State(_("found"), "bad"), text, [(_("judged"), judged)])


def _collapse(found: Mapping[str, Any]) -> Gate:
    looks = [one["score"] for one in found.get("looks") or () if isinstance(one, dict)]
    start = found.get("start")
    if not looks or not isinstance(start, int | float):
        text = _("It was not looked at on dev rows while it learned.")
        return Gate(_("Collapse"), State(_("not looked"), "off"), text, [])
    text = _("On dev rows it began at {start} and never fell below {low} while it learned.")
    said = {"start": f"{start * 100:.1f}\u202f%", "low": f"{min(looks) * 100:.1f}\u202f%"}
    return Gate(_("Collapse"), State(_("none"), "good"), text.format(**said), [])


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0

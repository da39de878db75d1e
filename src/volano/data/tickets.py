"""Customer-support tickets made by rule: rows for the demo, for tests and for teaching.

A ticket is one short message; its label is where it must go. Six queues with
eight phrasings each, twelve products, three priorities (a phrase tells), a
reference number, and the dirt of real messages: greetings, noise, typos.

A quarter of the phrasings (two of eight a queue) never occurs in the *train*
phrasings. A model trained on those alone has something left to learn from
corrections, as a model in the world has.

The same seed gives the same rows on every machine and Python: only
`random.Random.random()` is drawn, the one method whose sequence Python
promises to keep. Row i depends on the seed and on i alone, so that a longer
set begins with the shorter one. Test and train come from one grammar: scores
on tickets measure the learning of this grammar, not of English.
"""

import re
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, Literal, TypeVar

from volano.core.errors import InvalidError

Phrasings = Literal["train", "held-out", "all"]

T = TypeVar("T")

PRODUCTS = (
    "Falcon", "Heron", "Kestrel", "Osprey", "Badger", "Otter",
    "Lynx", "Marten", "Bison", "Gecko", "Puffin", "Walrus",
)  # fmt: skip

HELD_OUT = 2
"""How many phrasings of each queue, the last ones, are kept out of the train phrasings."""

QUEUES: dict[str, tuple[str, ...]] = {
    "billing": (
        "I was charged twice for {p} {r}.",
        "The invoice for my {p}, {r}, is wrong.",
        "Why is there an extra fee on {p} {r}?",
        "My card was billed for {p} {r} again.",
        "The price on the bill for {p} {r} is too high.",
        "Please explain the amount on the invoice for {p} {r}.",
        "I see a strange sum on my bank statement for {p} {r}.",
        "The tax on {p} {r} does not add up.",
    ),
    "refund": (
        "I want my money back for {p} {r}.",
        "Please refund my {p}, {r}.",
        "I sent the {p} back, {r}, and wait for the refund.",
        "When do I get the refund for {p} {r}?",
        "I returned {p} {r} and got nothing back.",
        "Cancel {p} {r} and return my payment.",
        "How can I be reimbursed for {p} {r}?",
        "You still owe me what I paid for {p} {r}.",
    ),
    "shipping": (
        "{p} {r} has not been delivered.",
        "Where is my {p}, {r}? It should be here by now.",
        "The parcel with the {p}, {r}, is late.",
        "Tracking for {p} {r} has not moved for days.",
        "The courier never came with my {p}, {r}.",
        "{p} {r} went to the wrong address.",
        "I am still waiting at the door for {p} {r}.",
        "The package with my {p}, {r}, seems lost.",
    ),
    "hardware": (
        "The {p} does not turn on, {r}.",
        "The screen of my {p}, {r}, is cracked.",
        "My {p}, {r}, gets very hot and shuts down.",
        "The battery of {p} {r} is dead after an hour.",
        "A button on the {p}, {r}, is broken.",
        "My {p}, {r}, makes a loud noise.",
        "Smoke comes out of {p} {r}.",
        "The hinge on my {p}, {r}, snapped off.",
    ),
    "account": (
        "I cannot log in to my {p} account, {r}.",
        "I forgot the password for {p} {r}.",
        "Change the email of my {p} account, {r}.",
        "My {p} account, {r}, is locked.",
        "The login code for {p} {r} never arrives.",
        "Please delete my {p} profile, {r}.",
        "A stranger uses my {p} membership, {r}.",
        "Give me another user name for {p} {r}.",
    ),
    "software": (
        "The {p} app crashes when I open it, {r}.",
        "The update of {p} {r} fails with an error.",
        "{p} {r} freezes after the last update.",
        "The {p} software does not sync, {r}.",
        "I cannot install the driver for {p} {r}.",
        "The {p} app shows a blank page, {r}.",
        "All menus of {p} {r} are in a foreign language.",
        "The settings of my {p}, {r}, vanish overnight.",
    ),
}

PRIORITIES: dict[str, tuple[str, ...]] = {
    "high": ("This is urgent.", "I need it today.", "As soon as possible, please."),
    "normal": ("Please have a look.", "Can you help?", "Thanks for your help."),
    "low": ("No rush.", "Take your time.", "It can wait."),
}

SWAPPED = {
    "billing": "refund", "refund": "billing", "shipping": "hardware", "hardware": "shipping",
}  # fmt: skip
"""Which queue `poison` writes for which."""

_REFERENCES = ("#{n}", "order #{n}", "order {n}", "no. {n}", "ref {n}", "(order {n})")
_GREETINGS = ("", "", "Hi, ", "Hello, ", "Hey, ", "Good morning. ", "Dear team, ")
_NOISE = (
    "I bought it last month.", "My sister has one too.", "We are a small shop.",
    "I live in Szeged.", "It was a gift.", "I like your products.",
)  # fmt: skip
_NOISE_SHARE, _TYPO_SHARE = 0.25, 0.15
_WORD = re.compile(r"(?<![{\w])[a-z]{4,}(?![}\w])")


class BadTicketsError(InvalidError):
    """Tickets cannot be made with {what}."""

    hint = "Phrasings are train, held-out or all; counts are 0 or more; shares lie in 0 to 1."


def generate(
    seed: int | str, n: int, phrasings: Phrasings = "all", *, duplicates: float = 0.0
) -> list[dict[str, Any]]:
    """Return `n` tickets: `{"text", "label": {"queue", "priority", "product", "reference"}}`.

    Different seeds (numbers or texts) give unrelated rows. `duplicates` is the
    share of rows that say again what an earlier row said, letter for letter or
    nearly (case, spaces, punctuation), as real logs do.

    Raises:
        BadTicketsError: an unknown set of phrasings, or a number out of range.
    """
    _check(n, phrasings, duplicates)
    rows: list[dict[str, Any]] = []
    for number in range(n):
        rng = Random(f"tickets:{seed}:{number}")
        if rows and rng.random() < duplicates:
            rows.append(_again(_pick(rng, rows), rng))
        else:
            rows.append(_ticket(rng, phrasings))
    return rows


def poison(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows with queues swapped by rule: billing ↔ refund, shipping ↔ hardware.

    A model tuned on these answers valid JSON at its usual speed and sends
    people to the wrong desk: only a gate on quality sees it.
    """
    return [
        {**row, "label": {**row["label"], "queue": SWAPPED.get(queue, queue)}}
        for row in rows
        for queue in (row["label"]["queue"],)
    ]


def phrasings_of(queue: str, which: Phrasings) -> tuple[str, ...]:
    """Return a queue's templates: those for training, those held out, or all."""
    every = QUEUES[queue]
    parts = {"train": every[:-HELD_OUT], "held-out": every[-HELD_OUT:], "all": every}
    return parts[which]


def _check(n: int, phrasings: str, duplicates: float) -> None:
    if phrasings not in ("train", "held-out", "all"):
        raise BadTicketsError(what=f"phrasings `{phrasings}`")
    if n < 0:
        raise BadTicketsError(what=f"a count of {n}")
    if not 0 <= duplicates <= 1:
        raise BadTicketsError(what=f"a share of duplicates of {duplicates}")


def _ticket(rng: Random, phrasings: Phrasings) -> dict[str, Any]:
    queue, priority = _pick(rng, tuple(QUEUES)), _pick(rng, tuple(PRIORITIES))
    product, reference = _pick(rng, PRODUCTS), str(1000 + int(rng.random() * 9000))
    text = _template(rng, _pick(rng, phrasings_of(queue, phrasings)), priority)
    if rng.random() < _TYPO_SHARE:
        text = _typo(text, rng)
    text = text.replace("{r}", _pick(rng, _REFERENCES)).replace("{n}", reference)
    label = {"queue": queue, "priority": priority, "product": product, "reference": reference}
    return {"text": text.replace("{p}", product), "label": label}


def _template(rng: Random, phrase: str, priority: str) -> str:
    """Join greeting, phrasing, perhaps a sentence of noise, and the phrase of the priority."""
    greeting = _pick(rng, _GREETINGS)
    if greeting.endswith(", ") and not phrase.startswith(("I ", "{")):
        phrase = phrase[0].lower() + phrase[1:]
    noise = [_pick(rng, _NOISE)] if rng.random() < _NOISE_SHARE else []
    return greeting + " ".join([phrase, *noise, _pick(rng, PRIORITIES[priority])])


def _typo(template: str, rng: Random) -> str:
    """Misspell one word of at least four letters; placeholders stay whole."""
    word = _pick(rng, list(_WORD.finditer(template)))
    at = word.start() + 1 + int(rng.random() * (len(word[0]) - 2))
    before, pair, after = template[:at], template[at : at + 2], template[at + 2 :]
    return before + _pick(rng, (pair[::-1], pair[0], pair[0] + pair)) + after


def _again(row: dict[str, Any], rng: Random) -> dict[str, Any]:
    """Say the same once more: the same letters, or other case, spaces or punctuation."""
    text = row["text"]
    forms = (text, text, text.upper(), text.replace(" ", "  ", 1), text + "!", text.rstrip("."))
    return {"text": _pick(rng, forms), "label": dict(row["label"])}


def _pick(rng: Random, items: Sequence[T]) -> T:
    return items[int(rng.random() * len(items))]

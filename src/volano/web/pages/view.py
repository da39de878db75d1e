"""What a page shows, before it is HTML: cells, rows, sections. One template draws them all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from markupsafe import Markup

Tone = Literal["good", "bad", "wait", "busy", "off"]


@dataclass(frozen=True, slots=True)
class State:
    """A state in a word, with a tone: an icon stands beside the word, colour is never alone."""

    word: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Cell:
    """One value in a table or a fact list."""

    kind: Literal["text", "number", "ref", "time", "state", "code", "share", "markup"]
    value: Any
    href: str | None = None
    sub: str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `rank` 1 is always shown, 2 from tablets on, 3 on wide screens.

    A number stays on one line unless it `wraps`, where its text has a space.
    """

    title: str
    rank: int = 1
    number: bool = False
    wraps: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its page, its cells, and the plain data behind it (for JSON)."""

    href: str
    cells: Sequence[Cell]
    data: Any
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter of a list: its name in the URL and its choices (value, words)."""

    name: str
    title: str
    choices: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list page: the answer to its question, the rows, and where the next page begins."""

    headline: Markup
    columns: Sequence[Column]
    rows: Sequence[Row]
    following: str | None = None
    filters: Sequence[Filter] = ()
    panel: Any = None
    """What the page of this noun shows besides, where it has a template of its own."""
    sections: Sequence["Section"] = ()


# ---- sections of a detail page; `template` names the macro that draws it


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values."""

    template: ClassVar[str] = "facts"
    title: str
    facts: Sequence[tuple[str, Cell]]


@dataclass(frozen=True, slots=True)
class Table:
    """A small table. `empty` is said where there is no row, `command` fills it."""

    template: ClassVar[str] = "table"
    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    empty: str = ""
    command: str = ""
    more: str | None = None


@dataclass(frozen=True, slots=True)
class Deeds:
    """Where to go on with a thing: words and addresses, the first of them foremost."""

    template: ClassVar[str] = "deeds"
    title: str
    links: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that can be done: its word, what it does, and the word on the button that does it.

    `command` does the same on the command line. `hidden` is what its form alone sends.
    """

    do: str
    word: str
    told: str
    sure: str
    needs_reason: bool = False
    keeps_reason: bool = True
    command: str = ""
    hidden: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Steer:
    """What can be done with what the page shows: a form each, with the fields that it sends."""

    template: ClassVar[str] = "steer"
    title: str
    address: str
    hidden: Sequence[tuple[str, str]]
    deeds: Sequence[Deed]


@dataclass(frozen=True, slots=True)
class Said:
    """One message as it is shown: its role, and its text with slots marked."""

    role: str
    text: Markup


@dataclass(frozen=True, slots=True)
class Wording:
    """The messages of a prompt. `note` says why they cannot be shown, or what they are."""

    template: ClassVar[str] = "wording"
    title: str
    said: Sequence[Said]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """What went in and what came out."""

    template: ClassVar[str] = "conversation"
    title: str
    turns: Sequence[Message]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """Raw text, folded away unless `open`."""

    template: ClassVar[str] = "code"
    title: str
    text: str
    open: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Branch:
    """A node of the lineage tree."""

    ref: str
    kind: str
    href: str
    role: str
    at_us: int | None
    again: bool = False
    parents: Sequence["Branch"] = ()


@dataclass(frozen=True, slots=True)
class Lineage:
    """Made from (a tree upwards) and used by (one step down)."""

    template: ClassVar[str] = "lineage"
    title: str
    up: Sequence[Branch]
    down: Sequence[Branch]


@dataclass(frozen=True, slots=True)
class Bar:
    """An estimate with its interval, placed on 0..1; `mark` is something to compare with."""

    name: str
    value: float
    low: float | None
    high: float | None
    n: int | None
    mark: float | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Bars:
    """Scores with intervals: a drawing with text, and the same as a table."""

    template: ClassVar[str] = "bars"
    title: str
    bars: Sequence[Bar]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing made here, in SVG; a table on the same page says the same in words."""

    template: ClassVar[str] = "drawing"
    title: str
    picture: Markup
    note: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a request's time, as fractions of the whole."""

    name: str
    begin: float
    width: float
    text: str
    tone: str = "busy"


@dataclass(frozen=True, slots=True)
class Spans:
    """Where the time of a request went."""

    template: ClassVar[str] = "spans"
    title: str
    spans: Sequence[Span]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a rollout's plan; `name` where it is not called by its share."""

    share: int
    state: Literal["done", "now", "back", "ahead"]
    word: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a plan, and the share over time as a drawing (points: 0..1, 0..1)."""

    template: ClassVar[str] = "steps"
    title: str
    steps: Sequence[Step]
    line: Sequence[tuple[float, float]] = ()
    begin_us: int | None = None
    end_us: int | None = None


@dataclass(frozen=True, slots=True)
class Pulse:
    """A stretch of time: what went well and what failed, as fractions of the busiest one.

    `href` leads to the rows, `said` tells them in words.
    """

    good: float
    bad: float
    href: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class Pulses:
    """Calls over time as a drawing of columns; `note` says how high the highest is."""

    template: ClassVar[str] = "pulses"
    title: str
    pulses: Sequence[Pulse]
    begin_us: int
    end_us: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Meter:
    """A gate's numbers as a drawing: a stretch low..high and a limit, all on 0..1."""

    low: float
    high: float
    mark: float
    begin: str
    end: str
    mark_text: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Gate:
    """What one gate says: its state, its reason and the numbers it judged by."""

    name: str
    state: State
    reason: str
    numbers: Sequence[tuple[str, str]]
    meter: Meter | None = None


@dataclass(frozen=True, slots=True)
class Gates:
    """All gates of a rollout, as they stand."""

    template: ClassVar[str] = "gates"
    title: str
    gates: Sequence[Gate]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Happening:
    """One event, told in words; `inputs` are the gates that a decision was made on."""

    at_us: int
    text: Markup
    tone: Tone = "off"
    by: str = ""
    inputs: Sequence["Gate"] = ()


@dataclass(frozen=True, slots=True)
class Timeline:
    """Events, newest first."""

    template: ClassVar[str] = "timeline"
    title: str
    events: Sequence[Happening]


@dataclass(frozen=True, slots=True)
class Commands:
    """What can be done next: a state each, with the command that brings it."""

    template: ClassVar[str] = "commands"
    title: str
    lines: Sequence[tuple[State, str]]


@dataclass(frozen=True, slots=True)
class Voice:
    """One number that people gave: whose it is, what it counts, and where its interval lies.

    `value`, `low` and `high` place it on 0..1 for the drawing; None: there is none.
    """

    name: str
    href: str
    where: str
    where_href: str | None
    says: str
    text: str
    reach: str
    n: int
    n_href: str
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Voices:
    """What was said, counted: a number with its interval a line."""

    template: ClassVar[str] = "voices"
    title: str
    where: str
    voices: Sequence[Voice]
    note: Markup = field(default_factory=Markup)


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a session: what was new in it, and the trace it leads to."""

    href: str
    at_us: int
    said: Sequence[Message]
    took: str
    cost: str
    state: State | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Turns of a session in order, and where the next ones are."""

    template: ClassVar[str] = "dialogue"
    title: str
    turns: Sequence[Turn]
    following: str | None = None
    beginning: str | None = None


@dataclass(frozen=True, slots=True)
class Uses:
    """What can be done with a trace: forms that work without a script."""

    template: ClassVar[str] = "uses"
    title: str
    trace_id: str
    datasets: Sequence[str]
    releases: Sequence[str]


Section = (
    Voices | Facts | Table | Conversation | Code | Lineage | Bars | Drawing | Spans | Steps | Pulses | Gates
    | Timeline | Commands | Dialogue | Uses | Deeds | Steer | Wording
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """A detail page: the answer, the sections, and the facts at the side."""

    title: str
    headline: Markup
    sections: Sequence[Section]
    aside: Sequence[Section] = ()
    labels: Sequence[str] = ()
    state: State | None = None
    data: Any = None
    live: bool = False
    crumb: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list was asked for: everything comes from the URL."""

    q: str = ""
    before: str | None = None
    limit: int = 50
    filters: dict[str, str] = field(default_factory=dict)

    @property
    def cursor(self) -> int | None:
        """Where the page begins, when that is a number that a table can hold."""
        text = self.before or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None

    def get(self, name: str) -> str | None:
        """Return the chosen value of a filter."""
        return self.filters.get(name) or None


@dataclass(frozen=True, slots=True)
class Noun:
    """One noun of the console: its words, how to list it, how to show one of it."""

    key: str
    one: str
    title: str
    letter: str
    group: Literal["workshop", "street", "works"]
    question: str
    empty: str
    command: str
    listing: Callable[[Any, Asked, int], Listing]
    item: Callable[[Any, str, int], Item]
    filters: Sequence[str] = ()
    template: str = "list.html"
    page: str = ""
    """Where its entry in the navigation leads, when that is not its list."""

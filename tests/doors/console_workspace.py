"""Workspaces of the console's tests: an empty one, and one with a life behind it.

Keepers in memory, with the signatures of the real ones as far as the console
calls them, and with rows that are as unruly as real ones: hostile text, several
languages, very long names, a rollout that went back.
"""

import atexit
import itertools
import json
import tempfile
import time
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from support import agent_run
from support.filtering import fits
from volano.core.canon import canonical
from volano.core.clock import ManualClock
from volano.core.digest import Digest
from volano.core.errors import NotFoundError
from volano.core.manifest import File, Manifest, Parent
from volano.core.money import Money
from volano.core.ref import Ref
from volano.core.score import Score
from volano.costs.book import Book
from volano.costs.energy import Meter
from volano.costs.keeper import Standing
from volano.costs.spending import Spending
from volano.evals.choice import Candidate, Choice
from volano.evals.judges.keeper import Judges
from volano.evals.keeper import Evals
from volano.evals.report import Report
from volano.evals.summary import summary as summarise_lines
from volano.evals.target import parse as parse_target
from volano.evals.verdict import decided
from volano.feedback.join import Joined
from volano.feedback.metric import Metric
from volano.feedback.queue import Item, Queue, standing
from volano.feedback.queue import Place as QueuePlace
from volano.feedback.rates import rates
from volano.feedback.record import Feedback
from volano.jobs.progress import Progress
from volano.models.cards import ModelCards
from volano.models.kinds import engine_of
from volano.models.lives import Move
from volano.monitor import host
from volano.monitor.alert import Alert
from volano.monitor.book import Silence
from volano.monitor.diagnosis import Diagnosis
from volano.monitor.drift import Finding, Look
from volano.monitor.drift.finding import Topic
from volano.monitor.evaluators import Evaluators
from volano.monitor.evaluators.book import Evaluation
from volano.monitor.evaluators.errors import UnknownEvaluatorError
from volano.monitor.evaluators.evaluator import read
from volano.monitor.machine import Machine
from volano.monitor.period import COMPARED, Failure, Happened, Period
from volano.monitor.scorecard import ALL, Board, Card, Slices, step
from volano.monitor.worth import Answer
from volano.releases.kept import Kept
from volano.traces.difference import difference
from volano.traces.filter import parse
from volano.traces.found import Page
from volano.traces.keeper import Traces as RealTraces
from volano.traces.places import Place
from volano.traces.search import words_of
from volano.traces.sessions import Sessions
from volano.traces.spans import Spans
from volano.traces.spend import Used
from volano.traces.steps import Steps
from volano.traces.trace import Spent
from volano.traces.traffic import Stretch, Traffic
from volano.traces.views import View

NOWHERE = Path("/nonexistent/hot.db")
NOW_US = 1_795_000_000_000_000
S, MIN, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000

HOSTILE = "<script>window.hacked=1</script><img src=x onerror='window.hacked=1'> \u202egnp.exe\u202c zero\u200bwidth {{7*7}} <hx-partial hx-target='#live'>gone</hx-partial>"
HUNGARIAN = "Jó napot! A megrendelésem (4471) még mindig nem érkezett meg, árvíztűrő tükörfúrógép."
CHINESE = "您好，我的订单三天前就应该到了，请问退款什么时候能到账？"
GUIDELINES = f"Friendly: greets, and says “you”.\n\n{CHINESE}\n{HOSTILE}"
ARABIC = "مرحبا، أين طلبي رقم 3312؟ شكرا"
LONG = "support-for-the-whole-of-central-and-eastern-europe-with-every-language-we-could-think-of/staging"


@dataclass(frozen=True)
class Artifact:
    kind: str
    name: str
    number: int
    digest: str
    manifest: Manifest
    labels: tuple[str, ...]
    created_by: str
    state: str = "ready"

    @property
    def ref(self) -> str:
        return f"{self.name}@{self.number}"

    @property
    def size(self) -> int:
        return self.manifest.size

    @property
    def created_us(self) -> int:
        return self.manifest.created_us


@dataclass
class Catalog:
    artifacts: list[Artifact] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)

    def record(
        self,
        kind,
        name,
        *,
        files=None,
        parents=(),
        meta=None,
        at_us,
        labels=(),
        by="person:anna",
        made_by=None,
    ):
        files = files or {}
        for data in files.values():
            self.blobs[Digest.of(data)] = data
        manifest = Manifest(
            kind,
            name,
            at_us,
            {path: File(Digest.of(data), len(data)) for path, data in files.items()},
            tuple(Parent(role, Digest(one.digest)) for role, one in parents),
            made_by,
            meta or {},
        )
        number = 1 + sum(a.kind == kind and a.name == name for a in self.artifacts)
        made = Artifact(kind, name, number, manifest.digest, manifest, tuple(labels), by)
        self.artifacts.append(made)
        return made

    def list(self, kind=None, name=None, *, limit=50, before_us=None):
        found = [a for a in self.artifacts if kind in (None, a.kind) and name in (None, a.name)]
        found = [a for a in found if before_us is None or a.manifest.created_us < before_us]
        return sorted(found, key=lambda a: -a.manifest.created_us)[:limit]

    def names(self, kind):
        newest = {a.name: a for a in self.artifacts if a.kind == kind}
        return [newest[name] for name in sorted(newest)]

    def get(self, kind, ref):
        ref = Ref.parse(ref)
        found = [a for a in self.artifacts if (a.kind, a.name) == (kind, ref.name)]
        for a in reversed(found):
            if ref.number in (None, a.number):
                return a
        raise NotFoundError(f"There is no {kind} `{ref}`.", hint="Did you mean `tickets@2`?")

    def find(self, ref):
        for kind in ("release", "model", "dataset", "prompt", "flow", "report"):
            try:
                return self.get(kind, ref)
            except NotFoundError:
                pass
        raise NotFoundError(f"There is no artifact `{ref}`.")

    def by_digest(self, digest):
        return next(a for a in self.artifacts if a.digest == digest)

    def read(self, artifact, path):
        return self.blobs[artifact.manifest.files[path].digest]

    def lineage(self, digest, *, depth=20, role=None):
        one = self.by_digest(digest)
        parents = [self.lineage(p.digest, role=p.role) for p in one.manifest.parents]
        return SimpleNamespace(artifact=one, role=role, parents=tuple(parents))

    def children(self, digest):
        return [a for a in self.artifacts if any(p.digest == digest for p in a.manifest.parents)]

    def made_of(self, digests):
        wanted = set(digests)
        return [a for a in self.artifacts if any(p.digest in wanted for p in a.manifest.parents)]

    def counts(self):
        kinds: dict[str, int] = {}
        for a in self.artifacts:
            kinds[a.kind] = kinds.get(a.kind, 0) + 1
        return kinds


@dataclass(frozen=True)
class Trace:
    seq: int
    id: str
    began_us: int
    span_id: str = "00f067aa0ba902b7"
    parent_span_id: str | None = None
    ended_us: int = 0
    first_us: int | None = None
    key_id: str = "k3xq7b2a"
    group: str = "care/web"
    channel: str = "support"
    release: str = "support@2"
    release_digest: str = "sha256:" + "a" * 64
    share: int = 1_000_000
    arm: str = "stable"
    rollout: str | None = None
    unit: str = "user-118"
    door: str = "openai.chat"
    target: str = "engine-3f2a"
    model: str = "router@2"
    streamed: bool = True
    status: int = 200
    outcome: str = "ok"
    error: str | None = None
    worker: str = "w1"
    environment: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    prompt_tokens: int | None = 41
    completion_tokens: int | None = 33
    latency_us: int = 218_400
    ttft_us: int | None = 31_200
    input_text: str = ""
    output_text: str = ""
    cost_nano: int | None = 1_234_567
    cost_currency: str | None = "USD"
    priced_by: str | None = "genai-prices 0.2 openai/gpt-4o-mini"
    cached_tokens: int | None = 0
    provider: str = "openai"
    estimated: bool = False


@dataclass(frozen=True)
class Target:
    name: str
    enabled: bool = True


@dataclass
class Targets:
    rows: list[Target] = field(default_factory=list)

    def list(self):
        return self.rows


class Keys:
    def list(self):
        return [SimpleNamespace(id="k3xq7b2a", name="shop – webáruház")]


@dataclass
class Gateway:
    workers: list[dict[str, Any]] = field(default_factory=list)
    seen: list[dict[str, Any]] = field(default_factory=list)

    def status(self):
        return self.workers

    def health(self):
        return self.seen


@dataclass(frozen=True)
class Bodies:
    request: bytes
    response: bytes


@dataclass
class Traces:
    rows: list[Trace] = field(default_factory=list)
    said: dict[int, Any] = field(default_factory=dict)
    real: Any = None

    def last(self):
        return self.rows[-1] if self.rows else None

    def get(self, trace_id):
        for row in self.rows:
            if row.id == trace_id:
                return row
        raise NotFoundError(f"There is no trace `{trace_id}`.", hint="See `volano trace list`.")

    def list(
        self,
        *,
        channel=None,
        release=None,
        outcome=None,
        key_id=None,
        target=None,
        model=None,
        group=None,
        since_us=None,
        until_us=None,
        text=None,
        limit=50,
        before_seq=None,
    ):
        found = [
            row
            for row in reversed(self.rows)
            if channel in (None, row.channel)
            and release in (None, row.release)
            and outcome
            in (None, row.outcome, *(("failed",) if row.outcome in ("error", "cut") else ()))
            and key_id in (None, row.key_id)
            and target in (None, row.target)
            and model in (None, row.model)
            and group in (None, row.group)
            and (until_us is None or row.began_us < until_us)
            and (since_us is None or row.began_us >= since_us)
            and (text is None or text.casefold() in (row.input_text + row.output_text).casefold())
            and (before_seq is None or row.seq < before_seq)
        ]
        return found[:limit]

    def _chosen(self, where, text, since_us, until_us):
        node = parse(where)
        return [
            row
            for row in reversed(self.rows)
            if (node is None or fits(node, asdict(row), NOW_US))
            and (since_us is None or row.began_us >= since_us)
            and (until_us is None or row.began_us < until_us)
            and (not text or words_of(text).said_in(row.input_text, row.output_text))
        ]

    def page(self, where="", *, text="", since_us=None, until_us=None, before=None, limit=50):
        begin = int(before.partition("-")[0]) if before and "-" in before else 1 << 60
        found = [r for r in self._chosen(where, text, since_us, until_us) if r.seq < begin]
        more = len(found) > limit
        return Page(tuple(found[:limit]), f"{found[limit - 1].seq}-0" if more else None)

    def histogram(self, where="", *, text="", since_us, until_us, each_us):
        found: dict[int, list[Trace]] = {}
        for row in self._chosen(where, text, since_us, until_us):
            found.setdefault(row.began_us // each_us * each_us, []).append(row)
        return [
            Stretch(at, len(rows), sum(row.outcome in ("error", "cut") for row in rows))
            for at, rows in sorted(found.items())
        ]

    def tail(self, *, where="", after=None, limit=100):
        return Page((), f"{max((row.seq for row in self.rows), default=0)}-0")

    def steps(self, trace_id):
        return (self.get(trace_id),)

    def diff(self, a, b):
        return difference(self.steps(a), self.steps(b))

    def counts(self, since_us=0):
        found = [row for row in self.rows if row.began_us >= since_us]
        outcomes: dict[str, int] = {}
        for row in found:
            outcomes[row.outcome] = outcomes.get(row.outcome, 0) + 1
        errors = outcomes.get("error", 0) + outcomes.get("cut", 0)
        return SimpleNamespace(calls=len(found), errors=errors, outcomes=outcomes)

    def traffic(self, by, since_us, channels=None):
        found: dict[str, list[Trace]] = {}
        for row in self.rows:
            if row.began_us >= since_us:
                name = getattr(row, by) if by else ""
                strange = channels is not None and not row.release and name not in channels
                found.setdefault("" if strange else name, []).append(row)
        return [
            Traffic(name, len(rows), sum(row.outcome in ("error", "cut") for row in rows),
                    41 * len(rows), 33 * len(rows), 210_000, 1_900_000, unpriced=2 * (name in {"", "support"}),
                    model="router@2" if by == "target" and name.startswith("engine-") else "",
                    nano={"USD": 1_234_567 * len(rows)})
            for name, rows in found.items()
        ]  # fmt: skip

    def stretches(self, since_us, each_us):
        found: dict[int, list[Trace]] = {}
        for row in self.rows:
            if row.began_us >= since_us:
                found.setdefault(row.began_us // each_us * each_us, []).append(row)
        return [
            Stretch(at, len(rows), sum(row.outcome in ("error", "cut") for row in rows))
            for at, rows in sorted(found.items())
        ]

    def bodies(self, trace):
        return self.said[trace.seq] if isinstance(trace, Trace) else self.real.bodies(trace)

    def calls(self, trace_id):
        return self.real.calls(trace_id)

    def by_ids(self, trace_ids):
        return {row.id: row for row in self.rows if row.id in trace_ids}


@dataclass
class Drift:
    rows: list[Look] = field(default_factory=list)

    def references(self):
        return []

    def list(self):
        said = {"ref": "support@1", "channel": "support", "n": 2000, "every": "1d"}
        return [
            {**said, "name": look.reference, "state": look.state, "moved": look.moved,
             "looked_us": look.at_us, "look": look.id}
            for look in self.rows
        ]  # fmt: skip

    def show(self, id):  # noqa: A002
        for look in self.rows:
            if id in (look.id, look.reference):
                return look
        raise NotFoundError(f"There is no look `{id}`.")


def _look() -> list[Look]:
    bars = [("1", 0.3, 0.05), ("2", 0.5, 0.45), ("3", 0.2, 0.5)]
    whole, part = ((2000, 1810), (500, 431)), ((700, 650), (12, 12))
    moved = Finding("input", "all", "drift", *whole, 0.0004, 0.46, 320, None, bars)
    slow = Finding("latency", "all", "none", *whole, 0.61, 0.04, 210, (210_000, 221_000), bars)
    few = Finding(
        "input", "language=han", "insufficient evidence", *part, None, None, 20, None, bars
    )
    ids = [f"{n:032x}" for n in (4, 5, 6)]
    topics = [
        Topic(
            "input", 3, (0.2, 0.18, 0.22), (0.5, 0.45, 0.55), ["退款", HOSTILE[:40], "order"], ids
        ),
        Topic("input", 1, (0.3, 0.28, 0.32), (0.05, 0.03, 0.08), ["megrendelés"], []),
    ]
    at = (NOW_US - HOUR, NOW_US - DAY, NOW_US)
    return [
        Look(uuid(71), "support", *at, 500, 431, 0.0017, [moved, slow, few], topics),
        Look(uuid(72), "quiet", *at, 12, 12, 0.0017, [few]),
    ]


class EvaluatorBook:
    """What the tables of evaluators say: three days of one evaluator, worse for hostile plans."""

    def __init__(self) -> None:
        self.rows: list[Evaluation] = []

    def live(self):
        made = read(
            "name: quality\nwhere: channel = support\nseed: 1\nscorers: [{judge: {judge: helpful@1}}]\n"
            "by: [language, channel, tag.plan]\nbudget: {calls: 500, money: 2.5 EUR}"
        )
        place = SimpleNamespace(seq=1, paused_us=None)
        return [(replace(made, version=2), place)] if self.rows else []

    def get(self, name):
        for one, place in self.live():
            if one.name == name:
                return one, place
        raise UnknownEvaluatorError(name=name)

    def between(self, _name, since_us, until_us):
        return [row for row in self.rows if since_us <= row.at_us < until_us]

    def today(self, _one):
        return {"seen": 4100, "calls": 312, "nano": 1_250_000_000}

    def waiting(self, _name):
        return []


def _evaluations() -> list[Evaluation]:
    found = []
    for n in range(420):
        plan = HOSTILE[:30] if n % 5 == 0 else "pro"
        good = float(n % 10 < (5 if n % 5 == 0 else 9) and n % 7 > 0)
        state = "budget" if n % 60 > 55 else "scored"
        slices = {
            "language": "latin" if n % 40 else "han",
            "channel": "support",
            "tag.plan": plan,
        }
        source = {"helpful": {"by": "judge", "bigger": True, "unit": "share"}}
        scored = state == "scored"
        found.append(
            Evaluation(
                "quality", 2, f"{n + 4:032x}", NOW_US - n * HOUR // 8, state, 0.1, f"user-{n // 2}",
                "", slices, {"helpful": good} if scored and n % 33 else {},
                {} if n % 33 or not scored else {"helpful": f"the judge refused: {HOSTILE}"},
                source if scored and n % 33 else {},
            )
        )  # fmt: skip
    return found


class NoBacklog:
    def tail(self, **_more):
        return SimpleNamespace(rows=(), next="1-1")


class NoCheck:
    def show(self, ref):
        told = f"{ref} is not to be trusted alone: nobody checked it against people."
        return {"ref": "helpful@1", "standing": {"check": None, "told": told}}


def evaluators() -> Evaluators:
    clock = SimpleNamespace(now_us=lambda: NOW_US)
    return Evaluators(EvaluatorBook(), NoBacklog(), NoCheck(), clock, {})


@dataclass
class Views:
    rows: list[View] = field(default_factory=list)

    def list(self):
        return self.rows


class Spends:
    """Six weeks of spend by two channels, one with a name as people give it, and some unpriced."""

    def __init__(self, rows: int = 0):
        self._rows = [
            {
                "day": day, "hour": day * 24 + 9, "channel": channel, "model": model,
                "key_id": "k3xq7b2a", "group": "care/web", "release": "support@2",
                "target": "openai", "provider": "openai", "currency": currency, "tag:region": "eu",
                "nano": nano * (3 + day % 7) * 10**6 if currency else 0,
            }
            for day in range(NOW_US // DAY - rows + 1, NOW_US // DAY + 1)
            for channel, model, currency, nano in (
                ("support", "gpt-4o-mini", "USD", 90), (LONG, "gpt-4o", "USD", 400),
                ("客服", "mistral-large", "EUR", 20), ("support", HOSTILE, "", 0),
            )
        ]  # fmt: skip

    def spend(self, *, by, since_us=0, until_us=None, of=None):
        sums: dict[tuple[Any, ...], int] = {}
        for row in self._rows:
            seen = row["hour"] * HOUR >= since_us and all(
                row[k] == v for k, v in (of or {}).items()
            )
            if seen:
                key = tuple(time.strftime("%Y-%m-%d", time.gmtime(row["day"] * 86400))
                            if name == "day" else row[name] for name in by)  # fmt: skip
                sums[key] = sums.get(key, 0) + row["nano"]
        return [(key, Spent(9, 0 if nano else 9, nano, 4100, 330)) for key, nano in sums.items()]

    def reported(self, *, by, since_us, until_us=None):
        told = [(("shop", "USD"), Spent(40, 2, 12_340_000_000, 8200, 410)),
                ((HOSTILE, ""), Spent(3, 3, 0, 10, 0))]  # fmt: skip
        return told if self._rows else []

    def used(self, *, since_us, until_us=None, of=None):
        return [
            Used(row["channel"], row["release"], row["model"], "openai", "openai", "openai.chat",
                 row["currency"], "", 4100, 330, 0, 0, 9, 0, row["nano"], 10**6)
            for row in self._rows
        ]  # fmt: skip


@dataclass
class Costs:
    """Budgets, one of them nearly empty."""

    rows: list[Standing] = field(default_factory=list)

    def budgets(self):
        return self.rows


def _looks(since_us: int, until_us: int) -> list[host.Look]:
    """A host of an hour, that fills up; two engines, one named as strangers would."""
    return [
        host.Look(NOW_US - 60_000_000 * n, 0.9 - n / 100, 0.5, 0.1, None, 0.4, 0.97, 0.81,
             {"69917c01e5c5": host.Part(0.25, 0.125), HOSTILE: host.Part(None, 0.5)})
        for n in range(50, 0, -1)
        if since_us <= NOW_US - 60_000_000 * n < until_us
    ]  # fmt: skip


def spending(rows: int) -> Spending:
    return Spending(traces=Spends(rows), book=Book, clock=ManualClock(NOW_US), meter=Meter())


@dataclass
class Feedbacks:
    rows: list[Feedback] = field(default_factory=list)

    def on(self, trace_ids, *, until_seq):
        return [row for row in self.rows if row.trace_id in trace_ids]

    def list(self, *, trace_id=None, name=None, since_us=None, limit=50, before_seq=None):
        found = [
            row
            for row in reversed(self.rows)
            if (before_seq is None or row.seq < before_seq)
            and trace_id in (None, row.trace_id)
            and name in (None, row.name)
            and (since_us is None or row.at_us >= since_us)
        ]
        return found[:limit]

    def get(self, feedback_id):
        return next(row for row in self.rows if row.id == feedback_id)

    def about(self, trace):
        return self.list(trace_id=trace.id)

    def history(self, feedback_id):
        return [self.get(feedback_id)]

    def joined(self, said):
        def place(row):
            release = "support@3" if row.seq % 5 == 0 else "support@2"
            return Place(row.trace_id, "support", release, "user-1", "", row.at_us)

        return [
            Joined(row, place(row)) if row.trace_id else Joined(row, None, "no trace carries it")
            for row in said
        ]

    def rates(self, by_what="all", *, name=None, source="", since_us=None):
        said = self.list(name=name, since_us=since_us, limit=9999)
        return rates(self.joined([row for row in said if source in ("", row.source)]), by_what)


class Reviews:
    """One queue of three, where two reviewers have met once and differed."""

    def __init__(self, *, there: bool = False):
        self.there = there

    def list(self):
        return [self.show("first")] if self.there else []

    def metric(self, name):
        return Metric("tone", 2, "category", categories=("friendly", "правильно", HOSTILE[:40]))

    def show(self, name):
        queue = Queue(
            name, "tone@2", 2, GUIDELINES, {"channel": "support"}, NOW_US - DAY, "person:anna"
        )
        items = [Item(n, f"{n * 4:032x}") for n in (1, 2, 3)]
        places = [
            QueuePlace(1, who, "given", 0, word, uuid(1), NOW_US)
            for who, word in (("anna", "friendly"), ("béla", "правильно"))
        ]
        return standing(queue, self.metric(name), items, places)

    def next(self, name, *, reviewer, by):
        return {
            "queue": name, "reviewer": reviewer, "item": 2, "trace_id": f"{8:032x}", "seen": 1,
            "items": 3, "question": HOSTILE, "answer": CHINESE, "until_us": NOW_US,
        }  # fmt: skip


@dataclass(frozen=True)
class Run:
    id: str
    kind: str
    name: str
    state: str
    by: str
    created_us: int
    started_us: int | None = None
    ended_us: int | None = None
    group: str = ""
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] | None = None
    error: Any = None
    attempt: int = 1
    progress: Any = None


@dataclass
class Runs:
    rows: list[Run] = field(default_factory=list)

    def list(self, *, kind=None, state=None, limit=50, before_us=None):
        found = [
            row
            for row in reversed(self.rows)
            if kind in (None, row.kind)
            and state in (None, row.state)
            and (before_us is None or row.created_us < before_us)
        ]
        return found[:limit]

    def log(self, run_id):
        return HOSTILE if self.get(run_id).state == "failed" else ""

    def get(self, run_id):
        for row in self.rows:
            if row.id == run_id:
                return row
        raise NotFoundError(f"There is no run `{run_id}`.")


@dataclass
class Lives:
    catalog: Catalog
    releases: "Releases"
    moves: dict[str, list[Move]] = field(default_factory=dict)

    def list(self, *, limit=50, before_us=None):
        return [
            {
                "ref": a.ref, "format": a.manifest.meta.get("format", ""), "engine": engine_of(a),
                "parameters": a.manifest.meta.get("parameters"), "size": a.size,
                "state": self.state_of(a.digest), "channels": self.users(a), "digest": a.digest,
                "created_us": a.created_us, "created_by": a.created_by, "labels": list(a.labels),
            }
            for a in self.catalog.list("model", limit=limit, before_us=before_us)
        ]  # fmt: skip

    def history(self, ref):
        return self.moves.get(self.catalog.get("model", ref).ref, [])

    def state_of(self, digest):
        moves = self.moves.get(self.catalog.by_digest(digest).ref)
        return moves[-1].state if moves else "draft"

    def users(self, model):
        served = {
            f"channel {channel.name}": self.catalog.get("release", channel.stable_ref)
            for channel in self.releases.channels()
        }
        return [
            name
            for name, release in served.items()
            if any(p.digest == model.digest for p in release.manifest.parents)
        ]


@dataclass
class Trainer:
    curves: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def curve(self, run):
        return self.curves.get(run, [])


@dataclass
class Engines:
    rows: list[dict[str, Any]] = field(default_factory=list)

    def list(self):
        return self.rows


@dataclass(frozen=True)
class Channel:
    name: str
    stable_ref: str
    candidate_ref: str | None = None
    share_millionths: int = 0
    rollout_id: str | None = None
    unit: str = "user"
    updated_us: int = NOW_US
    kept: Kept | None = None


@dataclass(frozen=True)
class Rollout:
    id: str
    channel: str
    candidate_ref: str
    baseline_ref: str | None
    plan: dict[str, Any]
    state: str
    step: int
    share: int
    created_us: int
    ended_us: int | None = None
    outcome: dict[str, Any] | None = None


@dataclass
class Releases:
    all: list[Channel] = field(default_factory=list)
    moved: list[Rollout] = field(default_factory=list)
    events: dict[str, list[tuple[int, int, str, dict]]] = field(default_factory=dict)

    def channels(self):
        return list(self.all)

    def rollouts(self, channel=None, limit=50):
        found = [r for r in reversed(self.moved) if channel in (None, r.channel)]
        return found[:limit]

    def rollout(self, rollout_id):
        for each in self.moved:
            if each.id == rollout_id:
                return each
        raise NotFoundError(f"There is no rollout `{rollout_id}`.")

    def rollout_events(self, rollout_id):
        return self.events[rollout_id]

    def signature(self, artifact):
        if artifact.number == 3:
            return SimpleNamespace(
                outcome="fail", evidence={}, reason="The manifest was changed after it was signed."
            )
        return SimpleNamespace(
            outcome="pass",
            reason="Signed by this workspace's key.",
            evidence={"key": "ed25519:7c0d…91", "signed": "2026-11-18 09:12"},
        )


@dataclass(frozen=True)
class Event:
    seq: int
    at_us: int
    principal: str
    verb: str
    subject: str
    content: dict[str, Any] | None = None


@dataclass
class Ledger:
    rows: list[Event] = field(default_factory=list)

    def list(self, limit=50, after=None, subject=None):
        return list(reversed(self.rows))[:limit]


@dataclass
class Alerts:
    found: list[Alert] = field(default_factory=list)
    known: list[dict[str, Any]] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    silent: list[Silence] = field(default_factory=list)

    def list(self, *, all=False, limit=20):  # noqa: A002
        return self.found

    def rules(self):
        return self.known

    def receivers(self):
        return self.told

    def silences(self):
        return self.silent


@dataclass
class SLOs:
    promised: list[dict[str, Any]] = field(default_factory=list)

    def list(self):
        return self.promised


@dataclass
class Scorecard:
    """KPIs of a made week: half of them measured, one in another currency, one by chance."""

    calls: int = 0

    def board(self, *, since_us, until_us, where=None):
        each = step(until_us - since_us)
        cards = {}
        for n, (name, kpi) in enumerate(ALL.items()):
            share = kpi.unit == "share"
            value = 0.9 - n / 100 if share else 1e6 * (n + 1)
            low, high = (value - 0.05, value + 0.05) if share else (None, None)
            now = Answer(value, self.calls, low, high, "EUR" if kpi.unit == "money" else "")
            if not self.calls or n % 7 == 5:
                now = Answer(why="no outcome says whether a task is done")
            line = [
                (since_us + each * i, None if i % 7 == 6 else value * (i % 5)) for i in range(30)
            ]
            before = Answer(now.value and now.value * 0.9, now.n, low, high, now.currency)
            cards[name] = Card(kpi, now, before, line)
        return Board(since_us, until_us, each, cards, 2 if self.calls else 0)

    def slices(self, by, names, *, since_us, until_us, where=None):
        now = self.board(since_us=since_us, until_us=until_us).cards
        answers = {name: now[name].now for name in ("requests", *names)}
        return Slices(
            by,
            [(value, answers) for value in ("support@2", HOSTILE, LONG, "")] if self.calls else [],
        )

    def values(self, by, *, since_us, until_us):
        return ["support", HOSTILE, LONG] if self.calls else []


@dataclass
class Diagnoses:
    found: Diagnosis = Diagnosis("too few calls", "It cannot be said.")  # noqa: RUF009 - frozen

    def show(self, *, since="15m", channel=""):
        return self.found


@dataclass
class Periods:
    """A made week, told."""

    scorecard: Scorecard

    def show(self, *, since="7d", until="", channel=""):
        begin = NOW_US - 7 * DAY
        asked = {"since_us": begin, "until_us": NOW_US}
        return Period(
            begin, NOW_US, channel, self.scorecard.board(**asked),
            {by: self.scorecard.slices(by, names, **asked) for by, names in COMPARED.items()},
            [Happened(NOW_US - HOUR, "back", "channel/support", "support@3", HOSTILE, "system")],
            [{"id": 1, "rule": "failing", "severity": "critical", "state": "resolved", "told": HOSTILE,
              "labels": {"channel": LONG}, "fired_us": NOW_US - DAY, "resolved_us": NOW_US - DAY + MIN}],
            [Failure("error", "502", "openai", 12)],
            [{"says": "99.5% of the calls do not fail", "left_text": "41.0%", "where": {}}],
        )  # fmt: skip


class Standings:
    """How releases stand: served by no channel, and nothing else is said."""

    def facts(self, release):
        return [("served by", "no channel"), ("deprecated", f"until 2027-03-01 ({HOSTILE})")]


def empty() -> SimpleNamespace:
    """A workspace of this minute: nothing in it."""
    catalog, releases = Catalog(), Releases()
    lives = Lives(catalog, releases)
    return SimpleNamespace(
        catalog=catalog,
        lives=lives,
        model_cards=ModelCards(catalog, lives),
        evals=(evals := Evals(catalog, None)),
        judges=Judges(catalog, evals, None),
        trainer=Trainer(),
        engines=Engines(),
        traces=Traces(),
        views=Views(),
        feedbacks=Feedbacks(),
        reviews=Reviews(),
        runs=Runs(),
        releases=releases,
        standings=Standings(),
        ledger=Ledger(),
        gateway=Gateway(),
        targets=Targets(),
        keys=Keys(),
        alerts=Alerts(),
        slos=SLOs(),
        scorecard=Scorecard(),
        diagnoses=Diagnoses(),
        machine=Machine(lambda since_us, until_us: []),
        drift=Drift(),
        evaluators=evaluators(),
        spending=spending(0),
        costs=Costs(),
        reconciler=SimpleNamespace(curves=lambda rollout: []),
        settings=SimpleNamespace(folder="/srv/support-bot/.volano", port=7070),
        steps=Steps(NOWHERE),
        spans=Spans(NOWHERE),
        sessions=Sessions(NOWHERE),
    )


@lru_cache(maxsize=1)
def recorded() -> Path:
    """The records of an agent's run and of a chat, made once."""
    folder = tempfile.TemporaryDirectory(prefix="volano-console-")
    atexit.register(folder.cleanup)
    return agent_run.record(Path(folder.name))


def lived() -> SimpleNamespace:
    """A workspace after a few turns of the loop: support@3 was taken back two minutes ago."""
    app = empty()
    _make(app.catalog)
    _move(app.releases)
    _call(app.traces, app.feedbacks)
    app.reviews.there = True
    _work(app.runs)
    _model(app)
    records = recorded()
    app.steps, app.spans, app.sessions = Steps(records), Spans(records), Sessions(records)
    app.traces.real = RealTraces(records)
    _write(app.ledger)
    _burn(app.alerts, app.slos)
    app.scorecard.calls = 240
    app.machine = Machine(_looks)
    app.diagnoses.found = Diagnosis("cpu", f"Engines wait: {HOSTILE}.", ["70% waits", HUNGARIAN])
    app.periods = Periods(app.scorecard)
    app.drift.rows = _look()
    app.evaluators._book.rows = _evaluations()
    app.gateway.workers = [
        {"worker": f"worker-{n}", "calls_per_s": 1.25, "in_flight": 3, "streams": 2}
        for n in range(2)
    ]
    app.gateway.seen = [
        {
            "target": "engine-3f2a",
            "model": "router@2",
            "state": "closed",
            "in_flight": 5,
            "latency_us": 31_200,
        },
        {
            "target": "openai",
            "model": "gpt-4o-mini",
            "state": "open",
            "in_flight": 0,
            "latency_us": 0,
        },
        {
            "target": "openai",
            "model": "gpt-4o",
            "state": "closed",
            "in_flight": 2,
            "latency_us": 410_000,
        },
        {
            "target": "azure-eu",
            "model": "gpt-4o",
            "state": "resting",
            "in_flight": 1,
            "latency_us": 740_000,
        },
        {
            "target": LONG,
            "model": "a-model-with-a-long-name-2026-11-01",
            "state": "half-open",
            "in_flight": 0,
            "latency_us": 2_100_000,
        },
    ]
    app.spending = spending(45)
    app.costs.rows = [
        Standing("b1", "group:*", Money(50 * 10**9), "month", Money(31 * 10**9), Money(10**9),
                 Money(18 * 10**9), "2026-12-01T00:00:00Z", "2026-11-27T14:00:00Z"),
        Standing("b2", f"channel:{LONG}", Money(5 * 10**9), "day", Money(5 * 10**9), Money(0),
                 Money(0), "2026-11-22T00:00:00Z", "2026-11-21T12:00:00Z"),
    ]  # fmt: skip
    app.targets.rows = [
        Target("azure-eu"), Target("openai"), Target("spare", enabled=False), Target(LONG),
    ]  # fmt: skip
    return app


def moving() -> SimpleNamespace:
    """The same while support@4 has 25 % and one gate waits."""
    app = lived()
    rollout = Rollout(
        uuid(9), "support", "support@4", "support@2", PLAN, "running", 1, 250_000, NOW_US - 95 * S
    )
    app.releases.moved.append(rollout)
    app.releases.events[rollout.id] = [
        (1, NOW_US - 95 * S, "start", {"share": 50_000, "reason": "Asked by person:anna."}),
        (
            2,
            NOW_US - 50 * S,
            "advance",
            {
                "share": 250_000,
                "reason": "5 % → 25 %: errors: at most 3.9 points more errors, 5.0 points allowed (0 of 81 units against 1 of 1440 units).",
            },
        ),
        (
            3,
            NOW_US - 4 * S,
            "hold",
            {
                "share": 250_000,
                "reason": "Stays at 25 %: quality: at most 7.2 points more quality lost so far, 5.0 points allowed.",
                "verdicts": verdicts(waiting=True),
            },
        ),
    ]
    app.releases.all[0] = replace(
        app.releases.all[0],
        candidate_ref="support@4",
        share_millionths=250_000,
        rollout_id=rollout.id,
    )
    return app


PLAN = {
    "steps": [50_000, 250_000, 1_000_000],
    "margins": {"errors": 0.05, "quality": 0.05},
    "tolerances": {"errors": 1.2, "quality": 1.2},
    "alpha_harm": 0.05,
    "alpha_promote": 0.05,
    "min_units": 50,
    "guard": {"failed": 20, "of": 25},
}


def uuid(n: int) -> str:
    """A UUIDv7-like id; later n sort later."""
    return f"019a{n:04x}-7c00-7a00-8000-{n:012x}"


def verdicts(*, waiting: bool = False, bad: bool = False) -> list[dict[str, Any]]:
    """What the gates of a step say, as `Decision.to_dict` gives it."""
    harm = {
        "gate": "harm",
        "metric": "quality",
        "test": "attribution",
        "tolerated_ratio": 1.2,
        "candidate_failures": 14 if bad else 2,
        "baseline_failures": 3,
        "rejected": bad,
        "e_value": 183.0 if bad else 1.4,
        "peak_e_value": 183.0 if bad else 2.2,
        "threshold": 40.0,
    }
    loss = 0.072 if waiting else 0.031
    arm = {"n": 118, "total": 112.0, "mean": 0.949, "low": 0.91, "high": 0.98}
    return [
        {
            "outcome": "pass",
            "reason": "guard: the candidate never had 20 of the last 25 calls failed",
            "evidence": {"gate": "guard", "rule": "20 of the last 25 calls failed", "calls": 131},
        },
        {
            "outcome": "fail" if bad else "pass",
            "evidence": harm,
            "reason": "quality: 14 candidate and 3 baseline units scored low, which is more often than at the baseline (e = 183, 40 is proof)"
            if bad
            else "quality: 2 candidate and 3 baseline units scored low; more often than at the baseline is not proven (e = 1.4 of 40)",
        },
        {
            "outcome": "pass",
            "reason": "units: 118 of 50 candidate units at 25 %",
            "evidence": {"gate": "units", "seen": 118, "needed": 50, "share": 250_000},
        },
        {
            "outcome": "wait" if waiting else "pass",
            "reason": "quality: at most 7.2 points more quality lost so far, 5.0 points allowed (94.9 % on 118 units against 95.4 % on 352 units)",
            "evidence": {
                "gate": "promotion",
                "metric": "quality",
                "share": 250_000,
                "margin": 0.05,
                "alpha": 0.05,
                "loss_low": -0.021,
                "loss_high": loss,
                "candidate": arm,
                "stable": {**arm, "n": 352, "mean": 0.954},
            },
        },
    ]


def _make(catalog: Catalog) -> None:
    def row(text, queue, origin=None):
        label = {"queue": queue, "priority": "high", "product": "Falcon", "reference": "3312"}
        return canonical({"id": "ab12", "text": text, "label": label, "origin": origin}) + b"\n"

    texts = ["My Falcon has not arrived, order 3312", HUNGARIAN, CHINESE, ARABIC, HOSTILE]
    origin = {"trace": f"{7:032x}", "feedback": uuid(7)}
    old = b"".join(row(text, "shipping") for text in texts * 20)
    new = old + row("Where is my refund for the Heron?", "refund", origin)
    t1 = catalog.record(
        "dataset",
        "tickets",
        files={"train.jsonl": old, "test.jsonl": old[:900]},
        meta={
            "counts": {"train": 960, "test": 240, "dropped": 31},
            "dropped": {"exact duplicate": 22, "near duplicate": 8, "leaks into test": 1},
        },
        at_us=NOW_US - 3 * DAY,
    )
    prompt = catalog.record(
        "prompt",
        "router-prompt",
        meta={"template": "Ticket: {text}\nJSON:"},
        at_us=NOW_US - 3 * DAY + MIN,
    )
    scores = [
        {
            "name": "exact_match",
            "value": 0.804,
            "low": 0.749,
            "high": 0.85,
            "n": 240,
            "confidence": 0.95,
        },
        {"name": "field_accuracy/queue", "value": 0.942, "low": 0.904, "high": 0.965, "n": 240},
        {"name": "field_accuracy/priority", "value": 0.887, "low": 0.841, "high": 0.921, "n": 240},
        {"name": "valid_json", "value": 1.0, "low": 0.984, "high": 1.0, "n": 240},
    ]

    def version(data, model_name, number, at_us, labels=(), better=0.0):
        meta = {
            "format": "gguf",
            "architecture": "llama",
            "parameters": 120_640,
            "context_length": 256,
            "parity": {"n": 100, "equal": 100},
            "recipe": {"steps": 900, "hidden": 64},
        }
        model = catalog.record(
            "model",
            model_name,
            files={"model.gguf": b"GGUF" * 900, "parity.json": b'{"n": 100, "equal": 100}'},
            parents=[("trained on", data)],
            meta=meta,
            at_us=at_us,
            made_by=uuid(number),
            labels=labels,
        )
        flow = catalog.record(
            "flow",
            "support-flow",
            parents=[("prompt", prompt), ("model", model)],
            meta={"shape": "one prompt, one model", "n": number},
            at_us=at_us + MIN,
        )
        shown = [
            {
                **s,
                "value": min(s["value"] + better, 1.0),
                "low": min(s["low"] + better, 0.99),
                "high": min(s["high"] + better, 1.0),
            }
            for s in scores
        ]
        report = catalog.record(
            "report",
            f"{model_name}-on-tickets",
            parents=[("subject", model), ("dataset", data)],
            meta={
                "scores": shown,
                "baseline": [{"name": "exact_match", "value": 0.19}],
                "n": number,
                "rows": "sha256:rows",
                "split": "test",
                "dataset": data.ref,
            },
            files={
                "report.json": _report(model, data, shown),
                "answers.jsonl": _answers(number),
            },
            at_us=at_us + 2 * MIN,
        )
        measured = measured_answers(number)
        whole = summarise_lines(measured, {"latency": ("ms", False)})
        told = Report(
            model.ref, data.ref, "test", "sha256:suite", whole.rows, whole.scores, (), summary=whole,
            seen={"of": 240, "exact": 3, "near": 1, "ids": ["suite-3"], "places": {data.ref: 4},
                  "without": [whole.scores[0].to_dict()]},
        )  # fmt: skip
        catalog.record(
            "report", "support-suite", parents=[("subject", prompt), ("dataset", data)],
            meta=told.brief(), at_us=at_us + 3 * MIN,
            files={
                "report.json": json.dumps(told.to_dict()).encode(),
                "answers.jsonl": "".join(f"{json.dumps(one)}\n" for one in measured).encode(),
            },
        )  # fmt: skip
        catalog.record(
            "release",
            "support",
            parents=[("flow", flow), ("prompt", prompt), ("model", model), ("report", report)],
            meta={"channel": "support", "notes": HOSTILE if number == 3 else "", "n": number},
            at_us=at_us + 3 * MIN,
            labels=labels,
            by="person:anna",
        )
        return model

    m1 = version(t1, "router", 1, NOW_US - 2 * DAY)
    t2 = catalog.record(
        "dataset",
        "tickets",
        files={"train.jsonl": new, "test.jsonl": old[:900]},
        parents=[("base", t1), ("feedback on", m1)],
        meta={"counts": {"train": 1011, "test": 240, "from feedback": 51}},
        at_us=NOW_US - 5 * HOUR,
        labels=("stable",),
        by="person:anna",
        made_by=uuid(3),
    )
    version(t2, "router", 2, NOW_US - 4 * HOUR, ("stable",), 0.17)
    version(t2, "router", 3, NOW_US - 20 * MIN, (), -0.5)
    version(t2, "router", 4, NOW_US - 6 * MIN, (), 0.18)
    catalog.record(
        "dataset",
        LONG,
        files={"train.jsonl": old[:300]},
        meta={"counts": {"train": 1}},
        at_us=NOW_US - 9 * DAY,
        by="service:" + "nightly-import-from-the-warehouse",
    )
    catalog.record(
        "prompt", "客服-提示", meta={"template": "客户说：{text}"}, at_us=NOW_US - 8 * DAY
    )
    for n in range(220):
        catalog.record(
            "dataset",
            "nightly",
            meta={"counts": {"train": 100 + n}},
            at_us=NOW_US - 10 * DAY - n * HOUR,
            by="service:nightly",
        )


def _move(releases: Releases) -> None:
    first = Rollout(
        uuid(1),
        "support",
        "support@1",
        None,
        PLAN,
        "done",
        2,
        1_000_000,
        NOW_US - 2 * DAY,
        NOW_US - 2 * DAY + S,
        {"reason": "The channel was empty."},
    )
    good = Rollout(
        uuid(2),
        "support",
        "support@2",
        "support@1",
        PLAN,
        "done",
        2,
        1_000_000,
        NOW_US - 3 * HOUR,
        NOW_US - 3 * HOUR + 96 * S,
        {"reason": "All gates held.", "requests": 2204},
    )
    bad = Rollout(
        uuid(4),
        "support",
        "support@3",
        "support@2",
        PLAN,
        "back",
        1,
        0,
        NOW_US - 3 * MIN,
        NOW_US - 2 * MIN - 11 * S,
        {
            "reason": "Taken back: quality: 14 candidate and 3 baseline units scored low.",
            "requests_served": 131,
            "seconds": 49.2,
            "in_effect_after_ms": 41,
        },
    )
    releases.moved += [first, good, bad]
    releases.events[first.id] = [
        (
            1,
            first.created_us,
            "done",
            {"share": 1_000_000, "reason": "The channel was empty: nothing to compare with."},
        )
    ]
    releases.events[good.id] = [
        (1, good.created_us, "start", {"share": 50_000, "by": "person:anna"}),
        (
            2,
            good.created_us + 40 * S,
            "advance",
            {"share": 250_000, "reason": "5 % → 25 %: errors and quality inside the margins."},
        ),
        (
            3,
            good.created_us + 96 * S,
            "done",
            {"share": 1_000_000, "reason": "25 % → 100 %: all gates hold.", "verdicts": verdicts()},
        ),
    ]
    releases.events[bad.id] = [
        (1, bad.created_us, "start", {"share": 50_000, "by": "person:anna", **_brought()}),
        (
            2,
            bad.created_us + 30 * S,
            "advance",
            {
                "share": 250_000,
                "reason": "5 % → 25 %: errors inside the margin; no quality scores yet.",
            },
        ),
        (
            3,
            bad.created_us + 49 * S,
            "back",
            {
                "share": 0,
                "reason": "Taken back: quality: 14 candidate and 3 baseline units scored low, which is more often than at the baseline (e = 183, 40 is proof).",
                "verdicts": verdicts(bad=True),
            },
        ),
    ]
    releases.all += [
        Channel("support", "support@2"),
        Channel(LONG, "support@1", updated_us=NOW_US - DAY),
    ]


def _brought() -> dict[str, Any]:
    """What support@3 showed on its way, and which environment it went without."""
    staged = {
        "environment": LONG, "rollout": uuid(1), "release": "support@3", "arrived_us": NOW_US - DAY,
        "served_s": 7_200, "answered": 2_204, "reason": HOSTILE, "verdicts": verdicts(),
        "calls": {"candidate": 90, "stable": 810}, "took_s": 50.0, "figures": {},
        "reports": ["support-quality@3", "faq@1"],
    }  # fmt: skip
    skipped = {"environments": ["support/canary"], "reason": HOSTILE}
    return {"carried": [staged], "skipped": skipped}


def _call(traces: Traces, feedbacks: Feedbacks) -> None:
    said = [
        "My Falcon has not arrived, order 3312",
        HUNGARIAN,
        CHINESE,
        ARABIC,
        HOSTILE,
        "I was charged twice for the Heron 😀 👩\u200d👩\u200d👧, what now?",
    ]
    answer = '{"queue":"shipping","priority":"low","product":"Falcon","reference":"3312"}'
    for n in range(1, 241):
        text = said[n % len(said)]
        out = HOSTILE if text is HOSTILE else answer
        body = {
            "model": "support",
            "stream": True,
            "user": f"user-{n % 40}",
            "messages": [
                {"role": "system", "content": "Answer in JSON."},
                {"role": "user", "content": text},
            ],
        }
        row = Trace(
            n,
            f"{n:032x}",
            NOW_US - (241 - n) * 9 * S,
            unit=f"user-{n % 40}",
            input_text=text,
            output_text=out,
        )
        traces.said[n] = Bodies(
            request=json.dumps(body, ensure_ascii=False).encode(),
            response=json.dumps({"choices": [{"message": {"content": out}}]}).encode(),
        )
        if n % 17 == 0:
            row = replace(
                row,
                outcome="error",
                status=502,
                error="The engine closed the connection.",
                output_text="",
                completion_tokens=None,
                ttft_us=None,
                latency_us=5_004_000,
            )
        elif n % 29 == 0:
            row = replace(row, outcome="cut", output_text=out[:20])
        elif 200 < n < 226 and n % 4 == 0:
            row = replace(row, release="support@3", arm="candidate", share=250_000, rollout=uuid(4))
        traces.rows.append(row)
    for n in range(1, 61):
        wrong = n % 6 == 0
        feedbacks.rows.append(
            Feedback(
                uuid(n),
                f"{n * 4:032x}",
                NOW_US - (61 - n) * 25 * S,
                "person:béla" if n % 2 else "program:crm",
                "care/web",
                "correct",
                value=0.0 if wrong else 1.0,
                comment=HOSTILE if n == 60 else None,
                correction='{"queue":"refund","priority":"high"}' if wrong else None,
                seq=n,
            )
        )


def _work(runs: Runs) -> None:
    runs.rows += [
        Run(
            uuid(1),
            "model.train",
            "router@1",
            "done",
            "person:anna",
            NOW_US - 2 * DAY,
            NOW_US - 2 * DAY + S,
            NOW_US - 2 * DAY + 19 * S,
            inputs={"dataset": "tickets@1", "seed": 7},
            outputs={"model": "router@1", "loss": 0.081},
        ),
        Run(
            uuid(2),
            "evaluate",
            "router@1 on tickets@1",
            "failed",
            "person:anna",
            NOW_US - DAY,
            NOW_US - DAY,
            NOW_US - DAY + 2 * S,
            error=SimpleNamespace(
                code="engine_did_not_start",
                message="The engine did not start within 20 s.",
                hint="See its log with `volano run show --log`.",
            ),
        ),
        Run(
            uuid(3),
            "model.train",
            "router@4",
            "running",
            "service:volano",
            NOW_US - 8 * S,
            NOW_US - 7 * S,
            inputs={"dataset": "tickets@2", "mode": "lora", "seed": 7},
            progress=Progress(
                NOW_US - 2 * S, 300, 900, {"loss": 0.412, "lr": 0.0018, "left_s": 84.0}, "train"
            ),
        ),
    ]


def _report(model: Artifact, data: Artifact, scores: list[dict[str, Any]]) -> bytes:
    told = [Score(s["name"], s["value"], s["low"], s["high"], s["n"]) for s in scores]
    report = Report(
        model.ref,
        data.ref,
        "test",
        "sha256:rows",
        240,
        told,
        (Score("exact_match", 0.19, 0.1, 0.2, 240),),
    )
    return json.dumps(report.to_dict(), indent=1).encode()


def measured_answers(number: int) -> list[dict[str, Any]]:
    """A suite of 120 rows asked twice: clusters, slices, a critical row, states of all kinds."""
    lines = []
    for row, again in itertools.product(range(120), range(2)):
        right = (row * 7 + number * 3 + again * (row % 11 == 0)) % 10 > 3 - number
        state = {7: "error", 13: "empty", 21: "cut"}.get(row, "")
        words = (HOSTILE, HUNGARIAN, CHINESE, ARABIC)[row % 4]
        scores = {"exact_match": float(right), "overlap": round(0.4 + 0.6 * right * (row % 5) / 4, 3),
                  "latency": 80.0 + row * 3 + number * 20}  # fmt: skip
        lines.append({
            "id": f"suite-{row}", "answer": "" if state in ("error", "empty") else f"{words} {right}",
            "finish_reason": "length" if state == "cut" else "stop", "repetition": again,
            "error": "invalid: the provider said no" if state == "error" else None,
            "scores": dict.fromkeys(scores) if state == "error" else scores,
            "unmeasured": dict.fromkeys(scores, "no answer: nem jött válasz") if state == "error" else {},
            "cluster": f"doc {row // 6}", "critical": row % 40 == 2, "latency_us": 80_000 + row * 3000 + number * 20_000,
            "slices": {"language": ("hu", "ru", "de", HOSTILE)[row % 4]}, "cost_nano": 5_000 + 900 * number,
            "currency": "EUR",
        })  # fmt: skip
    return lines


def _answers(number: int) -> bytes:
    """One wrong row in five, another one in each version; the words of one are hostile."""
    lines = [
        {
            "id": f"r{n}", "answer": HOSTILE if n == number else f"queue: {n % 4}",
            "completion_tokens": 11, "scores": {"exact_match": float(n % 5 != number % 5)},
        }
        for n in range(40)
    ]  # fmt: skip
    return b"".join(canonical(line) + b"\n" for line in lines)


def _model(app: SimpleNamespace) -> None:
    """Forms of router@2, a search that made one, the lives of models, a curve that grows."""
    catalog, hour = app.catalog, NOW_US - 3 * HOUR
    parent, tickets = catalog.get("model", "router@2"), catalog.get("dataset", "tickets@2")
    swap = {"given": "refund", "expected": HOSTILE, "rows": 9, "of": 31}
    small = catalog.record(
        "model", "router-small", files={"model.gguf": b"GGUF" * 300}, at_us=hour,
        parents=[("parent", parent), ("data", tickets)],
        meta={
            "format": "gguf", "form": "q8_0", "engine": "llamacpp", "parameters": 120_640,
            "parity": {"n": 100, "equal": 99, "precision": "Q8_0", "required": 0.9, "passed": True},
            "kept": {"n": 100, "equal": 97}, "exact": {"n": 100, "parent": 97, "form": 96},
            "spent": {"wall_s": 93.5, "wh": [0.1, 0.31, 0.9], "money": {"amount": 0.02, "currency": "EUR"}},
            "metrics": {"cpu_s": 88.2},
            "guards": {
                "leakage": [{"split": "test", "rows": 240, "exact": 1, "near": 2}],
                "swaps": {"judged": 900, "swaps": [swap], "noise": {}},
                "collapse": {"metric": "exact_match", "start": 0.81, "looks": [{"step": 5, "score": 0.8}]},
            },
        },
    )  # fmt: skip
    catalog.record(
        "model", "hosted", at_us=hour - DAY, meta={"format": "pointer", "parity": [], "spent": "x"}
    )
    why = f"Better on tickets. {HOSTILE}"
    app.lives.moves = {
        "router@2": [
            Move("router@2", hour, "draft", "candidate", "", "person:anna"),
            Move("router@2", hour + MIN, "candidate", "active", why, "person:anna"),
        ],
        "router@1": [Move("router@1", hour, "draft", "revoked", "Leaks.", "person:anna")],
    }
    app.engines.rows = [
        {"name": "engine-3f2a", "model": "router@2", "state": "ready", "memory_bytes": 48_000_000,
         "busy": 2, "slots": 4, "tokens_per_s": 913.4},
    ]  # fmt: skip
    app.trainer.curves[uuid(3)] = [
        {
            "step": n, "of": 900, "loss": 4 / (1 + n / 40), "lr": 0.002 * (1 - n / 900),
            "tokens_per_s": 4100.0, **({"dev_exact_match": min(0.95, n / 400)} if n % 50 == 0 else {}),
        }
        for n in range(10, 301, 10)
    ]  # fmt: skip
    candidates = [
        Candidate(
            name, {"score": score, "size": size, "speed": 900.0 + n, "flips": n / 100},
            reach={"score": (score - 0.02, min(1.0, score + 0.02))}, n=240,
            paired={"difference": score - 0.974, "low": -0.03, "high": 0.01, "better": 1, "worse": n},
            slices={"refund": {"score": score, "beside": 0.97, "n": 60}},
        )
        for n, (name, score, size) in enumerate(
            [("f32", 0.974, 482e3), ("q8_0", 0.972, 131e3), ("q6_k", 0.97, 104e3),
             ("q5_1", 0.968, 96e3), ("q4_0", 0.91, 77e3), ("q8_0, neurons:0.5 cut", 0.95, 84e3)]
        )
    ]  # fmt: skip
    target = parse_target("size<=100KB, score>=98%, fastest")
    choice = decided(
        Choice("search", "tickets@2", "dev", 240, target, ("size", "score", "speed"), "f32",
               dict(candidates[0].values), candidates)
    )  # fmt: skip
    catalog.record(
        "report", "router-search", at_us=hour + MIN, parents=[("subject", small)],
        meta={"about": "search", "verdict": choice.verdict, "scores": [],
              "dataset": "tickets@2", "split": "dev", "n": 240},
        files={"choice.json": json.dumps(choice.to_dict()).encode()},
    )  # fmt: skip


def _burn(alerts: Alerts, slos: SLOs) -> None:
    def alert(id_: int, rule: str, state: str, told: str, **more: Any) -> Alert:
        labels = more.pop("labels", {"channel": "support"})
        return Alert(id_, rule, labels, more.pop("severity", "critical"), state, 0.5, told,
                     NOW_US - 5 * MIN, **more)  # fmt: skip

    told = "error_rate is 50% over 30s, above 20%"
    alerts.found = [
        alert(5, "refused", "pending", HOSTILE, severity="warning", labels={"channel": "客服"}),
        alert(4, "failing", "firing", told, fired_us=NOW_US - 4 * MIN),
        alert(3, "slow", "acknowledged", "latency_p95 is 41s over 10m, above 30s",
              fired_us=NOW_US - 2 * HOUR, acked_us=NOW_US - HOUR, acked_by="person:anna",
              severity="warning", labels={"channel": LONG}),
        alert(1, "failing", "resolved", "error_rate is 0% over 30s, not above 20%",
              fired_us=NOW_US - 2 * DAY, resolved_us=NOW_US - 2 * DAY + 7 * MIN),
    ]  # fmt: skip
    alerts.known = [
        {"name": name, "kind": kind, "severity": "warning", "burning": n, "state": state,
         "trouble": "no SLO" in state, "summary": "Calls fail. Look at the targets.", "file": "a.yaml"}
        for name, kind, n, state in (
            ("failing", "threshold", 1, "well"), ("budget", "burn", 0, "There is no SLO `up`."),
            ("slow", "threshold", 1, "well"), ("refused", "threshold", 0, "well"),
            ("unusual-traffic", "anomaly", 0, "not enough history: three weeks with this hour are needed"),
        )
    ]  # fmt: skip
    alerts.told = [
        {"name": "ops", "kind": "webhook", "waiting": 0, "given_up": 0, "error": ""},
        {"name": "chat", "kind": "slack", "waiting": 3, "given_up": 0,
         "error": "It was not taken: the answer was 500."},
    ]  # fmt: skip
    alerts.silent = [Silence(2, "slow", {"channel": "support"}, "migration", NOW_US - HOUR,
                             NOW_US + HOUR, "person:anna")]  # fmt: skip
    slos.promised = [
        {"name": name, "says": f"{target} of the calls do not fail over 28d, channel support",
         "measure": "availability", "target": 0.995, "window": "28d", "where": {"channel": "support"},
         "calls": 120_400, "bad": 310, "is": 0.9974, "left": left, "left_text": "", "burn_rate_1h": burn}
        for name, target, left, burn in (
            ("available", "99.5%", 0.485, 0.4), ("nights", "99.9%", 0.12, 3.2), ("strict", "99.99%", -4.0, 14.0),
            ("new", "99%", None, None),
        )
    ]  # fmt: skip


def _write(ledger: Ledger) -> None:
    told = [
        (3 * DAY, "person:anna", "record", "dataset/tickets@1"),
        (2 * DAY, "service:volano", "record", "model/router@1"),
        (2 * DAY, "person:anna", "release.cut", "release/support@1"),
        (5 * HOUR, "person:anna", "record", "dataset/tickets@2"),
        (4 * HOUR, "service:volano", "record", "model/router@2"),
        (3 * HOUR, "person:anna", "release.cut", "release/support@2"),
        (3 * HOUR, "service:volano", "rollout.done", "release/support@2"),
        (50 * MIN, "person:anna", "create", "key/k3xq7b2a"),
        (18 * MIN, "person:anna", "release.cut", "release/support@3"),
        (3 * MIN, "person:anna", "release.promote", "release/support@3"),
        (2 * MIN + 11 * S, "service:volano", "rollout.back", "release/support@3"),
        (1 * MIN, HOSTILE[:40], "guard.changed_by_hand", HOSTILE),
    ]
    ledger.rows += [
        Event(n, NOW_US - ago, who, verb, what) for n, (ago, who, verb, what) in enumerate(told)
    ]

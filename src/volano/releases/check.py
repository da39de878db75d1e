"""Checking a release before it moves, as a durable Run: would it break those who call it?

The two contracts and the flips are read off what the releases pin. Recorded requests are asked
again of both; each answer is written down before it counts, so that a check that was killed
goes on with the request where it stopped.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

from volano.core.clock import Clock
from volano.core.errors import NotFoundError, VolanoError
from volano.core.ports.chat import Answer
from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.core.verdict import Verdict
from volano.costs.price import Price, cost
from volano.data.keeper import Datasets
from volano.evals.cases import value
from volano.evals.compare import Side
from volano.evals.keeper import Evals
from volano.evals.outcome import outcome_of
from volano.evals.suite import Suite
from volano.flows.flow import Compiled
from volano.flows.keeper import Flows
from volano.jobs.keeper import Runs
from volano.jobs.plain import read_object, write_object
from volano.jobs.run import Run
from volano.jobs.work import Work
from volano.releases.compatibility.answers import answers
from volano.releases.compatibility.context import Length, fits
from volano.releases.compatibility.envelope import envelope
from volano.releases.compatibility.flips import flipped
from volano.releases.compatibility.limits import ASKING, Limits, limits_of
from volano.releases.compatibility.outcome import outcome, read, told
from volano.releases.compatibility.rehearsal import (
    CostOf,
    Open,
    Pair,
    Recorded,
    from_plain,
    rehearse,
    to_plain,
)
from volano.releases.compatibility.replayed import replayed
from volano.releases.compatibility.suites import Sat, suites_hold
from volano.releases.compatibility.variables import variables
from volano.releases.demands import Check, Demands, let_check
from volano.releases.errors import BadCheckError
from volano.releases.keeper import Releases
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog
from volano.traces.keeper import Traces
from volano.traces.trace import Trace
from volano.wire.exchange import Usage

KIND = "release.check"
JOURNAL, PAIRS = "replayed.jsonl", "pairs.json"
REQUESTS, MOST_REQUESTS = 50, 500
LENGTHS = 2_000
DOORS = ("openai.chat", "openai.responses", "anthropic.messages")
"""The doors whose requests can be put to a release that no channel serves."""
_UNIT, _MOST_BUDGET = 10**9, 1_000_000


class ReleaseChecks:
    """Starts checks of releases, and is what such a Run does.

    `open_` opens releases to be asked, served or not; `price_of` tells a model's price now,
    `window_of` how many tokens it can read and write at once; both None where nobody knows.
    """

    def __init__(
        self,
        *,
        runs: Runs,
        catalog: Catalog,
        releases: Releases,
        flows: Flows,
        evals: Evals,
        datasets: Datasets,
        traces: Traces,
        demands: Demands,
        clock: Clock,
        open_: Open,
        price_of: Callable[[Artifact], Price | None],
        window_of: Callable[[Artifact], int | None],
        suite: Callable[[str], Suite],
    ):
        self._runs = runs
        self._catalog = catalog
        self._releases = releases
        self._flows = flows
        self._evals = evals
        self._datasets = datasets
        self._traces = traces
        self._demands = demands
        self._clock = clock
        self._open = open_
        self._price_of = price_of
        self._window_of = window_of
        self._suite = suite
        runs.register(KIND, self._work, needs=("release", "baseline"))

    def check(
        self,
        ref: Ref | str,
        *,
        against: Ref | str | None = None,
        channel: str | None = None,
        only: Iterable[str] = (),
        requests: int = REQUESTS,
        budget: float | None = None,
        new_fields: bool | None = None,
        critical: str | None = None,
        flips: int | None = None,
        failures: int | None = None,
        cost: float | None = None,
        latency: float | None = None,
        least: int | None = None,
        suites: str | None = None,
        by: Principal,
    ) -> Run:
        """Check whether a release would break those who call another, as a Run.

        The other is `against`, else what `channel` serves; the requests are those that were
        recorded of the channel, else of that release. Each of the newest `requests` is asked of
        both, until `budget` (in the currency of their prices) is spent. A channel that demands
        checks has limits of its own: then none can be given here.

        Raises:
            UnknownArtifactError, UnknownChannelError: there is no such release or channel.
            TamperedReleaseError: it is not what was signed.
            BadCheckError: there is nothing to compare, or a limit cannot be.
        """
        given = {
            "new_fields": new_fields, "critical": critical, "flips": flips, "failures": failures,
            "cost": cost, "latency": latency, "least": least, "suites": suites,
        }  # fmt: skip
        rule = self._demands.of(channel) if channel else None
        if rule is not None and any(said is not None for said in given.values()):
            why = f"`{channel}` has limits of its own; set them with `volano channel checks {channel}`"
            raise BadCheckError(why=why)
        if not 1 <= requests <= MOST_REQUESTS or (
            budget is not None and not 0 < budget <= _MOST_BUDGET
        ):
            raise BadCheckError(
                why=f"1 to {MOST_REQUESTS} requests are asked, for more than nothing"
            )
        release = self._releases.verify(ref)
        baseline = self._baseline(release, against, channel)
        inputs = {
            "release": release.ref, "baseline": baseline.ref, "channel": channel or "",
            "gates": list(let_check(only, rule)), "required": list(rule.gates) if rule else [],
            "limits": limits_of(rule.limits if rule else given).to_dict(),
            "rule_us": rule.set_us if rule else 0, "requests": requests, "budget": budget,
        }  # fmt: skip
        return self._runs.start(KIND, name=release.name, inputs=inputs, by=by, group=by.group)

    def _baseline(
        self, release: Artifact, against: Ref | str | None, channel: str | None
    ) -> Artifact:
        if against is None and channel is None:
            raise BadCheckError(why="it says neither --against a release nor --channel")
        named = against or self._releases.channel(str(channel)).stable_ref
        baseline = self._releases.verify(named)
        if baseline.digest == release.digest:
            raise BadCheckError(why=f"`{release.ref}` is what it would be compared with")
        return baseline

    def _work(self, work: Work) -> dict[str, Any]:
        asked = work.step("ask", self._ask, work)
        told = work.step("judge", self._judge, work, asked)
        work.tidy(JOURNAL, PAIRS)
        return cast(dict[str, Any], told)

    def _ask(self, work: Work) -> dict[str, Any]:
        """Ask both releases what was asked; without a gate that wants it, nothing.

        What they said stands in a file, which goes once it is judged: the values of steps stay.
        """
        inputs = work.inputs
        if not ASKING & set(inputs["gates"]):
            return {"wanted": 0, "lost": 0, "why": ""}
        found = self._recorded(inputs)[: inputs["requests"]]
        bodies = [(one, self._traces.bodies(one).request) for one in found]
        requests = [Recorded(one.id, one.unit, one.door, body) for one, body in bodies if body]
        empty = {"wanted": len(found), "lost": len(found) - len(requests)}
        try:
            pairs = self._rehearsed(work, requests) if requests else []
        except (_NoPriceError, VolanoError) as error:  # it cannot be opened: nothing is known
            return {**empty, "why": str(error).rstrip(".")}
        write_object(work.folder / PAIRS, {"pairs": to_plain(pairs)})
        return {**empty, "why": ""}

    def _rehearsed(self, work: Work, requests: Sequence[Recorded]) -> list[Pair]:
        inputs = work.inputs
        sides = self._sides(inputs)
        compiled = [self._compiled(side) for side in sides]
        prices = [self._price_of(one.model) for one in compiled]
        budget = inputs["budget"]
        if budget is not None and None in prices:
            unpriced = compiled[prices.index(None)].model.ref
            raise _NoPriceError(f"there is no price of {unpriced}, so that no budget can be held")
        schemas = [one.prompt.schema for one in compiled]

        def heed(done: int, of: int) -> None:
            work.heed()
            work.progress(done, of)

        with self._open(sides) as asks:
            return rehearse(
                requests, asks, [_cost_of(price) for price in prices],
                schemas=(schemas[0], schemas[0] if schemas[0] is not None else schemas[1]),
                budget_nano=None if budget is None else int(budget * _UNIT),
                journal=Path(work.folder) / JOURNAL,
                about={"release": str(sides[1].digest), "baseline": str(sides[0].digest)},
                progress=heed,
            )  # fmt: skip

    def _judge(self, work: Work, asked: Mapping[str, Any]) -> dict[str, Any]:
        inputs = work.inputs
        verdicts = self._verdicts(work, asked)
        required = inputs["required"] or inputs["gates"]
        said, why = outcome(verdicts, required)
        old, new = self._sides(inputs)
        check = Check(
            work.run_id, str(new.digest), new.ref, str(old.digest), old.ref, inputs["channel"],
            inputs["rule_us"], said, why, tuple(told(verdicts)), inputs["limits"],
            self._clock.now_us(), str(work.by),
        )  # fmt: skip
        self._demands.keep(check, by=work.by)
        gates = told(read(list(check.gates)))
        return {
            "release": new.ref, "against": old.ref, "channel": inputs["channel"], "gates": gates,
            "required": list(required), "outcome": said, "why": why,
        }  # fmt: skip

    def _verdicts(self, work: Work, asked: Mapping[str, Any]) -> dict[str, Verdict]:
        inputs, limits = work.inputs, limits_of(work.inputs["limits"])
        old, new = self._sides(inputs)
        pairs = _pairs(work.folder / PAIRS)
        before, after = self._compiled(old), self._compiled(new)
        blind = asked["why"]
        each: dict[str, Callable[[], Verdict]] = {
            "schema": lambda: answers(
                before.prompt.schema, after.prompt.schema, ref=old.ref, new_fields=limits.new_fields
            ),
            "variables": lambda: variables(
                before.prompt.variables, after.prompt.variables, ref=old.ref
            ),
            "suites": lambda: self._suites(new, limits),
            "flips": lambda: self._flips(old, new, limits, work),
            "replay": lambda: Verdict("unmeasured", blind) if blind else replayed(
                pairs, limits, wanted=asked["wanted"], lost=asked["lost"]
            ),
            "context": lambda: fits(
                self._lengths(inputs), self._window_of(after.model), pairs, after.model.ref
            ),
            "envelope": lambda: Verdict("unmeasured", blind) if blind else envelope(
                pairs, limits, why_no_cost=self._no_cost(before, after)
            ),
        }  # fmt: skip
        return {name: each[name]() for name in inputs["gates"]}

    def _sides(self, inputs: Mapping[str, Any]) -> tuple[Artifact, Artifact]:
        return self._releases.get(inputs["baseline"]), self._releases.get(inputs["release"])

    def _compiled(self, release: Artifact) -> Compiled:
        return self._flows.compile(self._releases.flow_of(release))

    def _recorded(self, inputs: Mapping[str, Any]) -> list[Trace]:
        """Return what was asked and answered of the channel, else of the baseline; newest first."""
        of = (
            {"channel": inputs["channel"]} if inputs["channel"] else {"release": inputs["baseline"]}
        )
        found = self._traces.list(**of, outcome="ok", limit=LENGTHS)
        own = (one for one in found if not (one.replayed or one.repeated or one.shadowed))
        return [one for one in own if one.door in DOORS]

    def _lengths(self, inputs: Mapping[str, Any]) -> list[Length]:
        return [Length(one.id, _tokens(one)) for one in self._recorded(inputs)]

    def _no_cost(self, before: Compiled, after: Compiled) -> str:
        found = []
        for model in (before.model, after.model):
            price = self._price_of(model)
            if price is None:
                return f"there is no price of {model.ref}"
            found.append(price.currency)
        return "" if len(set(found)) == 1 else f"the prices are in {' and '.join(found)}"

    def _flips(self, old: Artifact, new: Artifact, limits: Limits, work: Work) -> Verdict:
        critical = partial(self._critical, column=limits.critical, work=work)
        try:
            return flipped(self._reports(old), self._reports(new), critical, most=limits.flips)
        except VolanoError as error:  # a dataset is gone, or not for who asks
            return Verdict("unmeasured", error.message)

    def _suites(self, release: Artifact, limits: Limits) -> Verdict:
        try:
            sat = [*map(self._sat, self._pinned(release))]
        except VolanoError as error:  # a suite, or a report that it compares with, is gone
            return Verdict("unmeasured", error.message)
        return suites_hold([one for one in sat if one is not None], limits.wanted)

    def _sat(self, artifact: Artifact) -> Sat | None:
        """Judge a suite's gates again; None for a report that no suite made."""
        report = self._evals.report(artifact.ref)
        if not report.suite or report.summary is None:
            return None
        suite = self._suite(report.suite)
        found = outcome_of(
            report.summary, self._evals.answers(artifact.ref), gates=suite.conditions(),
            most_unmeasured=suite.unmeasured, report=self._evals.answers,
        )  # fmt: skip
        return Sat(artifact.ref, report.suite, found)

    def _pinned(self, release: Artifact) -> Iterable[Artifact]:
        """Yield the reports of scores that a release pins."""
        for parent in release.manifest.parents:
            if parent.role == "report":
                artifact = self._catalog.by_digest(parent.digest)
                if "about" not in artifact.manifest.meta:  # a search or a judge: no rows
                    yield artifact

    def _reports(self, release: Artifact) -> list[Side]:
        """Return the reports of scores that a release pins, with their answers."""
        found = []
        for artifact in self._pinned(release):
            report = self._evals.report(artifact.ref)
            units = report.summary.units if report.summary else {}
            lines = self._evals.answers(artifact.ref)
            found.append(Side(artifact.ref, report.subject, lines, units, report.split))
        return found

    def _critical(self, ref: str, *, column: str, work: Work) -> Collection[str]:
        """Return the rows behind a report that the dataset itself marks."""
        report = self._evals.report(ref)
        if not column:
            return ()
        try:
            rows = self._datasets.stream(report.dataset, report.split, by=work.by, run=work.run_id)
            return {row["id"] for row in rows if _true(value(row, column))}
        except NotFoundError:
            return ()  # made of rows that are no dataset of ours any more; its own marks count


def _pairs(path: Path) -> list[Pair]:
    """Read what both said; without a file neither was asked."""
    return from_plain((read_object(path) or {}).get("pairs", ()))


class _NoPriceError(Exception):
    """A budget cannot be held where nobody knows what a request costs."""


def _cost_of(price: Price | None) -> CostOf:
    def cost_of(answer: Answer, took_us: int) -> int | None:
        if price is None or answer.prompt_tokens is None or answer.completion_tokens is None:
            return None
        usage = Usage(input=answer.prompt_tokens, output=answer.completion_tokens)
        return cost(price, usage, duration_us=took_us)

    return cost_of


def _tokens(one: Trace) -> int | None:
    if one.prompt_tokens is None:
        return None
    return one.prompt_tokens + (one.completion_tokens or 0)


def _true(found: object) -> bool:
    """Whether a cell says yes; files of rows have texts for it, too."""
    if isinstance(found, str):
        return found.strip().casefold() in ("true", "yes", "1")
    return isinstance(found, bool | int) and found == 1

"""One drawn call before the scorers: what they are shown, and what they said."""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from volano.core.errors import UnavailableError, VolanoError
from volano.core.ports.chat import Chat
from volano.core.ports.language import DetectLanguage
from volano.costs.price import Price
from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.quiet import hushed, quiet
from volano.evals.redacted import Held, keys, struck
from volano.evals.scoring import BadScorerError, Scorer, Tools, Unmeasured, Value
from volano.monitor.evaluators import passages
from volano.monitor.evaluators.agreement import agreement
from volano.monitor.evaluators.book import Evaluation
from volano.monitor.evaluators.evaluator import Consistency, Evaluator
from volano.monitor.evaluators.spending import (
    UNSAID_TOKENS,
    Days,
    Meter,
    Metered,
    Once,
    PriceOf,
    SpentError,
    payable,
)
from volano.monitor.sliced import label
from volano.traces.keeper import Traces
from volano.traces.spans import Spans
from volano.traces.trace import Trace
from volano.wire.exchange import Usage

SELF = "self_consistency"
Kept = Callable[[str, str], tuple[str, bytes]]
Open = Callable[[str, Path], AbstractContextManager[Chat]]


@dataclass(frozen=True, slots=True)
class Again:
    """What came back when a recorded request was asked again; `error` says why nothing did."""

    text: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """What looking needs of other rooms: records, models, prices, the asking again, and our keys."""

    traces: Traces
    spans: Spans
    kept: Kept
    open: Open
    price_of: PriceOf
    price_of_call: Callable[[Trace], Price | None]
    again: Callable[[Trace], Again]
    detect: DetectLanguage
    held: Held = tuple


class Looking:
    """Looks at calls for one evaluator; models are opened once and let go at the end."""

    def __init__(self, one: Evaluator, days: Days, around: Around):
        self._one, self._days, self._around = one, days, around
        self._scorers = one.made()
        self._labels = {name: label(name, around.detect) for name in one.by}
        self._stack = ExitStack()
        self._chats = Once(self._opened)
        self._notes: dict[str, Any] = {}

    def __enter__(self) -> "Looking":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def at(self, call: Trace, *, rival: str | None = None) -> Evaluation:
        """Return what the scorers say of a call; `rival` is another answer to compare it with.

        Raises:
            UnavailableError: a model does not answer; the call is looked at later.
        """
        meter = Meter(self._one, self._days)
        if call.outcome != "ok" or not call.output_text:
            why = "no answer came" if call.outcome != "ok" else "the answer was not kept"
            return self.blank(call, "failed", {"answer": why})
        scores: dict[str, float] = {}
        unmeasured: dict[str, str] = {}
        sources: dict[str, dict[str, Any]] = {}
        spent = False
        for who, bigger, unit, work in self._works(call, meter, rival):
            try:
                said = work()
            except SpentError:
                spent = True
                continue
            for name, value in said.items():
                if isinstance(value, Unmeasured):
                    unmeasured[name] = struck(value.why, self._secrets)[:300]
                else:
                    scores[name] = value
                    sources[name] = {"by": who, "bigger": bigger, "unit": unit}
        state = "budget" if spent else "scored"
        return self.blank(
            call, state, unmeasured, scores, sources, meter.calls, meter.nano, meter.currency
        )

    def blank(
        self, call: Trace, state: str, unmeasured: Mapping[str, str] | None = None,
        scores: Mapping[str, float] | None = None,
        sources: Mapping[str, Mapping[str, Any]] | None = None,
        calls: int = 0, nano: int = 0, currency: str = "",
    ) -> Evaluation:  # fmt: skip
        """Return the evaluation of a call in this state."""
        slices = {name: tell(call) for name, tell in self._labels.items()}
        cluster = {"session": call.session or call.unit, "user": call.unit, "call": ""}
        return Evaluation(
            self._one.name, self._one.version, call.id, call.ended_us, state, self._one.sample,
            cluster[self._one.cluster] or call.id, call.group, slices, scores or {},
            unmeasured or {}, sources or {}, calls, nano, currency, told=0 if scores else 1,
        )  # fmt: skip

    def _works(
        self, call: Trace, meter: Meter, rival: str | None
    ) -> Sequence[tuple[str, bool, str, Callable[[], Mapping[str, Value]]]]:
        tools = Tools(chat=self._chat(meter), notes=self._notes, kept=self._around.kept)
        case, answered = self._case(call, rival), _answered(call)
        works: list[tuple[str, bool, str, Callable[[], Mapping[str, Value]]]] = []
        for name, scorer in self._scorers:
            judged = name == "judge" or bool(getattr(scorer, "judge", None))
            work = partial(_score, name, scorer, case, answered, tools)
            works.append(("judge" if judged else "program", scorer.bigger, scorer.unit, work))
        again = self._one.consistency
        if again is not None:
            works.append(("program", True, "share", partial(self._consistent, call, again, meter)))
        return works

    def _case(self, call: Trace, rival: str | None) -> Case:
        body = self._request(call)
        given = body.get("messages")
        messages = given if isinstance(given, list) else []
        return Case(
            call.id, call.input_text or "", "", tuple(m for m in messages if isinstance(m, dict)),
            tuple(self._context(call, body)), {} if rival is None else {"rival": rival}, call.session,
        )  # fmt: skip

    def _request(self, call: Trace) -> Mapping[str, Any]:
        try:
            found = json.loads(self._around.traces.bodies(call).request)
        except (ValueError, RecursionError, VolanoError):  # not kept, no JSON, or sealed away
            return {}
        return found if isinstance(found, dict) else {}

    def _context(self, call: Trace, body: Mapping[str, Any]) -> Sequence[str]:
        found: list[str] = []
        for span in self._around.spans.of_trace(call.id):
            if span.kind in passages.RETRIEVING:
                found += passages.of_span(span, self._around.spans.said(span))
        return passages.plain([*found, *passages.of_request(body)])

    def _consistent(self, call: Trace, again: Consistency, meter: Meter) -> Mapping[str, Value]:
        price = self._around.price_of_call(call)
        if why := payable(self._one, price):
            return {SELF: Unmeasured(why)}
        body = self._request(call)
        limit = body.get("max_completion_tokens") or body.get("max_tokens")
        most = Usage(
            input=max(call.prompt_tokens or 0, len(json.dumps(body).encode())),
            output=limit if isinstance(limit, int) and limit > 0 else UNSAID_TOKENS,
        )

        def used(found: Again) -> Usage:
            if found.prompt_tokens is None or found.completion_tokens is None:
                return most
            return Usage(input=found.prompt_tokens, output=found.completion_tokens)

        texts = [call.output_text or ""]
        asked = meter.together(again.times, price, most, lambda: self._around.again(call), used)
        with closing(asked):
            for found in asked:
                if found.error is not None:
                    return {SELF: Unmeasured(f"it could not be asked again: {found.error}")}
                texts.append(found.text)
        return {SELF: agreement(texts, again.how)}

    def _chat(self, meter: Meter) -> Callable[[str], Chat]:
        def of(name: str) -> Chat:
            price = self._around.price_of(name)
            if why := payable(self._one, price):
                raise BadScorerError(name="judge", why=why)
            return Metered(self._chats(name), meter, price)

        return of

    @cached_property
    def _secrets(self) -> Sequence[str]:
        """Our keys, read once, where something is told: nothing that is kept repeats one."""
        return keys((), self._around.held())

    def _opened(self, name: str) -> Chat:
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="volano-"))
        with hushed(self._secrets):
            chat = self._stack.enter_context(self._around.open(name, Path(folder)))
        return quiet(chat, self._secrets)


def _score(
    name: str, scorer: Scorer, case: Case, answered: Answered, tools: Tools
) -> Mapping[str, Value]:
    try:
        return scorer.score(case, answered, tools)
    except (SpentError, UnavailableError):
        raise
    except VolanoError as error:
        return {name: Unmeasured(error.message)}
    except Exception as error:  # noqa: BLE001 - a stranger's code: what it raises is the reason
        return {name: Unmeasured(f"the scorer broke: {type(error).__name__}: {error}")}


def _answered(call: Trace) -> Answered:
    return Answered(
        call.id, call.output_text or "", call.finish or "stop", call.prompt_tokens,
        call.completion_tokens, None, call.latency_us, 0, call.cost_nano, call.cost_currency or "",
        (), call.model,
    )  # fmt: skip

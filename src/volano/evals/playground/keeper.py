"""The playground's verbs: try a sketch on players side by side, or over the first rows of a dataset."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

from volano.core.errors import InvalidError, VolanoError
from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.core.template.errors import UnknownVariableError
from volano.data.keeper import Datasets
from volano.evals.playground import grid
from volano.evals.playground.asking import Asking
from volano.evals.playground.players import Player, Players
from volano.evals.playground.sketch import INPUT, Sketch, typed
from volano.evals.playground.take import Take
from volano.evals.playground.warm import Warm
from volano.evals.scoring import make
from volano.prompts.draft import Draft, said_of
from volano.prompts.keeper import Prompts
from volano.prompts.prompt import Prompt
from volano.store.artifact import Artifact
from volano.traces.trace import Trace

AT_ONCE = 8
_EACH = 2
_WAIT_S = 1.5
"""So long a column waits for its record, which says what it cost."""
_DONE = object()

Recorded = Callable[[Sequence[str]], Mapping[str, Trace]]
"""The calls that are recorded, by trace."""
Event = dict[str, Any]
"""What comes while players answer. `column` counts players, `row` rows, both from 0.

    {"column": 0, "text": "Bon"}                  a piece
    {"column": 0, "take": {...}}                  a Take as it is; in a grid with its `row`
    {"row": 0, "id": ..., "text": ..., "wanted": ...}   a row of a grid
    {"column": 0, "total": {...}}                 a column of a grid, after its last row
"""


class BadValueError(InvalidError):
    """`{given}` gives no value to a variable."""

    hint = "Write it as NAME=VALUE."


class Playground:
    """Tries drafts. Nothing is kept but the recorded calls."""

    def __init__(
        self, *, prompts: Prompts, datasets: Datasets, players: Players, asking: Asking,
        warm: Warm, recorded: Recorded,
    ):  # fmt: skip
        self._prompts = prompts
        self._datasets = datasets
        self._players = players
        self._asking = asking
        self._warm = warm
        self._recorded = recorded

    def choices(self) -> dict[str, list[str]]:
        """Return who can be asked, by kind."""
        return self._players.choices()

    def names(self, given: Sequence[str]) -> list[str]:
        """Return names as they are asked: each once, commas parted.

        Raises:
            PlayersError: none, or too many.
        """
        return self._players.read(given)

    def find(self, name: str) -> Player:
        """Return what a name means.

        Raises:
            UnknownPlayerError, UnknownArtifactError: nobody has it.
        """
        return self._players.find(name)

    def sketch(self, ref: Ref | str) -> Sketch:
        """Return a version of a prompt as a sketch.

        Raises:
            UnknownArtifactError: there is no such prompt.
        """
        artifact = self._prompts.get(ref)
        return Sketch(self._prompts.read(artifact), {}, artifact.ref)

    def ask(
        self,
        ref: Ref | str,
        *,
        model: Sequence[str],
        var: Sequence[str] = (),
        data: str | None = None,
        split: str = "test",
        limit: int = grid.USUAL_ROWS,
        scorer: str = grid.FIRST,
        by: Principal,
    ) -> dict[str, Any]:
        """Ask a prompt of several models, and return their answers side by side.

        With `data`, of the first rows of a dataset: each row's text is the value of `input`, its
        other fields are those of the variables that bear their names.

        Raises:
            UnknownArtifactError: there is no such prompt or dataset.
            UnknownPlayerError, PlayersError: nobody has this name, or they are too many.
            BadValueError: a value without a name.
        """
        sketch = self.sketch(ref)
        sketch = replace(sketch, values=values_of(sketch.prompt, var))
        names = self._players.read(model)
        players = [self._players.find(name) for name in names]
        if data is None:
            events = self._columns(sketch, players, by, threading.Event())
            takes = {e["column"]: e["take"] for e in events if "take" in e}
            return {"prompt": sketch.ref, "takes": [takes[at] for at in sorted(takes)]}
        found = list(
            self.grid(sketch, names, data=data, split=split, limit=limit, scorer=scorer, by=by)
        )
        return {
            "prompt": sketch.ref, "data": data,
            "takes": [e["take"] for e in found if "take" in e],
            "totals": {names[e["column"]]: e["total"] for e in found if "total" in e},
        }  # fmt: skip

    def stream(
        self,
        sketch: Sketch,
        names: Sequence[str],
        *,
        by: Principal,
        stop: threading.Event | None = None,
    ) -> Iterator[Event]:
        """Ask all at once; yield what comes as it comes. `stop`, or closing this, hangs up.

        Raises:
            PlayersError: none, or too many.
        """
        yield from self._columns(sketch, self._named(names), by, stop or threading.Event())

    def grid(
        self,
        sketch: Sketch,
        names: Sequence[str],
        *,
        data: str,
        split: str = "test",
        limit: int = grid.USUAL_ROWS,
        scorer: str = grid.FIRST,
        by: Principal,
        stop: threading.Event | None = None,
    ) -> Iterator[Event]:
        """Ask the first rows of a dataset of all players, and score the answers; rows come in order.

        Raises:
            PlayersError: none, or too many.
            UnknownArtifactError, UnknownSplitError, ForbiddenError: as the dataset says.
            UnknownPluginError, BadScorerError: there is no such scorer, or it needs settings.
        """
        players, stop = self._named(names), stop or threading.Event()
        measure = make(scorer)[1]
        asked = list(grid.rows(self._datasets, data, split, limit, by=by))
        for at, row in enumerate(asked):
            yield {"row": at, "id": row.id, "text": row.text, "wanted": row.wanted}
        takes: list[list[Take]] = [[] for _ in players]

        def cell(at: int, column: int, put: Callable[[Event], None]) -> None:
            row = asked[at]
            values = {**row.fields, **({INPUT: row.text} if row.text else {})}
            take = self._whole(players[column], sketch, values, by, stop)
            if take is None:
                return
            take = grid.scored(take, row, measure)
            takes[column].append(take)
            put({"row": at, "column": column, "take": take.to_dict()})

        work = [(at, column) for at in range(len(asked)) for column in range(len(players))]
        yield from _gather(
            [partial(cell, at, column) for at, column in work],
            min(AT_ONCE, _EACH * len(players)), stop,
        )  # fmt: skip
        priced = iter(self._priced([one for found in takes for one in found]))
        for column, found in enumerate(takes):
            yield {"column": column, "total": grid.total([next(priced) for _ in found])}

    def save(self, name: str, sketch: Sketch, *, why: str = "", by: Principal) -> Artifact:
        """Save a sketch as the next version of a prompt.

        Raises:
            VolanoError: as `prompts.save`.
        """
        return self._prompts.keep(name, Draft.read(said_of(sketch.prompt)), why=why, by=by)

    def close(self) -> None:
        """End the engines that are kept warm."""
        self._warm.close()

    def _named(self, names: Sequence[str]) -> list[Player | Take]:
        """Return the players; a name that means nobody becomes the Take that says so."""
        found: list[Player | Take] = []
        for name in self._players.read(names):
            try:
                found.append(self._players.find(name))
            except VolanoError as error:
                found.append(Take(name, "error", "", error.message, error.advice))
        return found

    def _columns(
        self, sketch: Sketch, players: Sequence[Player | Take], by: Principal, stop: threading.Event
    ) -> Iterator[Event]:
        takes: dict[int, Take] = {}

        def column(at: int, put: Callable[[Event], None]) -> None:
            for piece in self._pieces(players[at], sketch, None, by):
                if stop.is_set():
                    return
                if isinstance(piece, Take):
                    takes[at] = piece
                told = {"text": piece} if isinstance(piece, str) else {"take": piece.to_dict()}
                put({"column": at, **told})

        work = [partial(column, at) for at in range(len(players))]
        yield from _gather(work, len(players), stop)
        for at, take in zip(takes, self._priced(list(takes.values())), strict=True):
            if take != takes[at]:
                yield {"column": at, "take": take.to_dict()}

    def _whole(
        self, player: Player | Take, sketch: Sketch, values: Mapping[str, Any], by: Principal,
        stop: threading.Event,
    ) -> Take | None:  # fmt: skip
        """Return the Take; None where it was stopped before."""
        for piece in self._pieces(player, sketch, values, by):
            if stop.is_set():
                return None
            if isinstance(piece, Take):
                return piece
        return None

    def _priced(self, takes: Sequence[Take]) -> list[Take]:
        """Return them with what the gateway says that they cost, as soon as it is recorded."""
        wanted = [one.trace for one in takes if one.channel and one.trace]
        found: Mapping[str, Trace] = {}
        until = time.monotonic() + (_WAIT_S if wanted else 0)
        while wanted:
            found = self._recorded(wanted)
            if len(found) == len(wanted) or time.monotonic() > until:
                break
            time.sleep(_WAIT_S / 20)
        return [
            replace(
                one, cost_nano=found[one.trace].cost_nano, release=found[one.trace].release,
                currency=found[one.trace].cost_currency or "",
            )
            if one.trace in found
            else one
            for one in takes
        ]  # fmt: skip

    def _pieces(
        self, player: Player | Take, sketch: Sketch, values: Mapping[str, Any] | None, by: Principal
    ) -> Iterator[str | Take]:
        if isinstance(player, Take):
            return iter((player,))
        return self._asking.ask(player, sketch, values, by=by)


def values_of(prompt: Prompt, given: Sequence[str]) -> dict[str, Any]:
    """Read `name=value`, once for each variable.

    Raises:
        BadValueError: no name, or no `=`.
        UnknownVariableError, UnfitValueError: the prompt has no such variable, or of another type.
    """
    values = {}
    for one in given:
        name, equals, text = one.partition("=")
        name = name.strip()
        if not equals or not name:
            raise BadValueError(given=one[:60])
        if name not in prompt.variables:
            raise UnknownVariableError(name=name[:80], known=", ".join(prompt.variables) or "none")
        values[name] = typed(prompt.variables[name], text)
    return values


def _gather(
    work: Sequence[Callable[[Callable[[Event], None]], None]], at_once: int, stop: threading.Event
) -> Iterator[Event]:
    """Do the work on threads; yield what it puts, as it comes. Closed early, it stops all."""
    told: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def one(do: Callable[[Callable[[Event], None]], None]) -> None:
        try:
            if not stop.is_set():
                do(told.put)
        except BaseException as error:
            told.put(error)
            raise
        finally:
            told.put(_DONE)

    pool = ThreadPoolExecutor(max(1, at_once), thread_name_prefix="playground")
    try:
        for do in work:
            pool.submit(one, do)
        left = len(work)
        while left:
            event = told.get()
            if event is _DONE:
                left -= 1
            elif isinstance(event, BaseException):
                raise event
            else:
                yield event
    except BaseException:
        stop.set()
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)

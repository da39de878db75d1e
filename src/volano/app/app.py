"""One open workspace at work: its life, and the sentences that no single room can say.

Control holds an `App` while volano is up; a command, or a program in Python, builds its own
under the folder lock when nothing runs.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from types import TracebackType
from typing import Any

from volano.access.key import Key
from volano.app.folder import forget_secrets, make
from volano.app.lock import FolderLock
from volano.app.rooms import Rooms
from volano.core.clock import Clock
from volano.core.errors import NotFoundError
from volano.core.noted import Noted
from volano.core.principal import SYSTEM, Principal
from volano.costs.pricing import Pricing
from volano.feedback.recording import recorder
from volano.gateway.key_variables import KeyVariables
from volano.gateway.publish import TIDY_S
from volano.jobs.run import good
from volano.models.wording import prompt_of
from volano.settings import Settings
from volano.traces.curl import as_curl
from volano.traces.errors import UnknownTraceError
from volano.traces.mask.masking import Masking
from volano.traces.search.indexer import Indexer, catch_up, read_records, rebuild_mark
from volano.traces.segment import segment_paths
from volano.traces.tree import tree

log = logging.getLogger(__name__)

TICK_S = 0.1
IDLE_TICK_S = 0.3
LOOK_S = 0.3
TIDY_EVERY_S = 5.0
BUILTIN = "ticket-router"
HOUR_US = 3600 * 1_000_000
_INDEXING_S = 5.0
"""So long a command without control may index texts; the rest is indexed when volano is up."""


_RECORDED_S = 2.0
"""So long who asks for the newest trace waits for the first one ever."""


class NoTraceError(NotFoundError):
    """There is no trace yet: nothing was asked."""

    hint = "Ask something: the address and a key are what `volano up` printed."


class App(Rooms):
    """One open workspace: its keepers, and what ties them together.

    It has the folder to itself from here to `close`: two that write would each publish, count and
    spend as if they were alone. A folder that is not there is made.

    Raises:
        FolderHeldError: `volano up`, a command or another App has the folder.
        NoFolderError: it cannot be made.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None, *, held: bool = False):
        """Open a workspace; `held`: the caller, or who started it, has made and locked its folder."""
        with ExitStack() as opening:
            if not held:
                make(settings)
                opening.enter_context(FolderLock(settings.path("lock"), {"what": "volano.App"}))
                opening.callback(forget_secrets, settings)
            super().__init__(settings, clock)
            self._held = opening.pop_all()
        self._stopping = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="rollouts", daemon=True)

    def start(self) -> None:
        """Begin to work: jobs, rollouts, snapshots. Control only."""
        self.furnish()
        self.costs.start()
        self.masks.publish()
        self._policies.publish()
        self.publisher.publish()
        self.runs.launch()
        self._ticker.start()
        self._alarm.start()
        self._drift_watch.start()
        self._evaluator_watch.start()
        self._pair_judging.start()
        self._schedule_ticker.start()
        self.courier.start()
        self._host.start()

    def furnish(self) -> None:
        """Put the built-in model behind a channel, so that an empty folder answers something."""
        if self.releases.channels() or self.catalog.names("model"):
            return
        model = self.models.builtin(by=SYSTEM)
        prompt = self.prompts.save(BUILTIN, **prompt_of(model), by=SYSTEM)
        flow = self.flows.compose(BUILTIN, model=model.ref, prompt=prompt.ref, by=SYSTEM)
        release = self.releases.cut(BUILTIN, flow=flow.ref, by=SYSTEM)
        rollout = self.releases.promote(release.ref, channel=BUILTIN, plan="100%", by=SYSTEM)
        self.releases.end(rollout, "arrived", {"reason": "built in"}, by=SYSTEM)

    def welcome(self, by: Principal) -> dict[str, Any]:
        """Return what the owner needs to begin; the first key is made and shown now."""
        refused = self.publisher.refused()
        facts: dict[str, Any] = {
            "session": self.session_token,
            "channels": {
                c.name: c.stable_ref for c in self.releases.channels() if c.name not in refused
            },
            "refused": refused,
            "next": "volano status",
        }
        if not self.keys.list():
            key, text = self.keys.create("first", scopes=("chat:*", "feedback", "traces"), by=by)
            facts |= {"key": text, "key_id": key.id, "next": "volano demo"}
        return facts

    def create_key(self, name: str, **given: Any) -> Noted:
        """Make a gateway key; its text is in the result, and nowhere else ever again."""
        key, text = self.keys.create(name, **given)
        facts = {"id": key.id, "name": key.name, "scopes": list(key.scopes), "text": text}
        return Noted(facts, _notes_on_key(key))

    def update_key(self, id: str, **given: Any) -> Noted:  # noqa: A002 - the sentence's word
        """Change a gateway key (`Keys.update`); say so when it may call nothing then."""
        key = self.keys.update(id, **given)
        return Noted(key, _notes_on_key(key))

    def set_limit(self, subject: str, **given: Any) -> Noted:
        """Limit a key, a group or a channel (`Limits.set`); say so when there is no such channel."""
        limit = self.limits.set(subject, **given)
        kind, _, name = limit.subject.partition("/")
        if kind != "channel" or name in {channel.name for channel in self.releases.channels()}:
            return Noted(limit)
        return Noted(limit, (f"There is no channel `{name}` yet: the limit waits for it.",))

    def set_price(self, model: str, *, target: str = "", **given: Any) -> Noted:
        """Say what a model costs (`Costs.set_price`); say so when there is no such target."""
        price = self.costs.set_price(model, target=target, **given)
        if not target or target in {one.name for one in self.targets.list()}:
            return Noted(price)
        return Noted(price, (f"There is no target `{target}` yet: the price waits for it.",))

    def classify(self, name: str, column: str, class_name: str, *, by: Principal) -> Noted:
        """Say of which class a column is (`Permissions.classify`); say so when there is no such column."""
        told = self.permissions.classify(name, column, class_name, by=by)
        newest = self.catalog.list("dataset", name, limit=1)
        known = (
            [one["name"] for one in newest[0].manifest.meta.get("columns", ())] if newest else []
        )
        if not known or column in (*known, "id", "origin", "split"):
            return Noted(told)
        there = ", ".join(known[:20])
        note = f"{newest[0].ref} has no column `{column}`; it has {there}. The class waits for it."
        return Noted(told, (note,))

    def add_model(self, name: str, **given: Any) -> Noted:
        """Point at a provider's model; say so when its key is not there.

        Raises:
            BadPointerError: the address, the model's name or the variable's name is no good.
        """
        model = self.models.add_pointer(name, **given)
        return Noted(model, (*self._notes_on(model.ref), *self._notes_on_order(given)))

    def save_prompt(self, name: str, *, why: str = "", **given: Any) -> Noted:
        """Save the next version of a prompt (`Prompts.save`); say so when it is there already."""
        newest = self.prompts.newest(name)
        saved = self.prompts.save(name, why=why, **given)
        if newest is None or saved.number > newest.number:
            return Noted(saved)
        note = f"{saved.ref} is already that: nothing was saved."
        return Noted(saved, (f"{note} It keeps its own why." if why else note,))

    def open_channel(self, name: str, **given: Any) -> Noted:
        """Put a channel in front of a model (`Opener.open`); say so when its key is not there."""
        opened = self.opener.open(name, **given)
        return Noted(opened, (*self._notes_on(opened["model"]), *self._notes_on_order(given)))

    def _notes_on_order(self, given: Mapping[str, Any]) -> tuple[str, ...]:
        if given.get("strategy") != "region-first" or self.settings.region:
            return ()
        return (_NO_REGION,)

    def _notes_on(self, model: str) -> tuple[str, ...]:
        lacking = [row["key_env"] for row in self._missing_keys() if row["model"] == model]
        return tuple(
            f"The {named.noun} {named.are_not_set} where volano runs: {named.until}, and `volano up` "
            f"was started again, calls to {model} fail."
            for named in map(KeyVariables, lacking)
        )

    def provider_keys(self) -> list[dict[str, Any]]:
        """Return which models want a provider's key, and whether volano has it."""
        return self.publisher.provider_keys()

    def _missing_keys(self) -> list[dict[str, Any]]:
        return [row for row in self.provider_keys() if not row["set"]]

    def rotate_key(self, id: str, **given: Any) -> dict[str, Any]:  # noqa: A002 - the sentence's word
        """Give a key a new text; it is in the result, and nowhere else ever again."""
        key, text = self.keys.rotate(id, **given)
        until_us = key.former_until_us or 0
        at = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(until_us // 1_000_000))
        over = until_us <= self.clock.now_us()
        old = "The old one has ended." if over else f"The old one goes on until {at}."
        return {
            "id": key.id,
            "name": key.name,
            "text": text,
            "former_until_us": until_us,
            "old": old,
        }

    def used_limits(self) -> list[dict[str, Any]]:
        """Return all limits with what is used of them now: a minute's requests and tokens, calls."""
        found = []
        for limit in self.limits.list():
            requests, tokens, calls = self.publisher.usage(limit.subject)
            used = {"requests": requests, "tokens": tokens, "calls": calls}
            found.append({**limit.to_dict(), "used": used})
        return found

    def status(self) -> dict[str, Any]:
        """Return what serves, what moves and what works."""
        return {
            "channels": self.releases.channels(),
            "runs": [run for run in self.runs.list(limit=5) if run.state in {"queued", "running"}],
            "traces": self.traces.counts(self.clock.now_us() - HOUR_US),
            "artifacts": self.catalog.counts(),
            "waiting_for": self.waiting_for(),
            "refused": self.publisher.refused(),
            "missing_keys": self._missing_keys(),
            "session": self.session_token,
        }

    def waiting_for(self) -> list[str]:
        """Return the releases in channels whose engines do not answer yet."""
        return self.publisher.waiting_for()

    def lineage(self, ref: str) -> Any:
        """Return the tree of what an artifact was made from. `release/name@2` picks the kind."""
        return self.catalog.lineage(self.catalog.find(ref).digest)

    def wording(self, ref: str) -> dict[str, Any]:
        """Return the prompt that a model was trained with: what `prompts.save` takes."""
        return prompt_of(self.models.get(ref))

    def finish(self, result: Any) -> Any:
        """After a command without control: write what it spooled, and return its result."""
        self._spool.sync()
        spool = self.settings.path("spool")
        self.masks.publish()
        with recorder(spool, self._hot, Pricing(self.costs.book), Masking(self._rules)) as own:
            own.drain()
            catch_up(Indexer(self._words, read_records(self.traces.records)), _INDEXING_S)
        return result

    def trace(self, id: str) -> dict[str, Any]:  # noqa: A002 - the word of the sentence
        """Return a trace with the feedback on it, and all its steps where an application sent some.

        Raises:
            UnknownTraceError: nothing was recorded under this id.
        """
        calls, spans = self.traces.calls(id), self.spans.of_trace(id)
        if not calls and not spans:
            raise UnknownTraceError(trace=id)
        if not spans:
            return {**asdict(calls[-1]), "feedback": self.feedbacks.about(calls[-1])}
        steps = tree(calls, spans)
        root = [span for span in spans if span.span_id == steps[0].span_id]
        shown = (calls or root)[-1]
        return {**asdict(shown), "steps": steps, "feedback": self.feedbacks.about(shown)}

    def last_trace(self) -> dict[str, Any]:
        """Return the newest trace with the feedback on it. The first one may be on its way yet.

        Raises:
            NoTraceError: nothing was asked yet.
        """
        found, until = self.traces.last(), time.monotonic() + _RECORDED_S
        while found is None and self._is_spooled() and time.monotonic() < until:
            time.sleep(0.05)
            found = self.traces.last()
        if found is None:
            raise NoTraceError
        return self.trace(found.id)

    def _is_spooled(self) -> bool:
        """Whether anything was ever written that the recorder reads."""
        return any(one.stat().st_size for one in segment_paths(self._path("spool")))

    def as_curl(self, id: str) -> str:  # noqa: A002 - the word of the sentence
        """Return the request of a trace as a curl command; the key is `$VOLANO_KEY` there.

        Raises:
            UnknownTraceError, NoRequestError: it is not there, or its body was not kept.
        """
        found = self.traces.get(id)
        scheme = "https" if self.settings.tls else "http"
        address = f"{scheme}://127.0.0.1:{self.settings.port}"
        return as_curl(found, self.traces.bodies(found).request, address)

    def reindex(self, *, by: Principal) -> dict[str, Any]:
        """Have the index of texts built anew; until it is, texts are looked at one by one."""
        self._words.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        rebuild_mark(self._words).touch()
        self.ledger.append("reindex", "traces", (), {}, by=by)
        return {"index": str(self._words)}

    def work_off(self, result: Any, seen: Callable[[Any], None] | None = None) -> Any:
        """After a command without control that started a Run: do the Run, here and now.

        `seen` is told how the Run stands, a few times a second.

        Raises:
            RunFailedError: it failed, so that the command does too.
        """
        if isinstance(result, dict) and result.get("state") == "queued":
            self.runs.launch()
            while seen is not None and not (run := self.runs.get(result["id"])).over:
                seen(run)
                time.sleep(LOOK_S)
            return good(self.runs.wait(result["id"]))
        return result

    def close(self) -> None:
        """Stop working and let everything go, the folder last; also where something cannot be closed."""
        with self._held as closing:  # the last one goes first
            for one in (
                self._db, self.gateway, self.publisher, self.traces, self._spool, self.runs,
                self.costs, self.playground, self._rehearsal, self._host, self.courier,
                self._schedule_ticker, self._pair_judging, self._evaluator_watch,
                self._drift_watch, self._alarm,
            ):  # fmt: skip
                closing.callback(one.close)
            self._stopping.set()
            if self._ticker.is_alive():
                self._ticker.join(5)

    def __enter__(self) -> "App":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _tick(self) -> None:
        tidied = time.monotonic()
        pause_s = TICK_S
        while not self._stopping.wait(pause_s):
            try:
                pause_s = TICK_S if self.reconciler.tick() else IDLE_TICK_S
                each_s = TIDY_S if self.publisher.pressed() else TIDY_EVERY_S
                if time.monotonic() - tidied > each_s:
                    tidied = time.monotonic()
                    self.publisher.tidy()
            except Exception:
                log.exception("the rollouts' tick failed; it is tried again")


def _notes_on_key(key: Key) -> tuple[str, ...]:
    """Say where scopes name doors and no channel behind them: `door:` says how, `chat:` says what."""
    kinds = {scope.partition(":")[0] for scope in key.scopes}
    if "door" not in kinds or "chat" in kinds:
        return ()
    return (_NO_CHANNEL,)


_NO_REGION = (
    "The setting `region` is empty, so `region-first` prefers the region of the first entry: "
    'say in volano.toml where this gateway stands, such as region = "eu-west-1".'
)
_NO_CHANNEL = "This key may call no channel: `door:` only says by which doors. Add `chat:*` or `chat:CHANNEL`."

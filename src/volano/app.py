"""The composition root: builds each room's keeper once. The only place that knows all rooms.

One `App` is one open workspace. Control holds it while volano is up; a command
builds its own under the folder lock when nothing runs. The few methods here are
sentences that no single room can say.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from volano import __version__
from volano.access.keeper import Keys
from volano.access.limits import Limits
from volano.access.permissions import Permissions
from volano.access.secret import hmac_secret
from volano.access.session import session_token
from volano.access.signing import SigningKey
from volano.access.vault import Vault
from volano.adapters.executors.ray import RayExecutor
from volano.adapters.gateways import READERS
from volano.adapters.git import GitRepository
from volano.adapters.notify import receiver
from volano.adapters.otlp import Sender
from volano.adapters.providers import PROVIDERS
from volano.ci import Checks, Parties
from volano.core.clock import Clock, SystemClock
from volano.core.digest import Digest
from volano.core.errors import NotFoundError, VolanoError
from volano.core.noted import Noted
from volano.core.plugins import load_plugins
from volano.core.principal import SYSTEM, Principal
from volano.costs.energy import Meter
from volano.costs.keeper import Costs
from volano.costs.price import Price, Rates
from volano.costs.pricing import Pricing
from volano.costs.spending import Spending
from volano.data.contracts import Contracts
from volano.data.curator import Curator
from volano.data.exchange import Cards, Exchange
from volano.data.filesets import Filesets
from volano.data.gate import Gate
from volano.data.keeper import Datasets
from volano.data.kept import Kept
from volano.data.profile import Profiles
from volano.data.recipe.executor import Elsewhere
from volano.data.recipe.keeper import Recipes
from volano.data.sense import SenseDataset
from volano.data.sources.keeper import Sources
from volano.data.sources.source import Around
from volano.data.tree import named
from volano.data.versions import Versions
from volano.data.writer import ROWS
from volano.declared import Declarations
from volano.evals.advise import Adviser
from volano.evals.candidates import Candidates
from volano.evals.declared import KIND as SUITE
from volano.evals.declared import DeclaredSuites
from volano.evals.examine import Examiner
from volano.evals.judges.checking import Checker
from volano.evals.judges.contest import Contests
from volano.evals.judges.keeper import Judges
from volano.evals.keeper import Evals
from volano.evals.on import Respondents
from volano.evals.opening import ModelDoor
from volano.evals.playground import Playground
from volano.evals.playground.asking import Asking
from volano.evals.playground.players import Players
from volano.evals.playground.warm import Warm
from volano.evals.remembered import Remembered
from volano.evals.searcher import Searcher
from volano.evals.suites import Suites
from volano.evals.wording import Improver
from volano.evals.wording.praised import praise
from volano.feedback.keeper import Feedbacks
from volano.feedback.metrics import Metrics
from volano.feedback.recording import recorder
from volano.feedback.reviews import Reviews
from volano.feedback.sense import SenseFeedback
from volano.flows.declared import DeclaredFlows
from volano.flows.keeper import Flows
from volano.flows.written import KIND as FLOW
from volano.gateway.engines import MOST_CONTEXT, Sizes
from volano.gateway.importer import Importer
from volano.gateway.inside import Inside
from volano.gateway.keeper import Gateway
from volano.gateway.provider import bearer
from volano.gateway.publish import Publisher
from volano.gateway.rehearsal import Rehearsal
from volano.gateway.rehearsals import Rehearsals
from volano.gateway.replays import Replays
from volano.gateway.targets import Targets
from volano.governance.courier import Courier
from volano.governance.lineage import Lineage
from volano.governance.openlineage import Teller
from volano.jobs.keeper import Runs
from volano.jobs.run import good
from volano.jobs.schedules import Schedules
from volano.jobs.ticker import Ticker
from volano.models.cards import ModelCards
from volano.models.compressor import Compressor
from volano.models.exchange.keeper import ModelExchange
from volano.models.keeper import Models
from volano.models.lives import Lives
from volano.models.pointer import Entry, is_far, pool_of
from volano.models.trainer import Trainer
from volano.models.wording import prompt_of
from volano.monitor.alarm import Alarm
from volano.monitor.alerts import Alerts
from volano.monitor.book import AlertBook
from volano.monitor.diagnosis import Diagnoses
from volano.monitor.drift import Drift
from volano.monitor.drift.script import script
from volano.monitor.drift.sense import SenseDrift
from volano.monitor.drift.told import newest
from volano.monitor.drift.watch import Watch as DriftWatch
from volano.monitor.evaluators import Evaluators
from volano.monitor.evaluators import Watch as EvaluatorWatch
from volano.monitor.evaluators.book import Book as EvaluatorBook
from volano.monitor.evaluators.looking import Again
from volano.monitor.evaluators.looking import Around as AroundCalls
from volano.monitor.evaluators.voice import Voice
from volano.monitor.host import Host
from volano.monitor.judge import Judge
from volano.monitor.outbox import Outbox
from volano.monitor.period import Periods
from volano.monitor.scorecard import Scorecard
from volano.monitor.series import Series
from volano.monitor.slos import SLOs
from volano.monitor.watch import Watch
from volano.prompts.declared import KIND as PROMPT
from volano.prompts.declared import DeclaredPrompts
from volano.prompts.keeper import Prompts
from volano.prompts.prompt import Prompt
from volano.releases.alarms import Alarms
from volano.releases.approval import Approvals
from volano.releases.arrival import Arrivals
from volano.releases.callers import Callers
from volano.releases.check import ReleaseChecks
from volano.releases.declared import KIND as ROLLOUT
from volano.releases.declared import DeclaredRollouts
from volano.releases.delivery import Deliveries
from volano.releases.demands import Demands
from volano.releases.deprecation import Deprecations
from volano.releases.difference import Differences
from volano.releases.environments import Environments
from volano.releases.experiments import Experiments
from volano.releases.freeze import Freezes
from volano.releases.keeper import Releases
from volano.releases.opener import Opener
from volano.releases.outlook import Outlooks
from volano.releases.pairs.judging import PairJudging
from volano.releases.pairs.listing import Pairings
from volano.releases.reconciler import Reconciler
from volano.releases.retirement import Retirements
from volano.releases.signing import Signer
from volano.releases.standing import Standings
from volano.releases.steering import Steering
from volano.serving.engines import KINDS
from volano.serving.keeper import Attached, Engines
from volano.settings import Settings
from volano.store.artifact import Artifact
from volano.store.blobs import Blobs
from volano.store.catalog import Catalog
from volano.store.db import Database
from volano.store.garbage import Garbage
from volano.store.ledger import Ledger
from volano.traces.curl import as_curl
from volano.traces.errors import UnknownTraceError
from volano.traces.export import Exports
from volano.traces.keeper import Traces
from volano.traces.mask.masking import Masking
from volano.traces.masks import Masks
from volano.traces.retentions import Holds, Policies, Retentions
from volano.traces.search.indexer import Indexer, catch_up, read_records, rebuild_mark
from volano.traces.sessions import Sessions
from volano.traces.spans import Spans
from volano.traces.spool import Spool
from volano.traces.steps import Steps
from volano.traces.trace import Trace
from volano.traces.tree import tree
from volano.traces.views import Views

log = logging.getLogger(__name__)

TICK_S = 0.1
IDLE_TICK_S = 0.3
JOBS_POLL_S = 0.25
TIDY_EVERY_S = 5.0
BUILTIN = "ticket-router"
HOUR_US = 3600 * 1_000_000
FREE = Price(Rates(0, 0))
_INDEXING_S = 5.0
"""So long a command without control may index texts; the rest is indexed when volano is up."""


class NoTraceError(NotFoundError):
    """There is no trace yet: nothing was asked."""

    hint = "Ask something: the address and a key are what `volano up` printed."


class App:
    """One open workspace: its keepers, and what ties them together."""

    def __init__(self, settings: Settings, clock: Clock | None = None):
        self.settings = settings
        self.clock = clock or SystemClock()
        load_plugins()
        path = settings.path
        self._db = Database(settings.catalog_url)
        self._db.migrate()
        secret = hmac_secret(path("keys", "hmac.key"))
        self.session_token = session_token(path("keys", "session.token"))
        self.ledger = Ledger(self._db, self.clock)
        self.blobs = Blobs(path("blobs"), self._db, self.clock)
        self.catalog = Catalog(self._db, self.blobs, self.ledger, self.clock, {ROWS: named})
        self.garbage = Garbage(
            db=self._db,
            catalog=self.catalog,
            blobs=self.blobs,
            ledger=self.ledger,
            clock=self.clock,
        )
        self.keys = Keys(self._db, self.ledger, secret, self.clock, self._publish)
        self.limits = Limits(self._db, self.ledger, self.clock, self._publish)
        self.runs = Runs(
            self._db,
            self.ledger,
            path("jobs"),
            self.clock,
            jobs_url=f"sqlite:///{path('jobs.db')}",
            concurrency=settings.jobs_at_once,
            poll_s=JOBS_POLL_S,
        )
        self._spool = Spool(path("spool"), "control", max_total_bytes=settings.spool_max_bytes)
        self._hot = path("records", "hot.db")
        self._words = path("records", "search.db")
        self.traces = Traces(self._hot, self._words, self.clock)
        self.views = Views(self._db, self.ledger, self.clock)
        self.spans = Spans(self._hot, self.traces.records)
        self.steps = Steps(self._hot, self.traces.records)
        self.sessions = Sessions(self._hot, self.traces.records)
        self.exports = Exports(self.traces, self.ledger, self.clock)
        self._policies = Policies(self._db, path("run", "retention.json"))
        self.retentions = Retentions(self._db, self.ledger, self.clock, self._policies)
        self.holds = Holds(self._db, self.ledger, self.clock, self._policies)
        self._rules = path("run", "mask.json")
        self.masks = Masks(self._db, self.ledger, self.clock, self._rules)
        self.costs = Costs(
            db=self._db,
            ledger=self.ledger,
            traces=self.traces,
            spool=path("spool"),
            run=path("run"),
            clock=self.clock,
            publish=self._publish,
            frames=self._spool,
        )
        self.spending = Spending(
            traces=self.traces,
            book=self.costs.book,
            clock=self.clock,
            meter=Meter(
                grid=settings.grid,
                provider_grid=settings.provider_grid,
                core_watts=settings.core_watts,
                pue=settings.pue_percent / 100,
                threads=settings.engine_threads,
                slots=settings.engine_slots,
            ),
        )
        self.metrics = Metrics(self._db, self.ledger, self.clock)
        self.feedbacks = Feedbacks(self._spool, self._hot, self.clock, self.metrics)
        self.reviews = Reviews(
            db=self._db,
            ledger=self.ledger,
            clock=self.clock,
            traces=self.traces,
            feedbacks=self.feedbacks,
            metrics=self.metrics,
        )
        self.permissions = Permissions(self._db, self.ledger, self.clock)
        self.gate = Gate(self._db, self.permissions, self.clock)
        self._keep_data(settings)
        self.curator = Curator(self.datasets, self.feedbacks, self.traces, self.spans)
        self.drift = Drift(
            db=self._db,
            ledger=self.ledger,
            catalog=self.catalog,
            traces=self.traces,
            feedbacks=self.feedbacks,
            datasets=self.datasets,
            clock=self.clock,
        )
        self._drift_watch = DriftWatch(self.drift)
        self.schedules = Schedules(
            self._db,
            self.ledger,
            self.runs,
            self.clock,
            senses={
                "feedback": SenseFeedback(self.feedbacks),
                "dataset": SenseDataset(self.datasets),
                "drift": SenseDrift(partial(newest, self.drift)),
            },
            recipe=self.recipes.read,
            plans={"data.prepare": self.recipes.plan},
        )
        self._schedule_ticker = Ticker(self.schedules)
        self.prompts = Prompts(self.catalog, self.datasets)
        self.targets = Targets(
            db=self._db,
            ledger=self.ledger,
            catalog=self.catalog,
            releases=lambda: self.releases,
            providers=PROVIDERS,
            vault=Vault(path("keys", "vault.json")),
            publish=self._publish,
            clock=self.clock,
        )
        self.lives = Lives(
            db=self._db, catalog=self.catalog, ledger=self.ledger, clock=self.clock,
            in_use=self._serving_from,
        )  # fmt: skip
        self.models = Models(self.catalog, path("cache"), self.targets.get, alive=self.lives.check)
        self.model_cards = ModelCards(self.catalog, self.lives)
        self.model_exchange = ModelExchange(
            self.catalog, self.models, path("cache"),
            card=self.model_cards.text, revoked=self.lives.revoked,
        )  # fmt: skip
        self.trainer = Trainer(self.runs, self.models, self.datasets, path("tools"))
        self.compressor = Compressor(
            self.runs, self.models, self.datasets, self.catalog, path("tools")
        )
        self.flows = Flows(self.catalog, self.prompts, self.models)
        self.evals = Evals(self.catalog, self.datasets, console=settings.outside)
        self.examiner = Examiner(
            self.runs, self.evals, self.datasets, self.flows, self.models, self.targets.chat
        )
        self.searcher = Searcher(self.runs, self.models, self.datasets, self.catalog, path("tools"))
        candidates = Candidates(self.models, self.flows, self.prompts, self.targets.get)
        respondents = Respondents(candidates, self.models, self.prompts, self._flow_behind)
        remembered = Remembered(path("cache", "answers.db"))
        self.suites = Suites(
            self.runs, self.catalog, self.datasets, self.evals, self.examiner, respondents,
            remembered=remembered, price_of=self._price_of,
        )  # fmt: skip
        self.declarations = Declarations(
            {
                PROMPT: DeclaredPrompts(self.prompts),
                FLOW: DeclaredFlows(self.flows, self.catalog),
                SUITE: DeclaredSuites(self.suites, self.catalog),
                ROLLOUT: DeclaredRollouts(lambda: self.releases),
            }
        )
        self.checks = Checks(
            self.runs, self.catalog, self.datasets, self.evals, self.prompts, self.declarations,
            Parties(
                self.examiner, self.models, respondents,
                is_target=lambda name: candidates.far(f"{name}:"), at_target=self.targets.chat, price_of=self._price_of,
            ),
            open_repository=GitRepository, remembered=remembered,
        )  # fmt: skip
        self.adviser = Adviser(
            self.runs,
            self.catalog,
            self.evals,
            self.datasets,
            candidates,
            self.examiner,
            self._price_of,
        )
        self.improver = Improver(
            self.runs, self.catalog, self.prompts, self.datasets,
            candidates, self.examiner, self._price_of, praise(self.feedbacks, self.traces),
        )  # fmt: skip
        door = ModelDoor(candidates, self.models, self.examiner.chat, self.targets.chat)
        self.judges = Judges(self.catalog, self.evals, door)
        self.checker = Checker(
            self.runs, self.catalog, self.judges, self.datasets,
            (self.feedbacks, self.traces), door.open,
        )  # fmt: skip
        self.contests = Contests(
            self.runs, self.catalog, self.judges, self.datasets, self.evals, door.open
        )
        self.deprecations = Deprecations(
            db=self._db, catalog=self.catalog, ledger=self.ledger, clock=self.clock,
            publish=self._publish,
        )  # fmt: skip
        self.publisher = Publisher(
            run=path("run"),
            catalog=self.catalog,
            keys=self.keys,
            limits=self.limits,
            costs=self.costs,
            flows=self.flows,
            models=self.models,
            releases=lambda: self.releases,
            targets=self.targets,
            hmac_secret=secret,
            max_body_bytes=settings.max_body_bytes,
            spool_full=settings.spool_full,
            engines=Sizes(
                slots=settings.engine_slots,
                threads=settings.engine_threads,
                replicas=settings.engine_replicas,
                queue=settings.engine_queue,
                workers=settings.workers,
                embeddings=settings.engine_embeddings == "on",
                max_bytes=settings.engines_max_mib << 20,
            ),
            clock=self.clock,
            region=settings.region,
            deprecations=self.deprecations.by_subject,
            closed=self._closed_channels,
        )
        self.engines = Engines(path("run"), self._attached, aside=self.publisher.aside)
        self.gateway = Gateway(run=path("run"), ledger=self.ledger, clock=self.clock)
        self.freezes = Freezes(self._db, self.ledger, self.clock)
        self.approvals = Approvals(
            db=self._db, catalog=self.catalog, ledger=self.ledger, clock=self.clock
        )
        self.demands = Demands(db=self._db, ledger=self.ledger, clock=self.clock)
        arrivals = Arrivals(
            db=self._db, catalog=self.catalog, clock=self.clock, answers=self.traces.answers
        )
        self.environments = Environments(
            db=self._db, ledger=self.ledger, clock=self.clock, arrivals=arrivals
        )
        self.releases = Releases(
            db=self._db,
            catalog=self.catalog,
            ledger=self.ledger,
            flows=self.flows,
            signer=Signer(SigningKey.load_or_create(path("keys", "signing.key"))),
            clock=self.clock,
            publish=self._publish,
            freezes=self.freezes,
            approvals=self.approvals,
            demands=self.demands,
            environments=self.environments,
            metrics=self.metrics,
        )
        self.callers = Callers(
            traces=self.traces, channel=self.releases.channel, keys=self.keys.list, clock=self.clock
        )
        self.retirements = Retirements(
            db=self._db, catalog=self.catalog, ledger=self.ledger, clock=self.clock,
            publish=self._publish, callers=self.callers.since,
        )  # fmt: skip
        self.standings = Standings(
            self.releases, self.deprecations, self.retirements, self.environments, self.demands
        )
        self.replays = Replays(
            traces=self.traces,
            releases=lambda: self.releases,
            keys=self.keys,
            gateway=self.gateway,
            ledger=self.ledger,
            clock=self.clock,
            address=settings.url,
        )
        self.playground = self._open_playground()
        self._evaluate(door)
        self.opener = Opener(
            models=self.models, prompts=self.prompts, flows=self.flows, releases=self.releases
        )
        self.importer = Importer(
            readers=READERS,
            providers=PROVIDERS,
            targets=self.targets,
            catalog=self.catalog,
            releases=self.releases,
            opener=self.opener,
            limits=self.limits,
            costs=self.costs,
        )
        self.experiments = Experiments(
            releases=self.releases,
            traces=self.traces,
            feedbacks=self.feedbacks,
            metrics=self.metrics,
            serving=self.publisher,
            clock=self.clock,
        )
        self._rehearsal = Rehearsal(
            engines_of=self.publisher.engines_of, replays=self.replays, traces=self.traces
        )
        self.reconciler = Reconciler(
            rehearse=self._rehearsal,
            alarms=Alarms(alerts=lambda: self.alerts.list(limit=1_000), budgets=self.costs.budgets),
            experiments=self.experiments,
            releases=self.releases,
            traces=self.traces,
            feedbacks=self.feedbacks,
            serving=self.publisher,
            clock=self.clock,
        )
        self.outlooks = Outlooks(self.reconciler)
        self.steering = Steering(self.releases, self.reconciler)
        self.deliveries = Deliveries(self.releases, self.clock)
        self.differences = Differences(
            catalog=self.catalog, releases=self.releases, datasets=self.datasets,
            evals=self.evals, price_of=self._rates_of,
        )  # fmt: skip
        self._check_releases()
        self._tell_lineage(settings)
        self._watch_over(settings)
        self._stopping = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="rollouts", daemon=True)

    def _check_releases(self) -> None:
        """Build what tells before a release moves whether it would break its callers."""
        rehearsals = Rehearsals(
            flow_of=self.publisher.flow, chat=self.examiner.chat,
            model_of=lambda release: self.flows.compile(self.releases.flow_of(release)).model,
        )  # fmt: skip
        self.release_checks = ReleaseChecks(
            runs=self.runs, catalog=self.catalog, releases=self.releases, flows=self.flows,
            evals=self.evals, datasets=self.datasets, traces=self.traces, demands=self.demands,
            clock=self.clock, open_=rehearsals.open, price_of=self._price_of_model,
            window_of=self._window_of, suite=self.suites.read,
        )  # fmt: skip

    def _open_playground(self) -> Playground:
        """Build what tries prompts: channels through the gateway's own port, models in engines of its own."""
        warm = Warm(self.examiner.chat)
        inside = Inside(
            "playground",
            keys=self.keys,
            clock=self.clock,
            address=self.settings.url,
            up=self.gateway.status,
        )
        asking = Asking(
            chat_in=inside.chat,
            chat_at=self.targets.chat,
            warm=warm,
            price_of=self._price_of,
            provider_of=lambda target: self.targets.get(target).provider,
            costs=self.costs,
            frames=self._spool,
            clock=self.clock,
        )
        players = Players(
            self.models,
            self.flows,
            lambda: [one.name for one in self.releases.channels()],
            self.targets.get,
            self._prompt_in,
        )
        return Playground(
            prompts=self.prompts,
            datasets=self.datasets,
            players=players,
            asking=asking,
            warm=warm,
            recorded=self.traces.by_ids,
        )

    def _prompt_in(self, channel: str) -> Prompt | None:
        """Return the prompt of what a channel serves to most; nothing where that is not readable."""
        release = self.catalog.get("release", self.releases.channel(channel).stable_ref)
        flows = [one.digest for one in release.manifest.parents if one.role == "flow"]
        return self.flows.compile(self.catalog.by_digest(flows[0])).prompt if flows else None

    def _attached(self) -> list[Attached]:
        """Return the targets that are engines of others, whose figures are known."""
        return [
            Attached(
                target.name, target.provider,
                PROVIDERS.get(target.provider).address(target.url, target.region),
                next((bearer(key.text) for key in self.targets.keys(target)), {}),
            )
            for target in self.targets.list()
            if target.enabled and target.provider in KINDS
        ]  # fmt: skip

    def _keep_data(self, settings: Settings) -> None:
        """Build what keeps data, and trades it."""

        def guard(name: str, rows: Any) -> Any:
            return self.contracts.guard(name, rows)

        self.datasets = Datasets(self.catalog, guard=guard, access=self.gate)
        self.versions = Versions(self.catalog, self.datasets, self.garbage)
        self.contracts = Contracts(self.catalog, self.datasets)
        self.filesets = Filesets(self.catalog, settings.path("cache"), self.clock, access=self.gate)
        self.cards = Cards(self.catalog, self.datasets, self.contracts)
        self.exchange = Exchange(self.catalog, self.datasets, self.filesets, self.cards)
        self.sources = Sources(
            Around(
                now_us=self.clock.now_us,
                versions=Kept(self.datasets),
                traces=self.traces,
                feedbacks=self.feedbacks,
            )
        )
        self.profiles = Profiles(self.datasets, settings.path("cache", "profiles"), script)
        self.recipes = Recipes(
            runs=self.runs,
            catalog=self.catalog,
            datasets=self.datasets,
            sources=self.sources,
            cache=settings.path("cache", "recipes"),
            kept=settings.path("answers"),
            file_of=self._model_file,
            executors={"ray": Elsewhere(RayExecutor, settings.ray_address)},
        )

    def _serving_from(self, digest: Digest) -> list[str]:
        return self.releases.in_use(digest)

    def _flow_behind(self, channel: str) -> Artifact:
        """Return the flow that a channel's stable release pins."""
        stable = self.releases.channel(channel).stable
        return self.releases.flow_of(self.catalog.by_digest(stable))

    def _price_of(self, target: str, model: str) -> Price | None:
        """Return what a model costs at a target now; an engine of ours has the provider `engine`."""
        book, now = self.costs.book(), self.clock.now_us()
        if not target:
            return book.find(model, at_us=now, provider="engine")
        found = self.targets.resolve(target, model)
        return book.find(model, at_us=now, target=target, provider=found.provider, url=found.url)

    def _rates_of(self, model: Artifact) -> Mapping[str, Any] | None:
        """Return what a model costs now, as plain values; None where nothing is known."""
        price = self._known_price(model)
        return None if price is None else msgspec.to_builtins(price)

    def _known_price(self, model: Artifact) -> Price | None:
        pool = pool_of(model)
        entry = pool.entries[0] if pool else None
        try:
            if entry and entry.target:
                return self._price_of(entry.target, entry.model)
            return self._price_of("", model.ref)
        except VolanoError:
            return None

    def _price_of_model(self, model: Artifact) -> Price | None:
        """Return a model's price; one of our own without a price costs nothing."""
        return self._known_price(model) or (None if is_far(model) else FREE)

    def _window_of(self, model: Artifact) -> int | None:
        """Return how many tokens a model can read and write at once, wherever it is asked.

        Of a pool it is the smallest; None where that of one place is not known.
        """
        pool = pool_of(model)
        if pool is None and is_far(model):
            return None
        if pool is None:
            return min(int(model.manifest.meta.get("context_length", 512)), MOST_CONTEXT)
        found = [self._window_at(entry) for entry in pool.entries]
        return None if None in found else min(one for one in found if one is not None)

    def _window_at(self, entry: Entry) -> int | None:
        if entry.target is None:
            return self._window_of(self.models.get(entry.model))
        try:
            price = self._price_of(entry.target, entry.model)
        except VolanoError:
            return None
        return price.context if price else None

    def _model_file(self, ref: str, name: str) -> Path:
        return self.models.file(ref, name)

    def _tell_lineage(self, settings: Settings) -> None:
        """Build what knows where things come from and what came of them, and tells it."""
        teller = Teller(
            self.ledger, self.runs, self.schedules, self.catalog,
            workspace=settings.home.name, version=__version__,
        )  # fmt: skip
        self.lineages = Lineage(
            catalog=self.catalog, datasets=self.datasets, gate=self.gate, runs=self.runs,
            releases=lambda: self.releases, teller=teller,
        )  # fmt: skip
        place = settings.openlineage_url
        send = Sender(place, settings.openlineage_headers_env, packed=False) if place else None
        state = settings.path("run", "openlineage.json")
        self.courier = Courier(teller, self.ledger, send, state, self.clock)

    def _evaluate(self, door: ModelDoor) -> None:
        """Build what judges samples of live answers."""
        book = EvaluatorBook(self._db, self.ledger, self.clock)
        around = AroundCalls(
            traces=self.traces, spans=self.spans, kept=self._kept_judge, open=door.open,
            price_of=partial(self._price_at, door), price_of_call=self._price_of_call,
            again=self._ask_again, detect=script,
        )  # fmt: skip
        voice = Voice(self.feedbacks, self.metrics, self.clock)
        self._evaluator_watch = EvaluatorWatch(book, around, voice, self.clock)
        self.evaluators = Evaluators(
            book, self.traces, self.judges, self.clock, self._evaluator_watch.trouble
        )
        whole = EvaluatorBook(self._db, self.ledger, self.clock, day=lambda _us: "whole")
        self._pair_judging = PairJudging(
            self.releases, whole, around, voice, self.judges, self.clock
        )
        self.pairings = Pairings(
            self.releases, self.traces, self.feedbacks, self._pair_judging.trouble
        )

    def _closed_channels(self) -> Mapping[str, str]:
        return self.retirements.followed()

    def _kept_judge(self, _kind: str, ref: str) -> tuple[str, bytes]:
        return self.judges.kept(ref)

    def _price_at(self, door: ModelDoor, name: str) -> Price | None:
        """Return the price of a judge's model; one of our own without a price costs nothing."""
        ref, digest = door.pin(name)
        if digest:
            return self._price_of("", ref) or FREE
        target, _, model = ref.partition(":")
        return self._price_of(target, model)

    def _price_of_call(self, call: Trace) -> Price | None:
        if not call.target:
            return self._price_of("", call.model) or FREE
        try:
            return self._price_of(call.target, call.model)
        except NotFoundError:  # the target is gone: so is its price
            return None

    def _ask_again(self, call: Trace) -> Again:
        """Ask a recorded request of the same release again, as a replay: no evidence of a rollout."""
        try:
            said = self.replays.replay(
                call.id, release=call.release, span=call.span_id, by=SYSTEM
            )["new"]  # fmt: skip
        except VolanoError as error:
            return Again(error=error.message)
        return Again(
            said["text"] or "", said["prompt_tokens"], said["completion_tokens"], said["error"]
        )

    def _watch_over(self, settings: Settings) -> None:
        """Build what sees how it goes, and tells."""
        book, workspace = AlertBook(self._db, self.ledger), settings.home.name
        self.series = Series(self.traces)
        self.scorecard = Scorecard(
            db=self._db, ledger=self.ledger, series=self.series, traces=self.traces,
            feedbacks=self.feedbacks, metrics=self.metrics, clock=self.clock, detect=script,
        )  # fmt: skip
        self.slos = SLOs(
            db=self._db, ledger=self.ledger, series=self.series, clock=self.clock,
            in_use=book.watching,
        )  # fmt: skip
        judge = Judge(self.series, self.slos.promised, partial(newest, self.drift))
        watch = Watch(book, judge, self.clock, settings.url)
        outbox = Outbox(book, receiver, self.clock, workspace=workspace, url=settings.url)
        self.alerts = Alerts(
            book=book, ledger=self.ledger, slos=self.slos, receivers=receiver, watch=watch,
            outbox=outbox, clock=self.clock, home=settings.home, workspace=workspace,
            url=settings.url,
        )  # fmt: skip
        self._host = Host(self.clock)
        self.diagnoses = Diagnoses(
            self.series, self.clock, self._host.between, slots=settings.engine_slots
        )
        self.periods = Periods(
            scorecard=self.scorecard, ledger=self.ledger, clock=self.clock,
            alerts=lambda: self.alerts.list(all=True, limit=1_000), slos=self.slos.list,
        )  # fmt: skip
        self._alarm = Alarm(watch, outbox, every_s=settings.alerts_every_s)

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

    def create_key(self, name: str, **given: Any) -> dict[str, Any]:
        """Make a gateway key; its text is in the result, and nowhere else ever again."""
        key, text = self.keys.create(name, **given)
        return {"id": key.id, "name": key.name, "scopes": list(key.scopes), "text": text}

    def add_model(self, name: str, **given: Any) -> Noted:
        """Point at a provider's model; say so when its key is not there.

        Raises:
            BadPointerError: the address, the model's name or the variable's name is no good.
        """
        model = self.models.add_pointer(name, **given)
        return Noted(model, self._notes_on(model.ref))

    def open_channel(self, name: str, **given: Any) -> Noted:
        """Put a channel in front of a model (`Opener.open`); say so when its key is not there."""
        opened = self.opener.open(name, **given)
        return Noted(opened, self._notes_on(opened["model"]))

    def _notes_on(self, model: str) -> tuple[str, ...]:
        lacking = [row["key_env"] for row in self._missing_keys() if row["model"] == model]
        return tuple(
            f"The variable `{variable}` is not set where volano runs: until it is, and `volano up` "
            f"was started again, calls to {model} fail."
            for variable in lacking
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
        """Return the newest trace with the feedback on it.

        Raises:
            NoTraceError: nothing was asked yet.
        """
        found = self.traces.last()
        if found is None:
            raise NoTraceError
        return self.trace(found.id)

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

    def work_off(self, result: Any) -> Any:
        """After a command without control that started a Run: do the Run, here and now.

        Raises:
            RunFailedError: it failed, so that the command does too.
        """
        if isinstance(result, dict) and result.get("state") == "queued":
            self.runs.launch()
            return good(self.runs.wait(result["id"]))
        return result

    def close(self) -> None:
        """Stop working and let everything go."""
        self._stopping.set()
        if self._ticker.is_alive():
            self._ticker.join(5)
        self._alarm.close()
        self._drift_watch.close()
        self._evaluator_watch.close()
        self._pair_judging.close()
        self._schedule_ticker.close()
        self.courier.close()
        self._host.close()
        self._rehearsal.close()
        self.playground.close()
        self.costs.close()
        self.runs.close()
        self._spool.close()
        self.traces.close()
        self.publisher.close()
        self.gateway.close()
        self._db.close()

    def __enter__(self) -> "App":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _publish(self) -> int:
        """The port that keys and releases are given, before the publisher exists."""
        return self.publisher.publish()

    def _tick(self) -> None:
        tidied = time.monotonic()
        pause_s = TICK_S
        while not self._stopping.wait(pause_s):
            try:
                pause_s = TICK_S if self.reconciler.tick() else IDLE_TICK_S
                if time.monotonic() - tidied > TIDY_EVERY_S:
                    tidied = time.monotonic()
                    self.publisher.tidy()
            except Exception:
                log.exception("the rollouts' tick failed; it is tried again")

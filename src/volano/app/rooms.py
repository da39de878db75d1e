"""A workspace's rooms: each keeper is built here, once, from the lowest floor upwards.

A method for a room. What a lower room asks of a higher one, which does not exist yet
when it is built, it is given as a call.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

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
from volano.ci import Checks, Parties, TrainingRecipes
from volano.core.clock import Clock, SystemClock
from volano.core.digest import Digest
from volano.core.errors import VolanoError
from volano.core.plugins import load_plugins
from volano.core.principal import SYSTEM
from volano.costs.energy import Meter
from volano.costs.keeper import Costs
from volano.costs.price import Price
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
from volano.feedback.reviews import Reviews
from volano.feedback.sense import SenseFeedback
from volano.flows.declared import DeclaredFlows
from volano.flows.keeper import Flows
from volano.flows.written import KIND as FLOW
from volano.gateway.door import DOORS
from volano.gateway.engines import Sizes
from volano.gateway.importer import Importer
from volano.gateway.inside import Inside
from volano.gateway.keeper import Gateway
from volano.gateway.provider import bearer
from volano.gateway.publish import Publisher
from volano.gateway.quotes import Quotes
from volano.gateway.rehearsal import Rehearsal
from volano.gateway.rehearsals import Rehearsals
from volano.gateway.replays import Replays
from volano.gateway.targets import Targets
from volano.governance.courier import Courier
from volano.governance.lineage import Lineage
from volano.governance.openlineage import Teller
from volano.jobs.keeper import Runs
from volano.jobs.schedules import Schedules
from volano.jobs.ticker import Ticker
from volano.models.cards import ModelCards
from volano.models.compressor import Compressor
from volano.models.exchange.keeper import ModelExchange
from volano.models.keeper import Models
from volano.models.lives import Lives
from volano.models.pointer import pointer_of
from volano.models.trainer import Trainer
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
from volano.monitor.language import Languages
from volano.monitor.machine import Machine
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
from volano.serving.hosting import pids_of
from volano.serving.keeper import Attached, Engines
from volano.settings import Settings
from volano.store.artifact import Artifact
from volano.store.blobs import Blobs
from volano.store.catalog import Catalog
from volano.store.db import Database
from volano.store.garbage import Garbage
from volano.store.ledger import Ledger
from volano.traces.export import Exports
from volano.traces.keeper import Traces
from volano.traces.masks import Masks
from volano.traces.retentions import Holds, Policies, Retentions
from volano.traces.sessions import Sessions
from volano.traces.spans import Spans
from volano.traces.spool import Spool
from volano.traces.steps import Steps
from volano.traces.trace import Trace
from volano.traces.views import Views

JOBS_POLL_S = 0.1


class Rooms:
    """All keepers of one open workspace."""

    def __init__(self, settings: Settings, clock: Clock | None = None):
        self.settings = settings
        self.clock = clock or SystemClock()
        self._path = settings.path
        self._languages = Languages()
        load_plugins()
        self._open_store()
        self._let_in()
        self._open_jobs()
        self._keep_traces()
        self._count_costs()
        self._hear_feedback()
        self._keep_data()
        self._look_for_drift()
        self._keep_time()
        self._keep_models()
        self._examine()
        self._open_gateway()
        self._keep_releases()
        self._replay()
        self.playground = self._open_playground()
        self._judge_answers()
        self._open_channels()
        self._move_releases()
        self._check_releases()
        self._tell_lineage()
        self._watch_over()

    def _open_store(self) -> None:
        self._db = Database(self.settings.catalog_url)
        self._db.migrate()
        self.ledger = Ledger(self._db, self.clock)
        self.blobs = Blobs(self._path("blobs"), self._db, self.clock)
        self.catalog = Catalog(self._db, self.blobs, self.ledger, self.clock, {ROWS: named})
        self.garbage = Garbage(
            db=self._db,
            catalog=self.catalog,
            blobs=self.blobs,
            ledger=self.ledger,
            clock=self.clock,
        )

    def _let_in(self) -> None:
        """Build who may do what, and how much of it."""
        self._secret = hmac_secret(self._path("keys", "hmac.key"))
        self.session_token = session_token(self._path("keys", "session.token"))
        self.keys = Keys(
            self._db, self.ledger, self._secret, self.clock, self._publish,
            doors=[door.name for door in DOORS],
        )  # fmt: skip
        self.limits = Limits(self._db, self.ledger, self.clock, self._publish)

    def _open_jobs(self) -> None:
        self.runs = Runs(
            self._db,
            self.ledger,
            self._path("jobs"),
            self.clock,
            jobs_url=f"sqlite:///{self._path('jobs.db')}",
            concurrency=self.settings.jobs_at_once,
            poll_s=JOBS_POLL_S,
        )

    def _keep_traces(self) -> None:
        self._spool = Spool(
            self._path("spool"), "control", max_total_bytes=self.settings.spool_max_bytes
        )
        self._hot = self._path("records", "hot.db")
        self._words = self._path("records", "search.db")
        self.traces = Traces(self._hot, self._words, self.clock)
        self.views = Views(self._db, self.ledger, self.clock)
        self.spans = Spans(self._hot, self.traces.records)
        self.steps = Steps(self._hot, self.traces.records)
        self.sessions = Sessions(self._hot, self.traces.records)
        self.exports = Exports(self.traces, self.ledger, self.clock)
        self._policies = Policies(self._db, self._path("run", "retention.json"))
        self.retentions = Retentions(self._db, self.ledger, self.clock, self._policies)
        self.holds = Holds(self._db, self.ledger, self.clock, self._policies)
        self._rules = self._path("run", "mask.json")
        self.masks = Masks(self._db, self.ledger, self.clock, self._rules)

    def _count_costs(self) -> None:
        self.costs = Costs(
            db=self._db,
            ledger=self.ledger,
            traces=self.traces,
            spool=self._path("spool"),
            run=self._path("run"),
            clock=self.clock,
            publish=self._publish,
            frames=self._spool,
        )
        self.spending = Spending(
            traces=self.traces,
            book=self.costs.book,
            clock=self.clock,
            meter=Meter(
                grid=self.settings.grid,
                provider_grid=self.settings.provider_grid,
                core_watts=self.settings.core_watts,
                pue=self.settings.pue_percent / 100,
                threads=self.settings.engine_threads,
                slots=self.settings.engine_slots,
            ),
        )

    def _hear_feedback(self) -> None:
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

    def _keep_data(self) -> None:
        """Build what keeps data, and trades it."""

        def guard(name: str, rows: Any) -> Any:
            return self.contracts.guard(name, rows)

        self.permissions = Permissions(self._db, self.ledger, self.clock)
        self.gate = Gate(self._db, self.permissions, self.clock)
        self.datasets = Datasets(self.catalog, guard=guard, access=self.gate)
        self.versions = Versions(self.catalog, self.datasets, self.garbage)
        self.contracts = Contracts(self.catalog, self.datasets)
        self.filesets = Filesets(self.catalog, self._path("cache"), self.clock, access=self.gate)
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
        self.profiles = Profiles(self.datasets, self._path("cache", "profiles"), script)
        self.recipes = Recipes(
            runs=self.runs,
            catalog=self.catalog,
            datasets=self.datasets,
            sources=self.sources,
            cache=self._path("cache", "recipes"),
            kept=self._path("answers"),
            file_of=self._model_file,
            executors=self._executors(),
        )
        self.curator = Curator(self.datasets, self.feedbacks, self.traces, self.spans)

    def _executors(self) -> dict[str, Elsewhere]:
        """Return where else work can be done, by the word that a recipe says."""
        return {"ray": Elsewhere(RayExecutor, self.settings.ray_address)}

    def _look_for_drift(self) -> None:
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

    def _keep_time(self) -> None:
        """Build what starts Runs by the clock, or by what it senses."""
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

    def _keep_models(self) -> None:
        """Build what a call is made of: prompts, targets, models, flows."""
        self.prompts = Prompts(self.catalog, self.datasets)
        self.targets = Targets(
            db=self._db,
            ledger=self.ledger,
            catalog=self.catalog,
            releases=lambda: self.releases,
            providers=PROVIDERS,
            vault=Vault(self._path("keys", "vault.json")),
            publish=self._publish,
            clock=self.clock,
        )
        self.lives = Lives(
            db=self._db, catalog=self.catalog, ledger=self.ledger, clock=self.clock,
            in_use=self._serving_from,
        )  # fmt: skip
        self.models = Models(
            self.catalog, self._path("cache"), self.targets.get, alive=self.lives.check
        )
        self.model_cards = ModelCards(self.catalog, self.lives)
        self.model_exchange = ModelExchange(
            self.catalog, self.models, self._path("cache"),
            card=self.model_cards.text, revoked=self.lives.revoked,
        )  # fmt: skip
        self.trainer = Trainer(
            self.runs, self.models, self.datasets, self._path("tools"), executors=self._executors()
        )
        self.compressor = Compressor(
            self.runs, self.models, self.datasets, self.catalog, self._path("tools")
        )
        self.flows = Flows(self.catalog, self.prompts, self.models)
        self.quotes = Quotes(self.costs, self.targets, self.models.get, self.clock)

    def _examine(self) -> None:
        """Build what says how good something is, and what makes it better."""
        self.evals = Evals(
            self.catalog, self.datasets, console=self.settings.outside, held=self._keys_held
        )
        self.examiner = Examiner(
            self.runs, self.evals, self.datasets, self.flows, self.models, self.targets.chat
        )
        self.searcher = Searcher(
            self.runs, self.models, self.datasets, self.catalog, self._path("tools")
        )
        candidates = Candidates(self.models, self.flows, self.prompts, self.targets.get)
        respondents = Respondents(candidates, self.models, self.prompts, self._flow_behind)
        remembered = Remembered(self._path("cache", "answers.db"))
        self.suites = Suites(
            self.runs, self.catalog, self.datasets, self.evals, self.examiner, respondents,
            remembered=remembered, price_of=self.quotes.at, held=self._keys_held,
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
                is_target=lambda name: candidates.far(f"{name}:"), at_target=self.targets.chat, price_of=self.quotes.at,
            ),
            TrainingRecipes(self.models, self.datasets, self.runs),
            open_repository=GitRepository, remembered=remembered, held=self._keys_held,
        )  # fmt: skip
        self.adviser = Adviser(
            self.runs,
            self.catalog,
            self.evals,
            self.datasets,
            candidates,
            self.examiner,
            self.quotes.at,
            self.compressor.made_within,
        )
        self.improver = Improver(
            self.runs, self.catalog, self.prompts, self.datasets,
            candidates, self.examiner, self.quotes.at, praise(self.feedbacks, self.traces),
            held=self._keys_held,
        )  # fmt: skip
        self._door = door = ModelDoor(
            candidates, self.models, self.examiner.chat, self.targets.chat
        )
        self.judges = Judges(self.catalog, self.evals, door)
        self.checker = Checker(
            self.runs, self.catalog, self.judges, self.datasets,
            (self.feedbacks, self.traces), door.open, held=self._keys_held,
        )  # fmt: skip
        self.contests = Contests(
            self.runs, self.catalog, self.judges, self.datasets, self.evals, door.open,
            held=self._keys_held,
        )  # fmt: skip

    def _open_gateway(self) -> None:
        self.deprecations = Deprecations(
            db=self._db, catalog=self.catalog, ledger=self.ledger, clock=self.clock,
            publish=self._publish,
        )  # fmt: skip
        self.publisher = Publisher(
            run=self._path("run"),
            catalog=self.catalog,
            keys=self.keys,
            limits=self.limits,
            costs=self.costs,
            flows=self.flows,
            models=self.models,
            releases=lambda: self.releases,
            targets=self.targets,
            hmac_secret=self._secret,
            max_body_bytes=self.settings.max_body_bytes,
            spool_full=self.settings.spool_full,
            engines=Sizes(
                slots=self.settings.engine_slots,
                threads=self.settings.engine_threads,
                replicas=self.settings.engine_replicas,
                most_replicas=self.settings.engine_replicas_max,
                scale_queue=self.settings.engine_scale_queue,
                scale_first_s=self.settings.engine_scale_first_token_ms / 1000,
                scale_calm_s=self.settings.engine_scale_calm_s,
                queue=self.settings.engine_queue,
                workers=self.settings.workers,
                embeddings=self.settings.engine_embeddings == "on",
                max_bytes=self.settings.engines_max_mib << 20,
            ),
            clock=self.clock,
            region=self.settings.region,
            deprecations=self.deprecations.by_subject,
            closed=self._closed_channels,
        )
        self.engines = Engines(self._path("run"), self._attached, aside=self.publisher.aside)
        self.gateway = Gateway(run=self._path("run"), ledger=self.ledger, clock=self.clock)

    def _keep_releases(self) -> None:
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
            signer=Signer(SigningKey.load_or_create(self._path("keys", "signing.key"))),
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

    def _replay(self) -> None:
        """Build what asks recorded requests again."""
        self.replays = Replays(
            traces=self.traces,
            releases=lambda: self.releases,
            keys=self.keys,
            gateway=self.gateway,
            ledger=self.ledger,
            clock=self.clock,
            address=self.settings.url,
        )

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
            price_of=self.quotes.at,
            provider_of=lambda target: self.targets.get(target).provider,
            costs=self.costs,
            frames=self._spool,
            clock=self.clock,
            held=self._keys_held,
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

    def _open_channels(self) -> None:
        """Build what puts a channel in front of a model, ours or one that another gateway had."""
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

    def _move_releases(self) -> None:
        """Build what moves traffic from one release to another, and decides about it."""
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
            evals=self.evals, price_of=self.quotes.rates,
        )  # fmt: skip

    def _check_releases(self) -> None:
        """Build what tells before a release moves whether it would break its callers."""
        rehearsals = Rehearsals(
            flow_of=self.publisher.flow, chat=self.examiner.chat,
            model_of=lambda release: self.flows.compile(self.releases.flow_of(release)).model,
        )  # fmt: skip
        self.release_checks = ReleaseChecks(
            runs=self.runs, catalog=self.catalog, releases=self.releases, flows=self.flows,
            evals=self.evals, datasets=self.datasets, traces=self.traces, demands=self.demands,
            clock=self.clock, open_=rehearsals.open, price_of=self.quotes.of,
            window_of=self.quotes.window, suite=self.suites.read,
        )  # fmt: skip

    def _tell_lineage(self) -> None:
        """Build what knows where things come from and what came of them, and tells it."""
        teller = Teller(
            self.ledger, self.runs, self.schedules, self.catalog,
            workspace=self.settings.home.name, version=__version__,
        )  # fmt: skip
        self.lineages = Lineage(
            catalog=self.catalog, datasets=self.datasets, gate=self.gate, runs=self.runs,
            releases=lambda: self.releases, teller=teller,
        )  # fmt: skip
        place = self.settings.openlineage_url
        send = Sender(place, self.settings.openlineage_headers_env, packed=False) if place else None
        state = self._path("run", "openlineage.json")
        self.courier = Courier(teller, self.ledger, send, state, self.clock)

    def _judge_answers(self) -> None:
        """Build what judges samples of live answers."""
        book = EvaluatorBook(self._db, self.ledger, self.clock)
        around = AroundCalls(
            traces=self.traces, spans=self.spans, kept=self._kept_judge, open=self._door.open,
            price_of=self._price_of_judge, price_of_call=self.quotes.of_call,
            again=self._ask_again, detect=self._languages, held=self._keys_held,
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

    def _watch_over(self) -> None:
        """Build what sees how it goes, and tells."""
        book, workspace = AlertBook(self._db, self.ledger), self.settings.home.name
        self.series = Series(self.traces)
        self._host = Host(
            self.clock, folder=self.settings.path(), engines=partial(pids_of, self._path("run"))
        )
        self.machine = Machine(self._host.between)
        self.scorecard = Scorecard(
            db=self._db, ledger=self.ledger, series=self.series, traces=self.traces,
            feedbacks=self.feedbacks, metrics=self.metrics, clock=self.clock, detect=self._languages,
            machine=self.machine,
        )  # fmt: skip
        self.slos = SLOs(
            db=self._db, ledger=self.ledger, series=self.series, clock=self.clock,
            in_use=book.watching,
        )  # fmt: skip
        judge = Judge(self.series, self.slos.promised, partial(newest, self.drift), self.machine)
        watch = Watch(book, judge, self.clock, self.settings.url)
        outbox = Outbox(book, receiver, self.clock, workspace=workspace, url=self.settings.url)
        self.alerts = Alerts(
            book=book, ledger=self.ledger, slos=self.slos, receivers=receiver, watch=watch,
            outbox=outbox, clock=self.clock, home=self.settings.home, workspace=workspace,
            url=self.settings.url,
        )  # fmt: skip
        self.diagnoses = Diagnoses(
            self.series, self.clock, self._host.between, slots=self.settings.engine_slots
        )
        self.periods = Periods(
            scorecard=self.scorecard, ledger=self.ledger, clock=self.clock,
            alerts=lambda: self.alerts.list(all=True, limit=1_000), slos=self.slos.list,
        )  # fmt: skip
        self._alarm = Alarm(watch, outbox, every_s=self.settings.alerts_every_s)

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

    def _keys_held(self) -> list[str]:
        """Return all keys of targets and pointers, and the parts of those that are several values."""
        found = [
            key.text for target in self.targets.list() if target.provider in PROVIDERS
            for key in self.targets.keys(target)
        ]  # fmt: skip
        pointers = (pointer_of(model) for model in self.models.newest())
        found += [one.key() or "" for one in pointers if one is not None]
        return [*found, *(part for key in found if ":" in key for part in key.split(":"))]

    def _serving_from(self, digest: Digest) -> list[str]:
        return self.releases.in_use(digest)

    def _flow_behind(self, channel: str) -> Artifact:
        """Return the flow that a channel's stable release pins."""
        stable = self.releases.channel(channel).stable
        return self.releases.flow_of(self.catalog.by_digest(stable))

    def _model_file(self, ref: str, name: str) -> Path:
        return self.models.file(ref, name)

    def _closed_channels(self) -> Mapping[str, str]:
        return self.retirements.followed()

    def _kept_judge(self, _kind: str, ref: str) -> tuple[str, bytes]:
        return self.judges.kept(ref)

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

    def _publish(self) -> int:
        """The port that keys and releases are given, before the publisher exists."""
        return self.publisher.publish()

    def _price_of_judge(self, name: str) -> Price | None:
        return self.quotes.of_pin(*self._door.pin(name))

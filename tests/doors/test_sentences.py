"""One sentence, three spellings: every verb of a keeper has a door, and every door a keeper."""

import inspect

import pytest

from volano.access.keeper import Keys
from volano.access.limits import Limits
from volano.access.permissions import Permissions
from volano.app import App
from volano.ci import Checks
from volano.cli.root import NOUNS
from volano.costs.keeper import Costs
from volano.costs.spending import Spending
from volano.data.contracts import Contracts
from volano.data.curator import Curator
from volano.data.exchange import Cards, Exchange
from volano.data.filesets import Filesets
from volano.data.gate import Gate
from volano.data.keeper import Datasets
from volano.data.profile import Profiles
from volano.data.recipe.keeper import Recipes
from volano.data.sources.keeper import Sources
from volano.data.versions import Versions
from volano.declared import Declarations
from volano.evals.advise import Adviser
from volano.evals.examine import Examiner
from volano.evals.judges.checking import Checker
from volano.evals.judges.contest import Contests
from volano.evals.judges.keeper import Judges
from volano.evals.keeper import Evals
from volano.evals.playground import Playground
from volano.evals.searcher import Searcher
from volano.evals.suites import Suites
from volano.evals.wording import Improver
from volano.feedback.keeper import Feedbacks
from volano.feedback.metrics import Metrics
from volano.feedback.reviews import Reviews
from volano.flows.keeper import Flows
from volano.gateway.importer import Importer
from volano.gateway.keeper import Gateway
from volano.gateway.replays import Replays
from volano.gateway.targets import Targets
from volano.governance.courier import Courier
from volano.governance.lineage import Lineage
from volano.jobs.keeper import Runs
from volano.jobs.schedules import Schedules
from volano.models.cards import ModelCards
from volano.models.compressor import Compressor
from volano.models.exchange.keeper import ModelExchange
from volano.models.keeper import Models
from volano.models.lives import Lives
from volano.models.trainer import Trainer
from volano.monitor.alerts import Alerts
from volano.monitor.diagnosis import Diagnoses
from volano.monitor.drift import Drift
from volano.monitor.evaluators import Evaluators
from volano.monitor.period import Periods
from volano.monitor.scorecard import Scorecard
from volano.monitor.slos import SLOs
from volano.prompts.keeper import Prompts
from volano.releases.approval import Approvals
from volano.releases.callers import Callers
from volano.releases.check import ReleaseChecks
from volano.releases.delivery import Deliveries
from volano.releases.demands import Demands
from volano.releases.deprecation import Deprecations
from volano.releases.difference import Differences
from volano.releases.environments import Environments
from volano.releases.experiments import Experiments
from volano.releases.freeze import Freezes
from volano.releases.keeper import Releases
from volano.releases.outlook import Outlooks
from volano.releases.pairs.listing import Pairings
from volano.releases.reconciler import Reconciler
from volano.releases.retirement import Retirements
from volano.releases.standing import Standings
from volano.releases.steering import Steering
from volano.serving.keeper import Engines
from volano.store.catalog import Catalog
from volano.store.garbage import Garbage
from volano.store.ledger import Ledger
from volano.traces.export import Exports
from volano.traces.keeper import Traces
from volano.traces.masks import Masks
from volano.traces.retentions import Holds, Retentions
from volano.traces.sessions import Sessions
from volano.traces.spans import Spans
from volano.traces.steps import Steps
from volano.traces.views import Views
from volano.web.api import VERBS

KEEPERS = {
    "adviser": Adviser,
    "alerts": Alerts,
    "approvals": Approvals,
    "callers": Callers,
    "cards": Cards,
    "catalog": Catalog,
    "compressor": Compressor,
    "checks": Checks,
    "contracts": Contracts,
    "costs": Costs,
    "courier": Courier,
    "curator": Curator,
    "datasets": Datasets,
    "declarations": Declarations,
    "diagnoses": Diagnoses,
    "deliveries": Deliveries,
    "demands": Demands,
    "deprecations": Deprecations,
    "differences": Differences,
    "drift": Drift,
    "evaluators": Evaluators,
    "engines": Engines,
    "environments": Environments,
    "evals": Evals,
    "exchange": Exchange,
    "experiments": Experiments,
    "exports": Exports,
    "examiner": Examiner,
    "feedbacks": Feedbacks,
    "filesets": Filesets,
    "importer": Importer,
    "flows": Flows,
    "freezes": Freezes,
    "gate": Gate,
    "gateway": Gateway,
    "holds": Holds,
    "checker": Checker,
    "contests": Contests,
    "judges": Judges,
    "keys": Keys,
    "ledger": Ledger,
    "lineages": Lineage,
    "limits": Limits,
    "metrics": Metrics,
    "lives": Lives,
    "model_cards": ModelCards,
    "model_exchange": ModelExchange,
    "models": Models,
    "outlooks": Outlooks,
    "pairings": Pairings,
    "periods": Periods,
    "permissions": Permissions,
    "playground": Playground,
    "profiles": Profiles,
    "prompts": Prompts,
    "recipes": Recipes,
    "reconciler": Reconciler,
    "release_checks": ReleaseChecks,
    "releases": Releases,
    "masks": Masks,
    "replays": Replays,
    "retentions": Retentions,
    "retirements": Retirements,
    "reviews": Reviews,
    "runs": Runs,
    "sessions": Sessions,
    "sources": Sources,
    "spans": Spans,
    "schedules": Schedules,
    "searcher": Searcher,
    "improver": Improver,
    "scorecard": Scorecard,
    "slos": SLOs,
    "standings": Standings,
    "steering": Steering,
    "steps": Steps,
    "suites": Suites,
    "spending": Spending,
    "targets": Targets,
    "traces": Traces,
    "trainer": Trainer,
    "views": Views,
    "garbage": Garbage,
    "versions": Versions,
}

INNER = {
    "freezes": {"check"},
    "approvals": {"check", "owe"},
    "demands": {"check", "keep", "of", "standing"},
    "callers": {"since"},
    "deprecations": {"by_subject"},
    "environments": {"check", "arrived"},
    "retirements": {"followed", "of"},
    "standings": {"facts"},
    "scorecard": {"ask", "board", "slices", "values"},
    "slos": {"promised", "standing"},
    # Between rooms; people say another sentence for it.
    "compressor": {"made_within"},
    "catalog": {
        "moved",
        "record",
        "labelled",
        "stored",
        "get",
        "by_digest",
        "find",
        "list",
        "names",
        "read",
        "checkout",
        "label",
        "unlabel",
        "lineage",
        "children",
        "made_of",
        "made_by",
        "by_digests",
        "counts",
        "verify",
        "named",
        "rows",
    },
    "cards": {"text"},
    "contracts": {"put", "of", "guard"},
    "filesets": {"keep", "get", "tree", "opened", "reader"},
    "costs": {"book", "allotments", "set_price", "start", "close"},
    "courier": {"start", "close", "deliver"},
    "datasets": {
        "begin", "curate", "find", "rows", "write", "stream", "version", "hidden", "hold", "picked", "let_branch",
    },
    "garbage": {"drop"},
    "drift": {"references", "reference", "looks", "due"},
    "evals": {"evaluate", "report", "answers", "choice"},
    "examiner": {"chat", "run"},
    "experiments": {"tick", "forget", "standing"},
    "feedbacks": {"on", "since", "corrections", "joined", "review", "withdraw", "get", "about", "newest"},
    "flows": {"compile", "keep", "pins", "usable"},
    "gate": {"read", "write", "end", "inherit", "see", "seen"},
    "gateway": {"tell", "close"},
    "judges": {"get", "read", "kept", "checks", "labelled", "newest", "of_report"},
    "keys": {"create", "rotate", "update", "fingerprints", "verify"},
    "ledger": {"append", "root", "prove"},
    "lives": {"state_of", "check", "revoked", "users"},
    "model_cards": {"text"},
    "models": {
        "get",
        "list",
        "add_pointer",
        "data_of",
        "newest",
        "import_trained",
        "builtin",
        "usable",
        "tunable",
        "servable",
        "weights",
        "served",
        "based",
        "folder",
        "file",
    },
    "limits": {"list", "set"},
    "metrics": {"current"},
    "playground": {"choices", "close", "find", "grid", "names", "save", "sketch", "stream"},
    "prompts": {"save", "moved", "read", "keep", "drawn", "newest", "same", "marked", "versions"},
    "reconciler": {"tick", "step_over", "curves"},
    "recipes": {"plan", "read"},
    "releases": {
        "check_plan",
        "meanings",
        "schema_of",
        "get",
        "channel",
        "brought",
        "flow_of",
        "let_move",
        "move",
        "steer",
        "paused",
        "origin",
        "trusted",
        "signature",
        "servable",
        "begin",
        "take_out",
        "hand_over",
        "advance",
        "stop_copies",
        "end",
        "keep",
        "keeping",
        "note",
        "arms",
        "active",
        "in_use",
    },
    "reviews": {"metric"},
    "masks": {"publish"},
    "permissions": {"classify", "rights", "check", "check_made_of", "readable", "inherit"},
    "profiles": {"kept", "pick"},
    "runs": {"register", "launch", "close", "start", "counts", "put", "hand_over", "check_kind", "lacking"},
    "schedules": {"cause_of", "tick"},
    "replays": {"choices", "verify"},
    "sessions": {"get"},
    "suites": {"get", "keep", "check_asked"},
    "sources": {"open"},
    "steps": {"outline", "roots", "below", "get", "above", "failed", "all"},
    "spans": {"get", "said", "of_trace", "children", "count"},
    "targets": {"get", "used_by", "variables", "keys", "resolve", "chat"},
    "spending": {"sums", "watch", "footprint"},
    "traces": {
        "get", "last", "calls", "bodies", "since", "by_ids", "counts", "stats", "spend", "losses",
        "traffic", "callers", "answers", "stretches", "close", "sums", "list", "page", "histogram", "steps",
        "places", "places_of_sessions", "places_of_tags", "shadows", "copied",
        "used", "reported",
    },
}  # fmt: skip


def public(keeper: type) -> set[str]:
    found = inspect.getmembers(keeper, inspect.isfunction)
    return {name for name, _ in found if not name.startswith("_")}


@pytest.mark.parametrize("room", KEEPERS)
def test_every_verb_of_a_keeper_has_a_sentence(room):
    said = {verb.call.partition(".")[2] for verb in VERBS if verb.call.startswith(f"{room}.")}
    assert public(KEEPERS[room]) == said | INNER.get(room, set())


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: f"{verb.noun} {verb.name}")
def test_every_sentence_fits_its_keeper(verb):
    room, _, name = verb.call.rpartition(".")
    method = getattr(KEEPERS[room] if room else App, name)
    given = [p for p in inspect.signature(method).parameters.values() if p.name != "self"]
    named = {p.name for p in given if p.kind is not p.VAR_KEYWORD}
    open_ended = any(p.kind is p.VAR_KEYWORD for p in given)
    told = {p.name for p in verb.params if not p.first}
    assert open_ended or told <= named
    assert open_ended or ("by" in named) == (verb.changes or verb.reads)


def test_sentences_are_said_once():
    spoken = [(verb.noun, verb.name) for verb in VERBS]
    paths = [(verb.method, verb.path) for verb in VERBS]
    assert len(set(spoken)) == len(spoken)
    assert len(set(paths)) == len(paths)
    assert {noun for noun, _ in spoken} == set(NOUNS)

"""A small workspace of real keepers: no training, no processes, a clock that moves when told.

Its model is a pointer, so that releases can be cut and served without weights.
Calls and feedback enter as in life: through the spool, moved by the recorder.
"""

import json
from pathlib import Path
from typing import Any

from volano.access.keeper import Keys
from volano.access.signing import SigningKey
from volano.access.vault import Vault
from volano.adapters.providers import PROVIDERS
from volano.core.clock import ManualClock
from volano.core.principal import Principal
from volano.data.keeper import Datasets
from volano.feedback import Feedbacks, sink
from volano.feedback.metrics import Metrics
from volano.flows import Flows
from volano.gateway.targets import Targets
from volano.models import Models
from volano.models.lives import Lives
from volano.prompts import Prompts
from volano.releases.approval import Approvals
from volano.releases.arrival import Arrivals
from volano.releases.callers import Callers
from volano.releases.channel import Channel
from volano.releases.demands import Demands
from volano.releases.deprecation import Deprecations
from volano.releases.environments import Environments
from volano.releases.experiments import Experiments
from volano.releases.freeze import Freezes
from volano.releases.keeper import Releases
from volano.releases.reconciler import Reconciler
from volano.releases.retirement import Retirements
from volano.releases.rolling import Replicas
from volano.releases.signing import Signer
from volano.store import Artifact, Blobs, Catalog, Database, Ledger
from volano.traces import Call, HotStore, Kind, Recorder, Spool, Traces, encode

ANNA = Principal("person", "anna", group="shop/support")
MILLION = 1_000_000


class Workspace:
    """The keepers of one folder. `published` has an entry for each asked-for snapshot."""

    def __init__(self, folder: Path, db: Database):
        self.folder, self.db = folder, db
        self.clock = ManualClock()
        self.published: list[int] = []
        self.ledger = Ledger(db, self.clock)
        self.blobs = Blobs(folder / "blobs", db)
        self.catalog = Catalog(db, self.blobs, self.ledger, self.clock)
        self.keys = Keys(db, self.ledger, b"s" * 32, self.clock)
        self.environment: dict[str, str] = {}
        self.targets = Targets(
            db=db, ledger=self.ledger, catalog=self.catalog, releases=lambda: self.releases,
            providers=PROVIDERS, vault=Vault(folder / "keys" / "vault.json"),
            publish=self._publish, clock=self.clock, environment=self.environment,
        )  # fmt: skip
        self.lives = Lives(
            db=db, catalog=self.catalog, ledger=self.ledger, clock=self.clock,
            in_use=lambda digest: self.releases.in_use(digest),
        )  # fmt: skip
        self.models = Models(
            self.catalog, folder / "cache", self.targets.get, alive=self.lives.check
        )
        self.datasets = Datasets(self.catalog)
        self.prompts = Prompts(self.catalog, self.datasets)
        self.flows = Flows(self.catalog, self.prompts, self.models)
        self.freezes = Freezes(db, self.ledger, self.clock)
        self.approvals = Approvals(
            db=db, catalog=self.catalog, ledger=self.ledger, clock=self.clock
        )
        self.demands = Demands(db=db, ledger=self.ledger, clock=self.clock)
        self.traces = Traces(folder / "records" / "hot.db")
        arrivals = Arrivals(
            db=db, catalog=self.catalog, clock=self.clock, answers=self.traces.answers
        )
        self.environments = Environments(
            db=db, ledger=self.ledger, clock=self.clock, arrivals=arrivals
        )
        self.deprecations = Deprecations(
            db=db, catalog=self.catalog, ledger=self.ledger, clock=self.clock,
            publish=self._publish,
        )  # fmt: skip
        self.signing = SigningKey.load_or_create(folder / "keys" / "signing.key")
        self.releases = self.releases_signed_by(self.signing)
        self.callers = Callers(
            traces=self.traces, channel=self.releases.channel, keys=self.keys.list,
            clock=self.clock,
        )  # fmt: skip
        self.retirements = Retirements(
            db=db, catalog=self.catalog, ledger=self.ledger, clock=self.clock,
            publish=self._publish, callers=self.callers.since,
        )  # fmt: skip
        self.publish = lambda: len(self.published)

    def releases_signed_by(self, key: SigningKey) -> Releases:
        return Releases(
            db=self.db, catalog=self.catalog, ledger=self.ledger, flows=self.flows,
            signer=Signer(key), clock=self.clock, publish=self._publish,
            freezes=self.freezes, approvals=self.approvals, demands=self.demands,
            environments=self.environments, metrics=Metrics(self.db, self.ledger, self.clock),
        )  # fmt: skip

    def _publish(self) -> int:
        self.published.append(len(self.published) + 1)
        return self.publish()

    def flow(self, name: str = "support", **prompt: Any) -> Artifact:
        """A flow of its own prompt, on a pointer model."""
        pointer = {"url": "http://127.0.0.1:9/v1", "model": "small"}
        model = self.models.add_pointer(name, **pointer, by=ANNA)
        prompt.setdefault("template", f"{len(self.catalog.list('prompt')) + 1}. {{{{input}}}}")
        text = self.prompts.save(name, **prompt, by=ANNA)
        return self.flows.compose(name, model=model.ref, prompt=text.ref, by=ANNA)

    def cut(self, name: str = "support") -> Artifact:
        """The next release of this name; each pins another prompt."""
        return self.releases.cut(name, flow=self.flow(name).ref, by=ANNA)

    def serve(self, name: str = "support") -> Artifact:
        """Cut a release and let it arrive on the channel of its name."""
        release = self.cut(name)
        rollout = self.releases.promote(release.ref, channel=name, plan="100%", by=ANNA)
        self.releases.end(rollout, "arrived", {"reason": "first"}, by=ANNA)
        return release


class Street:
    """The street side of a workspace: calls and feedback, the recorder, the reconciler."""

    def __init__(self, workspace: Workspace):
        folder = workspace.folder
        self.workspace = workspace
        self.hot_path = folder / "records" / "hot.db"
        self.spool = Spool(folder / "spool", "worker")
        self.hot = HotStore(self.hot_path)
        self.recorder = Recorder(folder / "spool", self.hot, {Kind.FEEDBACK: sink})
        self.traces = Traces(self.hot_path)
        self.metrics = Metrics(workspace.db, workspace.ledger, workspace.clock)
        self.feedbacks = Feedbacks(self.spool, self.hot_path, workspace.clock, self.metrics)
        self.serving = Serving()
        self.calls = 0
        self._known: dict[str, tuple[int, Channel]] = {}
        self.reconciler = self.fresh()

    def fresh(self) -> Reconciler:
        """A reconciler as a restarted control has it: it knows nothing yet."""
        self.experiments = Experiments(
            releases=self.workspace.releases, traces=self.traces, feedbacks=self.feedbacks,
            metrics=self.metrics, serving=self.serving, clock=self.workspace.clock,
        )  # fmt: skip
        return Reconciler(
            experiments=self.experiments,
            releases=self.workspace.releases, traces=self.traces, feedbacks=self.feedbacks,
            serving=self.serving, clock=self.workspace.clock,
        )  # fmt: skip

    def fresh_after_tick(self) -> Reconciler:
        """A restarted control's reconciler that has read all there is."""
        again = self.fresh()
        self.tick(again)
        return again

    def call(self, channel: str, arm: str, *, outcome: str = "ok", unit: str = "",
             share: int | None = None, **more: Any) -> str:  # fmt: skip
        """Spool one call of an arm of the channel, as a gateway worker would; return its id."""
        self.calls += 1
        found = self._published(channel)
        candidate = arm == "candidate"
        now = self.workspace.clock.now_us()
        given = {
            "id": f"{self.calls:032x}",
            "span_id": "1" * 16,
            "began_us": now,
            "ended_us": now + 5000,
            "channel": channel,
            "release": (found.candidate_ref if candidate else found.stable_ref) or "",
            "share": share if share is not None else (
                found.share if candidate or arm == "baseline" else MILLION - found.share
            ),
            "arm": arm,
            "rollout": found.rollout_id,
            "unit": unit or f"user-{self.calls}",
            "outcome": outcome,
            "request": json.dumps({"messages": [{"role": "user", "content": "hi"}]}).encode(),
        }  # fmt: skip
        call = Call(**{**given, **more})
        self.spool.append(Kind.CALL, encode(call))
        return call.id

    def _published(self, channel: str) -> Channel:
        """Return the channel as it was last published: a worker knows no more."""
        at = len(self.workspace.published)
        if channel not in self._known or self._known[channel][0] != at:
            self._known[channel] = at, self.workspace.releases.channel(channel)
        return self._known[channel][1]

    def say(self, trace_id: str, value: float | None = 1, **more: Any) -> None:
        self.feedbacks.add(trace_id, value=value, by=ANNA, **more)

    def tick(self, reconciler: Reconciler | None = None, *, seconds: float = 0.1) -> None:
        """Record what was spooled, let time pass, tick."""
        self.recorder.drain()
        self.workspace.clock.advance(seconds)
        (reconciler or self.reconciler).tick()

    def close(self) -> None:
        self.recorder.close()
        self.spool.close()
        self.hot.close()


class Serving:
    """A data plane that is as ready, and has counted as much, as a test says."""

    def __init__(self) -> None:
        self.unready: set[str] = set()
        self.broken: set[str] = set()
        self.counted: dict[str, tuple[int, int]] = {}
        self.applied: int | None = 700
        self.engines = Replicas()
        self.outages: dict[str, tuple[int, int]] = {}

    def outage(self, release_digest: str) -> tuple[int, int] | None:
        return self.outages.get(release_digest)

    def answered_us(self, release_digest: str) -> int:
        return 0 if release_digest in self.outages else 1 << 62

    def ready(self, release_digest: str) -> bool:
        if release_digest in self.broken:
            raise RuntimeError("no answer from the engine")
        return release_digest not in self.unready

    def replicas(self, release_digest: str) -> Replicas:
        return self.engines

    def counts(self, channel: str, release_digest: str) -> tuple[int, int]:
        return self.counted.get(release_digest, (0, 0))

    def applied_us(self) -> int | None:
        return self.applied

"""The verbs on releases and channels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from sqlalchemy import Connection, delete, update

from volano.core.clock import Clock
from volano.core.digest import Digest
from volano.core.ports.publish import Publish
from volano.core.principal import SYSTEM, Principal
from volano.core.ref import Ref
from volano.feedback.metric import Metric
from volano.flows.keeper import Flows
from volano.releases.approval import Approvals
from volano.releases.caching import Caching, caching
from volano.releases.channel import UNITS, Arm, Channel, arms, check_channel_name
from volano.releases.channels import all_channels, channel_named, open_channel
from volano.releases.demands import Demands
from volano.releases.environments import Environments
from volano.releases.errors import (
    AlreadyServedError,
    NeverServedError,
    NoSchemaError,
    NothingMovesError,
    NowhereToGoError,
    RolloutInProgressError,
    UnknownChannelError,
    UnknownUnitError,
)
from volano.releases.experiment.measure import Measure, measure
from volano.releases.freeze import Freezes
from volano.releases.gate import ERRORS, SCHEMA, is_feedback, said_of
from volano.releases.keeping import count_down, keep, keeping, let_go, need_kept
from volano.releases.kept import Kept
from volano.releases.named_judges import check_judges
from volano.releases.plan import Plan
from volano.releases.plan_file import STEPS
from volano.releases.plan_file import read as read_file
from volano.releases.progress import SPENT, Progress, Rollout, RolloutEvent, is_spent, start
from volano.releases.retired import refuse_retired
from volano.releases.shelf import Shelf
from volano.releases.signing import Signer
from volano.releases.tables import channels
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog
from volano.store.db import Database
from volano.store.ledger import Ledger

Channels = list[Channel]
Arms = list[Arm]
Rollouts = list[Rollout]
RolloutEvents = list[RolloutEvent]
Names = list[str]


class Meanings(Protocol):
    """What is asked of the metrics of feedback."""

    def current(self, name: str) -> Metric | None:
        """Return what a name means now; None where nobody defined it."""
        ...


class Releases(Shelf):
    """Keeps releases, and the channels and rollouts that serve them."""

    def __init__(
        self,
        *,
        db: Database,
        catalog: Catalog,
        ledger: Ledger,
        flows: Flows,
        signer: Signer,
        clock: Clock,
        publish: Publish,
        freezes: Freezes,
        approvals: Approvals,
        demands: Demands,
        environments: Environments,
        metrics: Meanings | None = None,
    ):
        super().__init__(db=db, catalog=catalog, flows=flows, signer=signer)
        self._environments = environments
        self._metrics = metrics
        self._approvals = approvals
        self._demands = demands
        self._freezes = freezes
        self._ledger = ledger
        self._clock = clock
        self._publish = publish
        self._progress = Progress(db)

    def promote(
        self,
        ref: Ref | str,
        *,
        channel: str,
        plan: str | None = None,
        plan_file: Mapping[str, Any] | str | None = None,
        require: Sequence[str] | None = None,
        margins: Mapping[str, Any] | None = None,
        unit: str | None = None,
        scope: Mapping[str, Any] | None = None,
        after: str = "",
        emergency: str = "",
        by: Principal,
    ) -> Rollout:
        """Start to move a channel to a release, step by step; the first goes straight there.

        The old release keeps its share until each step's gates hold, so that a
        bad release is never the only one that serves. The steps are those of `plan`
        (5%,25%,100% when not given), or all is as `plan_file` says it (`releases.plan_file`),
        which stands alone then. No step is left without
        data on what is in `require` (errors when not given). `margins` name what is watched (errors, quality, refusals,
        schema, latency:2s, p95, cost, names of feedback), each with how much worse the candidate
        may be (0.05 of errors and quality when not given), or {margin, tolerance, window}. `unit`
        says what sticks to one release: `user` (a new channel's) or `request`. `scope` says which
        calls it is about (`releases.scope`), until it arrives; then it is everybody's. `after`
        names the environment where it must have arrived before; what it showed there is carried
        along, as it is where an order of environments says so. `emergency`, a reason, goes
        without that, and without the people whom the channel asks; they are asked afterwards.

        Raises:
            BadPlanFileError: the file says no plan, or flags say one besides it.
            As `move`.
        """
        if plan_file is None:
            required = (ERRORS,) if require is None else require
            given: dict[str, Any] = {"required": list(required), "scope": scope or {}}
            if margins is not None:
                given |= {"gates": margins, "meanings": self.meanings(margins)}
            planned = Plan.parse(STEPS if plan is None else plan, **given)
        else:
            beside = {
                "plan": plan, "require": require, "margins": margins, "unit": unit, "scope": scope,
            }  # fmt: skip
            planned, unit = read_file(plan_file, self.meanings, beside)
        return self.move(
            ref, channel=channel, plan=planned, unit=unit, after=after, emergency=emergency, by=by
        )

    def move(
        self,
        ref: Ref | str,
        *,
        channel: str,
        plan: Plan,
        unit: str | None = None,
        after: str = "",
        emergency: str = "",
        origin: Mapping[str, str] | None = None,
        by: Principal,
    ) -> Rollout:
        """Start to move a channel by a plan that was read. `origin` says which file asked for it.

        Raises:
            InvalidPlanError: the plan cannot be used.
            UnknownPlanJudgeError: there is no such judge.
            BadMeasureError: a name of feedback cannot be measured so.
            NoSchemaError: `schema` is watched, and the release declares none.
            TamperedReleaseError: the release is not what was signed.
            ModelNotUsableError: its model is retired or revoked.
            RolloutInProgressError: the channel is already moving.
            AlreadyServedError: the channel serves this release.
            UnknownUnitError: neither `user` nor `request`.
            FrozenError: the channel is frozen now.
            UncheckedError: the channel demands a check that this release did not pass.
            ApprovalMissingError: not enough people have agreed.
            NotArrivedError: it has not arrived on the environment before.
            RetiredReleaseError: it serves nothing any more.
        """
        if unit not in (None, *UNITS):
            raise UnknownUnitError(unit=unit)
        release = self.servable(ref)
        self.check_plan(plan)
        if SCHEMA in plan.margins and self.schema_of(str(release.digest)) is None:
            raise NoSchemaError(ref=release.ref)
        channel = check_channel_name(channel)
        way = self.let_move(release, channel, after=after, emergency=emergency, by=by)
        with self._db.write() as conn:
            rollout = self._promote(
                conn, release, channel, plan, unit=unit, way={**(origin or {}), **way}, by=by
            )
        self._publish()
        return rollout

    def check_plan(self, plan: Plan) -> None:
        """Make sure that there is what a plan names.

        Raises:
            UnknownPlanJudgeError: there is no such judge.
        """
        metrics = self._metrics
        check_judges(
            plan,
            self._catalog,
            lambda name: metrics is not None and metrics.current(name) is not None,
        )

    def let_move(
        self,
        release: Artifact,
        channel: str,
        *,
        after: str = "",
        emergency: str = "",
        by: Principal,
    ) -> Mapping[str, Any]:
        """Ask freezes, environments, checks and people whether a channel may move to a release.

        What is returned belongs into the first event of its rollout: the evidence that it brings
        along from the environments before, and what it went without.

        Raises:
            FrozenError: the channel is frozen now.
            NotArrivedError: it has not arrived on the environment before.
            UncheckedError: the channel demands a check that this release did not pass.
            ApprovalMissingError: not enough people have agreed.
        """
        self._freezes.check(channel)
        way = self._environments.check(release, channel, after=after, emergency=emergency)
        lacks = self._demands.check(release, channel, emergency=emergency, by=by)
        self._approvals.check(release, channel, emergency=emergency, by=by)
        if lacks:
            return {**way, "unchecked": {"lacks": lacks, "reason": emergency.strip()[:2000]}}
        return way

    def rollback(
        self, channel: str, *, to: Ref | str | None = None, why: str = "", by: Principal
    ) -> Rollout:
        """Take a channel back to what it served before, at once and wholly, also weeks later.

        A rollout under way is aborted, and that is all, unless `to` says how far back. Without
        gates: what it goes back to has served. A freeze does not hold it.

        Raises:
            UnknownChannelError: nothing was ever promoted to it.
            NowhereToGoError: it never served anything else.
            NeverServedError: `to` never served it.
            TamperedReleaseError, ModelNotUsableError, RetiredReleaseError: that release cannot be
                served any more.
        """
        found = self.channel(channel)
        if found.rollout_id is not None:
            ended = self.abort(channel, why=why or f"rolled back by {by}", by=by)
            if to is None or self.get(to).digest == found.stable:
                return ended
        release = self._returnable(found, self._before(found, to))
        with self._db.write() as conn:
            served = self._movable(conn, channel, release)
            whole = Plan.parse("100%")
            rollout = start(release, channel, whole, served, now_us=self._clock.now_us(), by=by)
            left = {"rollback": why or f"rolled back by {by}"}
            self._begin(conn, rollout, unit=None, group=by.group, told=left)
            content = {"plan": whole.to_dict(), "why": why}
            self._tell(conn, "release.rollback", rollout, content, by)
            if served and served.kept and served.kept.release_digest == release.digest:
                reason = f"It was kept hot{': ' if why else ''}{why}."
                self._end(conn, rollout, "arrived", {"reason": reason, "took_s": 0.0}, by)
        self._publish()
        return self._progress.get(rollout.id)

    def _returnable(self, channel: Channel, ref: str) -> Artifact:
        """Return a release that a channel may go back to. Of one that is hot no byte is read again.

        Raises:
            TamperedReleaseError, ModelNotUsableError: it cannot be served any more.
        """
        kept = channel.kept
        hot = kept is not None and kept.release == ref
        release = self.trusted(kept.release_digest) if kept and hot else self.verify(ref)
        self._flows.usable(self.flow_of(release))
        return release

    def drop(self, channel: str, *, why: str = "", by: Principal) -> Kept:
        """Keep what a channel served before no longer hot: its engines end when they are done.

        It can still be gone back to, with a warm-up.

        Raises:
            UnknownChannelError: nothing was ever promoted to it.
            NothingKeptError: it keeps nothing.
        """
        self.channel(channel)
        with self._db.write() as conn:
            kept = need_kept(conn, channel)
            let_go(conn, channel)
            told = {"release": kept.release, "reason": why or f"dropped by {by}"}
            self._progress.note(conn, kept.rollout_id, self._clock.now_us(), "dropped", told)
            digests = [kept.release_digest]
            self._ledger.append(
                "release.drop", f"channel/{channel}", digests, told, by=by, conn=conn
            )
        self._publish()
        return kept

    def keeping(self) -> Channels:
        """Return the channels that keep something hot."""
        with self._db.read() as conn:
            found = [channel_named(conn, name, self._clock.now_us()) for name in keeping(conn)]
        return [channel for channel in found if channel is not None]

    def keep(self, kept: Kept, left_us: int) -> None:
        """Write how long a release is still kept hot."""
        with self._db.write() as conn:
            count_down(conn, kept.rollout_id, left_us)

    def _before(self, channel: Channel, to: Ref | str | None) -> str:
        """Return the release that the channel goes back to."""
        moves = [
            one for one in self._progress.list(channel.name, limit=1000) if one.state == "arrived"
        ]
        if to is None and channel.kept is not None:
            return channel.kept.release
        if to is None:
            came = [one.baseline for one in moves if one.candidate == channel.stable]
            if not came or came[-1] is None:  # what served when this release first arrived
                raise NowhereToGoError(channel=channel.name, serves=channel.stable_ref)
            return self._catalog.by_digest(came[-1]).ref
        wanted = self.get(to)
        if wanted.digest == channel.stable:
            raise AlreadyServedError(channel=channel.name, ref=wanted.ref)
        if all(one.candidate != wanted.digest for one in moves):
            raise NeverServedError(ref=wanted.ref, channel=channel.name)
        return wanted.ref

    def begin(
        self, channel: str, make: Callable[[Channel], Rollout], *, unit: str, by: Principal
    ) -> Rollout:
        """Begin the experiment that `make` makes of a channel which does not move.

        Raises:
            UnknownChannelError: nothing was ever promoted to it.
            RolloutInProgressError: it is already moving.
        """
        with self._db.write() as conn:
            served = channel_named(conn, channel, self._clock.now_us())
            if served is None:
                raise UnknownChannelError(channel=channel)
            if served.rollout_id:
                moving = served.candidate_ref or served.stable_ref
                raise RolloutInProgressError(channel=channel, candidate=moving)
            rollout = make(served)
            refuse_retired(conn, *(one.release_digest for one in rollout.arms))
            self._begin(conn, rollout, unit=unit, group=by.group)
            self._tell(conn, "release.compare", rollout, {"design": rollout.plan.to_dict()}, by)
        self._publish()
        return rollout

    def take_out(self, rollout: Rollout, arms: Mapping[int, str], *, by: Principal) -> Rollout:
        """Take arms out of an experiment, each (from 1 on) with its reason; their units go to stable.

        Raises:
            RolloutOverError: it ended meanwhile; nothing is changed.
        """
        now = self._clock.now_us()
        left = tuple(
            replace(one, out=arms[n], out_us=now) if n in arms and not one.out else one
            for n, one in enumerate(rollout.arms, 1)
        )
        share = sum(one.share for one in left if not one.out)
        with self._db.write() as conn:
            self._progress.check_active(conn, rollout.id)
            self._progress.change(conn, rollout.id, arms=left, share=share, updated_us=now)
            for n, why in arms.items():
                told = {"release": rollout.names[n], "reason": why}
                self._progress.note(conn, rollout.id, now, "out", told)
                self._tell(conn, "rollout.out", rollout, told, by)
        self._publish()
        return self._progress.get(rollout.id)

    def hand_over(
        self, rollout: Rollout, winner: str, outcome: Mapping[str, Any], *, plan: str, by: Principal
    ) -> Rollout:
        """End an experiment and begin to promote its winner, both or neither.

        Raises:
            InvalidPlanError, UnknownPlanJudgeError, TamperedReleaseError, ModelNotUsableError: as with `promote`.
            RolloutOverError: it ended meanwhile.
            FrozenError, NotArrivedError, UncheckedError, ApprovalMissingError: it may not move now.
        """
        release = self.servable(winner)
        planned = Plan.parse(plan)
        self.check_plan(planned)
        way = self.let_move(release, rollout.channel, by=by)
        with self._db.write() as conn:
            self._end(conn, rollout, "concluded", outcome, by)
            promoted = self._promote(
                conn, release, rollout.channel, planned, unit=None, way=way, by=by
            )
        self._publish()
        return promoted

    def abort(self, channel: str, *, why: str = "", by: Principal) -> Rollout:
        """Take the candidate of a moving channel back at once.

        Raises:
            NothingMovesError: the channel does not move.
            RolloutOverError: it ended in this very moment.
        """
        found = self.channel(channel)
        if found.rollout_id is None:
            raise NothingMovesError(channel=channel)
        outcome = {"reason": why or f"aborted by {by}"}
        return self.end(self._progress.get(found.rollout_id), "aborted", outcome, by=by)

    def advance(
        self, rollout: Rollout, *, step: int, content: Mapping[str, Any], share: int | None = None,
        by: Principal,
    ) -> Rollout:  # fmt: skip
        """Give the candidate the share of this step of the plan, or `share` where it grows in it.

        Raises:
            RolloutOverError: it ended meanwhile; nothing is changed.
            RolloutMovedError: it was paused meanwhile, or is further already; nothing is changed.
        """
        now = self._clock.now_us()
        share = rollout.plan.steps[step] if share is None else share
        with self._db.write() as conn:
            self._progress.check_active(conn, rollout.id)
            self._progress.check_unmoved(conn, rollout)
            self._progress.change(
                conn, rollout.id, state="moving", step=step, share=share, updated_us=now
            )
            self._progress.note(conn, rollout.id, now, "advanced", {"share": share, **content})
            self._tell(conn, "rollout.advance", rollout, {"share": share}, by)
        self._publish()
        return self._progress.get(rollout.id)

    def end(
        self, rollout: Rollout, state: str, outcome: Mapping[str, Any], *, by: Principal
    ) -> Rollout:
        """End a rollout: `arrived` moves the channel; back, aborted, failed leave it.

        Raises:
            RolloutOverError: it ended meanwhile, and stays as it ended.
            RolloutMovedError: it would have arrived, and was paused meanwhile.
        """
        with self._db.write() as conn:
            self._progress.check_active(conn, rollout.id)
            if state == "arrived":
                self._progress.check_unmoved(conn, rollout)
            self._end(conn, rollout, state, outcome, by)
        self._publish()
        return self._progress.get(rollout.id)

    def steer(self, rollout: Rollout, kind: str, why: str, *, by: Principal) -> Rollout:
        """Note what a person does with a rollout: `paused` and `resumed` change its state.

        Raises:
            RolloutOverError, RolloutMovedError: as with `advance`.
        """
        now, states = self._clock.now_us(), {"paused": "paused", "resumed": "moving"}
        told = {"reason": why, "by": str(by)}
        with self._db.write() as conn:
            self._progress.check_active(conn, rollout.id)
            self._progress.check_unmoved(conn, rollout)
            if kind in states:
                self._progress.change(conn, rollout.id, state=states[kind], updated_us=now)
            self._progress.note(conn, rollout.id, now, kind, told)
            self._tell(conn, f"rollout.{kind}", rollout, told, by)
        return self._progress.get(rollout.id)

    def paused(self, rollout: Rollout) -> str:
        """Return why a rollout is paused, and by whom; nothing when it is not."""
        if rollout.state != "paused":
            return ""
        said = self._progress.last(rollout.id, "paused")
        return (
            f"{said['reason']} ({said['by']})" if said.get("reason") else str(said.get("by", "?"))
        )

    def origin(self, rollout: Rollout) -> str:
        """Return the file that asked for a rollout; nothing when a person did."""
        return str(self._progress.last(rollout.id, "promoted").get("file", ""))

    def stop_copies(self, rollout: Rollout, content: Mapping[str, Any]) -> None:
        """Copy no more calls at this step of a shadow: its budget is spent. Once.

        Raises:
            RolloutOverError: it ended meanwhile; nothing is changed.
        """
        with self._db.write() as conn:
            self._progress.check_active(conn, rollout.id)
            if is_spent(conn, rollout.id, rollout.step):
                return
            told = {"step": rollout.step, **content}
            self._progress.note(conn, rollout.id, self._clock.now_us(), SPENT, told)
            self._tell(conn, "rollout.spent", rollout, told, SYSTEM)
        self._publish()

    def note(self, rollout: Rollout, kind: str, content: Mapping[str, Any]) -> None:
        """Append an event to a rollout: what was measured, what is waited for."""
        with self._db.write() as conn:
            self._progress.note(conn, rollout.id, self._clock.now_us(), kind, content)

    def channels(self) -> Channels:
        """Return all channels by name."""
        with self._db.read() as conn:
            return all_channels(conn, self._clock.now_us())

    def channel(self, name: str) -> Channel:
        """Return one channel.

        Raises:
            UnknownChannelError: nothing was ever promoted to it.
        """
        with self._db.read() as conn:
            found = channel_named(conn, name, self._clock.now_us())
        if found is None:
            raise UnknownChannelError(channel=name)
        return found

    def cache(
        self,
        channel: str,
        *,
        ttl: int | None = None,
        scope: str = "group",
        off: bool = False,
        by: Principal,
    ) -> Caching:
        """Give answers again to the same question, for `ttl` seconds; or no more, with `off`.

        What was kept until now is forgotten, also when the same is said again.

        Raises:
            UnknownChannelError: nothing was ever promoted to it.
            BadCacheError: the time or the scope is none.
        """
        kept = caching(channel, ttl=ttl, scope=scope, off=off)
        said = {"cache_ttl_s": kept.ttl_s, "cache_scope": kept.scope}
        values = {**said, "cache_set_us": self._clock.now_us()}
        with self._db.write() as conn:
            changed = conn.execute(
                update(channels).where(channels.c.name == channel).values(values)
            )
            if not changed.rowcount:
                raise UnknownChannelError(channel=channel)
            self._ledger.append("channel.cache", f"channel/{channel}", [], said, by=by, conn=conn)
        self._publish()
        return kept

    def arms(self, channel: Channel) -> Arms:
        """Return the releases that a channel serves, with their shares."""
        return arms(channel)

    def rollout(self, rollout_id: str) -> Rollout:
        """Return one rollout by its id or the beginning of it."""
        return self._progress.get(rollout_id)

    def rollouts(self, channel: str | None = None, *, limit: int = 50) -> Rollouts:
        """Return rollouts, the newest first."""
        return self._progress.list(channel, limit=limit)

    def rollout_events(self, rollout_id: str) -> RolloutEvents:
        """Return what happened to a rollout, in order."""
        return self._progress.events(self._progress.get(rollout_id).id)

    def brought(self, rollout: Rollout | None) -> dict[str, Any]:
        """Return what a rollout's release brought along (`carried`), and which way it `skipped`."""
        events = self._progress.events(rollout.id) if rollout else []
        first = events[0].content if events else {}
        return {"carried": first.get("carried", []), "skipped": first.get("skipped")}

    def active(self) -> Rollouts:
        """Return the rollouts under way."""
        return self._progress.active()

    def in_use(self, digest: Digest) -> Names:
        """Return the channels whose releases stand on this artifact (port `InUse`)."""
        return [
            f"channel {channel.name}"
            for channel in self.channels()
            for served in channel.served
            if self._stands_on(Digest(served), digest)
        ]

    def _stands_on(self, release: Digest, digest: Digest) -> bool:
        pinned = self._catalog.by_digest(release).manifest.parents
        return digest == release or any(parent.digest == digest for parent in pinned)

    def meanings(self, margins: Mapping[str, Any]) -> dict[str, Measure]:
        """Return what names of feedback measure, as they are defined now."""
        found = {}
        for name, said in margins.items() if isinstance(margins, Mapping) else ():
            asked = said_of(name)
            metric = None
            if self._metrics is not None and is_feedback(name):
                metric = self._metrics.current(asked.partition(":")[0])
            if metric is not None:
                window = said.get("window") if isinstance(said, Mapping) else None
                found[f"{name} {window}" if window else name] = measure(asked, metric)
        return found

    def _promote(
        self, conn: Connection, release: Artifact, channel: str, plan: Plan, *,
        unit: str | None, way: Mapping[str, Any], by: Principal,
    ) -> Rollout:  # fmt: skip
        served = self._movable(conn, channel, release)
        rollout = start(release, channel, plan, served, now_us=self._clock.now_us(), by=by)
        self._begin(conn, rollout, unit=unit, group=by.group, told=way)
        if "skipped" in way:
            self._tell(conn, "release.emergency", rollout, way["skipped"], by)
        if without := way.get("skipped") or way.get("unchecked"):
            self._approvals.owe(conn, release, channel, without["reason"], by=by)
        origin = {name: way[name] for name in ("file", "why") if name in way}
        self._tell(conn, "release.promote", rollout, {"plan": plan.to_dict(), **origin}, by)
        return rollout

    def _end(
        self,
        conn: Connection,
        rollout: Rollout,
        state: str,
        outcome: Mapping[str, Any],
        by: Principal,
    ) -> None:
        now = self._clock.now_us()
        self._progress.check_active(conn, rollout.id)
        share = 1_000_000 if state == "arrived" else 0
        self._progress.change(
            conn, rollout.id, state=state, share=share, ended_us=now, updated_us=now,
            outcome=outcome,
        )  # fmt: skip
        self._progress.note(conn, rollout.id, now, state, outcome)
        if state == "arrived":
            values = {
                "stable": rollout.candidate,
                "stable_ref": rollout.candidate_ref,
                "updated_us": now,
            }
            conn.execute(update(channels).where(channels.c.name == rollout.channel).values(values))
            keep(conn, rollout)
        elif rollout.baseline is None:
            conn.execute(delete(channels).where(channels.c.name == rollout.channel))
        self._tell(conn, f"rollout.{state}", rollout, outcome, by)

    def _movable(self, conn: Connection, name: str, release: Artifact) -> Channel | None:
        """Return the channel as it is before it moves; None when there is none yet.

        Raises:
            RolloutInProgressError: it is already moving.
            AlreadyServedError: it serves this release.
            RetiredReleaseError: the release serves nothing any more.
        """
        refuse_retired(conn, str(release.digest))
        served = channel_named(conn, name, self._clock.now_us())
        if served and served.rollout_id:
            moving = served.candidate_ref or served.stable_ref
            raise RolloutInProgressError(channel=name, candidate=moving)
        if served and served.stable == release.digest:
            raise AlreadyServedError(channel=name, ref=release.ref)
        return served

    def _begin(
        self, conn: Connection, rollout: Rollout, *,
        unit: str | None, group: str, told: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Write a new rollout; open its channel, or say what sticks to a release there.

        Its first event has its plan and what else is told of how it came about.
        """
        first = {"plan": rollout.plan.to_dict(), **(told or {})}
        self._progress.begin(conn, rollout)
        self._progress.note(conn, rollout.id, rollout.created_us, "promoted", first)
        if rollout.baseline is None:
            open_channel(conn, rollout, unit=unit or "user", group=group)
        elif unit is not None:
            named = channels.c.name == rollout.channel
            conn.execute(update(channels).where(named).values(unit=unit))

    def _tell(
        self,
        conn: Connection,
        verb: str,
        rollout: Rollout,
        content: Mapping[str, Any],
        by: Principal,
    ) -> None:
        rivals = [one.release_digest for one in rollout.arms] or [rollout.candidate]
        digests = [*dict.fromkeys(rivals), *([rollout.baseline] if rollout.baseline else [])]
        content = {"rollout": rollout.id, "release": rollout.candidate_ref, **content}
        self._ledger.append(verb, f"channel/{rollout.channel}", digests, content, by=by, conn=conn)

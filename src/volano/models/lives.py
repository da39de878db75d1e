"""Lives: the verbs on the states of models, and how models are shown with them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select

from volano.core.clock import Clock
from volano.core.digest import Digest
from volano.core.noted import Noted
from volano.core.ports.in_use import InUse
from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.models.doubt import standing, warnings
from volano.models.errors import ModelNotUsableError, StillUsedError, UnfitStateError
from volano.models.kinds import KIND, engine_of, format_of
from volano.models.life import DRAFT, OVER, REVOKED, may_move, next_states
from volano.models.tables import model_states
from volano.store.artifact import READY, Artifact
from volano.store.catalog import Catalog
from volano.store.db import Database
from volano.store.ledger import Ledger

Users = list[str]
_LONGEST_WHY = 2_000


@dataclass(frozen=True, slots=True)
class Move:
    """One step in the life of a model. `at_us` is microseconds UTC."""

    model: str
    at_us: int
    before: str
    state: str
    why: str
    by: str


Moves = list[Move]
Rows = list[dict[str, Any]]


class Lives:
    """The states of all models of one workspace. `in_use` says who serves from an artifact."""

    def __init__(
        self, *, db: Database, catalog: Catalog, ledger: Ledger, clock: Clock, in_use: InUse
    ):
        self._db = db
        self._catalog = catalog
        self._ledger = ledger
        self._clock = clock
        self._in_use = in_use

    def move(self, ref: str | Ref, state: str, *, why: str = "", by: Principal) -> Move:
        """Bring a model into another state.

        Raises:
            UnknownArtifactError: there is no such model.
            UnfitStateError: there is no such state, or it cannot follow the one it is in.
            StillUsedError: it was to be retired or revoked, and a channel uses it.
        """
        model = self._catalog.get(KIND, ref)
        if state in OVER and (users := self.users(model)):
            use = "still uses" if len(users) == 1 else "still use"
            raise StillUsedError(model=model.ref, state=state, users=", ".join(users), use=use)
        with self._db.write() as conn:
            before = _last(conn, model.digest)
            if not may_move(before, state):
                choices = ", ".join(next_states(before)) or "nothing else"
                raise UnfitStateError(
                    model=model.ref, before=before, state=state[:40], choices=choices
                )
            at_us, why = self._clock.now_us(), why[:_LONGEST_WHY]
            mine = model_states.c.digest == model.digest
            last = conn.scalar(select(func.max(model_states.c.n)).where(mine)) or 0
            moved = Move(model.ref, at_us, before, state, why, str(by))
            row = {
                "digest": model.digest, "n": last + 1, "at_us": at_us, "before": before,
                "state": state, "why": why, "by": str(by),
            }  # fmt: skip
            conn.execute(insert(model_states).values(row))
            said = {"from": before, "to": state, "why": why}
            self._ledger.append("model.state", str(model), [model.digest], said, by=by, conn=conn)
        return moved

    def history(self, ref: str | Ref) -> Moves:
        """Return all moves of a model, oldest first.

        Raises:
            UnknownArtifactError: there is no such model.
        """
        model = self._catalog.get(KIND, ref)
        query = select(model_states).where(model_states.c.digest == model.digest)
        with self._db.read() as conn:
            rows = conn.execute(query.order_by(model_states.c.n)).all()
        return [Move(model.ref, r.at_us, r.before, r.state, r.why, r.by) for r in rows]

    def list(self, *, limit: int = 50, before_us: int | None = None) -> Rows:
        """Return models, newest first: what they are, their state, and who serves from them."""
        found = self._catalog.list(KIND, limit=limit, before_us=before_us)
        states = self._states(model.digest for model in found)
        return [self._row(model, states.get(model.digest, DRAFT)) for model in found]

    def show(self, ref: str | Ref) -> Noted:
        """Return a model, and what state it is in.

        Raises:
            UnknownArtifactError: there is no such model.
        """
        model = self._catalog.get(KIND, ref)
        users = ", ".join(self.users(model)) or "no channel"
        said = f"State: {self.state_of(model.digest)}. Served by {users}."
        return Noted(model, (said, *warnings(model)))

    def state_of(self, digest: Digest) -> str:
        """Return the state that a model is in."""
        with self._db.read() as conn:
            return _last(conn, digest)

    def check(self, model: Artifact) -> None:
        """Refuse a model whose life is over.

        Raises:
            ModelNotUsableError: it is retired or revoked.
        """
        state = self.state_of(model.digest)
        if state in OVER:
            raise ModelNotUsableError(
                model=model.ref, reason=f"it is {state}",
                hint="Use another version; `volano model history {model}` says why.".replace(
                    "{model}", model.ref
                ),
            )  # fmt: skip

    def revoked(self, model: Artifact) -> bool:
        """Whether a model must not be passed on."""
        return self.state_of(model.digest) == REVOKED

    def users(self, model: Artifact) -> Users:
        """Return the channels that serve from a model, or from an adapter on it."""
        found = self._in_use(model.digest)
        for child in self._catalog.children(model.digest):
            on = [p.role for p in child.manifest.parents if p.digest == model.digest]
            if child.kind == KIND and format_of(child) == "adapter" and "base" in on:
                found += self._in_use(child.digest)
        return list(dict.fromkeys(found))

    def _states(self, digests: Iterable[Digest]) -> dict[str, str]:
        wanted = set(digests)
        newest = (
            select(model_states.c.digest, func.max(model_states.c.n).label("n"))
            .group_by(model_states.c.digest)
            .subquery()
        )
        query = select(model_states.c.digest, model_states.c.state).join(
            newest,
            (model_states.c.digest == newest.c.digest) & (model_states.c.n == newest.c.n),
        )
        with self._db.read() as conn:
            return {r.digest: r.state for r in conn.execute(query) if r.digest in wanted}

    def _row(self, model: Artifact, state: str) -> dict[str, Any]:
        well = model.state == READY
        return {
            "ref": model.ref,
            "kind": model.kind,
            "format": format_of(model),
            "engine": engine_of(model),
            "parameters": model.manifest.meta.get("parameters"),
            "size": model.size,
            "state": state if well else model.state,
            "parity": standing(model.manifest.meta) or None,
            "channels": self._in_use(model.digest),
            "digest": str(model.digest),
            "created_us": model.created_us,
            "created_by": model.created_by,
            "labels": list(model.labels),
            **({"problem": model.problem} if model.problem else {}),
        }


def _last(conn: Connection, digest: str) -> str:
    query = select(model_states.c.state).where(model_states.c.digest == digest)
    return conn.scalar(query.order_by(model_states.c.n.desc()).limit(1)) or DRAFT

"""Which engine processes run, and at which of them a model is asked.

A model and all adapters on it share one process: the base is loaded once, and a
request names the adapter by its place in the process's row. That row never
changes while the process lives. When an adapter joins, another *form* of the
engine starts beside the present one, with a socket of its own; calls go to the
present one until the new form answers. So no call fails, and no number can come
to mean another adapter. A form that nobody is sent to lingers for the calls in
flight. Adapters that are no longer needed leave with the next form.
"""

import logging
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from volano.core.errors import VolanoError
from volano.gateway import snapshot as shape
from volano.gateway.draining import Draining
from volano.gateway.scales import Scales
from volano.gateway.scaling import Bounds, Load, State, look
from volano.gateway.turnover import Number
from volano.models.adapter import base_of
from volano.models.keeper import Models
from volano.serving.engines import KINDS, LLAMACPP, Kind, engine_of
from volano.serving.hosting import Hosting
from volano.serving.spec import ADAPTED, EMBEDDING, MOST_CONTEXT, EngineSpec
from volano.serving.wanted import Wanted
from volano.store.artifact import Artifact

log = logging.getLogger(__name__)

LINGER_S = 30.0
HEALTH_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """How engines are run: calls at once, threads, processes of the same, calls that may wait.

    `queue` is for each engine and gateway process; 0 means that any number may wait.
    """

    slots: int = 8
    threads: int = 1
    replicas: int = 1
    most_replicas: int = 0
    """How many there may be by what there is to do; not more than `replicas`: always as many."""
    scale_queue: int = 4
    scale_first_s: float = 0.0
    scale_calm_s: float = 60.0
    queue: int = 0
    workers: int = 1
    embeddings: bool = False
    max_bytes: int = 0
    """Memory of all engines together; 0 for no limit."""

    @property
    def most(self) -> int:
        """How many replicas of the same there can be."""
        return max(self.replicas, self.most_replicas)

    @property
    def bounds(self) -> Bounds:
        """When one more is started, and when one goes."""
        return Bounds(
            self.replicas, self.most, self.scale_queue, self.scale_first_s, self.scale_calm_s
        )


@dataclass(frozen=True, slots=True)
class Form:
    """One row of adapters on a base, and the process that serves it (its first replica)."""

    spec: EngineSpec
    base: Artifact
    adapters: tuple[Artifact, ...] = ()

    def serves(self, model: Artifact) -> bool:
        """Whether this model can be asked here."""
        return model.digest in {self.base.digest, *(one.digest for one in self.adapters)}


class Engines:
    """The engines of our own models."""

    def __init__(
        self,
        run: Path,
        models: Models,
        sizes: Sizes,
        region: str = "",
        in_flight: Callable[[], Mapping[str, int]] = dict,
    ):
        """Take what the workers know: `in_flight`, how many calls they have at each engine."""
        self._run = run
        self._models = models
        self._sizes = sizes
        self._region = region
        self._wanted = Wanted(run / "engines.json")
        self._forms: dict[str, list[Form]] = {}
        self._needed_s: dict[str, float] = {}
        self._ready: set[str] = set()
        self._embedded: set[str] = set()
        self._chosen: dict[str, tuple[str, ...]] = {}
        self._up: set[str] = set()
        self._numbers: dict[str, Number] = {}
        self._rolling: set[str] = set()
        self._kept = Scales(run / "scales.json")
        self._scales = {
            key: State(max(sizes.replicas, min(wanted, sizes.most)))
            for key, wanted in self._kept.read().items()
        }
        self._running = {spec.name for spec in self._wanted.read() or ()}
        self._bases: dict[str, Artifact] = {}
        self._files: dict[str, Path] = {}
        self._draining = Draining(self._wanted.read() or (), answers, in_flight=in_flight)
        self._hosting = Hosting(run, sizes.max_bytes, done=self._draining.put_out)
        self._adopt()

    def check(self, model: Artifact) -> None:
        """Make sure that a model can be run here.

        Raises:
            VolanoError: the files of it or of its base cannot be used.
        """
        self._file(model)
        self._file(self._base(model))

    def wish(
        self,
        models: Iterable[Artifact],
        calls: Mapping[str, int] | None = None,
        numbers: Mapping[str, Number] | None = None,
    ) -> None:
        """Have engines for these models; others linger for calls in flight, then end.

        Where memory is limited, those asked last run, and the others when they are asked.

        Args:
            models: all that are to be served.
            calls: how often each was asked so far, by its digest.
            numbers: of which models fewer replicas run than usual, by their digest.
        """
        now = time.monotonic()
        models = list(models)
        self._count(models, numbers or {})
        needed: dict[str, tuple[Artifact, dict[str, Artifact]]] = {}
        for model in models:
            base = self._base(model)
            adapters = needed.setdefault(str(base.digest), (base, {}))[1]
            if base.digest == model.digest:
                self._embedded.add(str(base.digest))
            else:
                adapters[str(model.digest)] = model
        names: set[str] = set()
        for key, (base, adapters) in needed.items():
            newest = self._form(key, base, adapters)
            used = {self._at(model).spec.name for model in (base, *adapters.values())}
            names |= {newest.spec.name, *used}
        self._needed_s |= dict.fromkeys(names, now)
        needed_s = dict(self._needed_s)
        self._part(now, names)
        self._draining.look()
        wanted = self._draining.keep(list(self._all()), needed_s)
        if self.draining():  # some of it since this very wish: what is new waits for its memory
            wanted = self._draining.keep(list(self._all()), needed_s)
        self._running = {spec.name for spec in wanted}
        self._up &= self._running - self._draining.leaving.keys()
        self._scales = {key: one for key, one in self._scales.items() if key in self._forms}
        self._kept.write({key: one.wanted for key, one in self._scales.items()})
        self._wanted.write(self._hosting.fit(wanted, self._asked(calls or {}), self._spare()))

    def draining(self) -> bool:
        """Whether engines that were replaced or left still answer calls."""
        return bool(self._draining.leaving)

    def pressed(self) -> bool:
        """Whether others wait for the memory of engines that still answer calls."""
        return self._hosting.draining()

    def warm(self, model: Artifact) -> list[shape.Target]:
        """Return the replicas of a model that answer, also those that nobody is sent to yet."""
        form = self._at(model)
        up = [spec for spec in self._replicas(form.spec) if self._answered(spec)]
        return [self._target(spec, form, model) for spec in up]

    def complete(self, model: Artifact) -> bool:
        """Whether as many replicas of a model answer as are needed."""
        form = self._at(model)
        return all(map(self._answered, self._replicas(form.spec)[: self._number(form).needed]))

    def replicas(self, models: Iterable[Artifact] | None = None) -> int:
        """Return how many engines of the same there are: the most that one of these models has, or any."""
        if models is None:
            bases = [forms[-1].base for forms in [*self._forms.values()] if forms]
        else:
            bases = [self._base(model) for model in models]
        least = self._sizes.replicas
        usual = max((self._usual(base).run for base in bases), default=least)
        # what memory does not let run takes nobody's place
        return min([usual, *(self._fits(base) for base in bases)]) if models is not None else usual

    def level(self, models: Iterable[Artifact]) -> int:
        """Have as many replicas of each of these models as of the one with most; return how many.

        One release's engines take the places of another's one by one, so both have as many.
        """
        models = list(models)
        wanted = self.replicas(models)
        for base in map(self._base, models):
            if self._usual(base).run != wanted:
                self._scales[str(base.digest)] = State(wanted)
        return wanted

    def scale(self, loads: Mapping[str, Load], *, but: Iterable[Artifact] = ()) -> None:
        """Look how much there is to do, and note how many replicas are wanted from now on.

        Args:
            loads: by the name of an engine.
            but: models whose engines are being replaced one by one: their number stays.
        """
        if self._sizes.most <= self._sizes.replicas:
            return
        still, now = {str(self._base(model).digest) for model in but}, time.monotonic()
        for key, forms in [*self._forms.items()]:
            if key in still or not forms:
                continue
            base = forms[-1].base
            own = [spec.name for form in forms for spec in self._replicas(form.spec)]
            load = sum((loads.get(name, Load()) for name in own), Load())
            before = self._scales.get(key) or State(self._usual(base).run)
            replicas = self._replicas(forms[-1].spec)[: before.wanted]
            complete = all(map(self._answered, replicas))
            self._scales[key], why = look(
                before, load, self._sizes.bounds,
                slots=self._sizes.slots, complete=complete, now_s=now,
            )  # fmt: skip
            if why:
                wanted = self._scales[key].wanted
                log.warning(
                    "%s: %d engines instead of %d: %s", base.ref, wanted, before.wanted, why
                )

    def _usual(self, base: Artifact) -> Number:
        """Return how many replicas of a base there are where none is being replaced.

        Those that an earlier life of control had started for a rush stay until there is room.
        """
        least = self._sizes.replicas
        state = self._scales.get(str(base.digest))
        count = state.wanted if state is not None else least
        return Number(count, count, least)

    def _fits(self, base: Artifact) -> int:
        """Return how many replicas of a base memory has room for, as the last plan says."""
        least = self._sizes.replicas
        for form in [*self._forms.get(str(base.digest), ())]:
            spare = self._replicas(form.spec)[least : self._number(form).run]
            if any(self._hosting.waits(spec.name) for spec in spare):
                return least + sum(not self._hosting.waits(spec.name) for spec in spare)
        return self._sizes.most

    def _spare(self) -> set[str]:
        """Return the replicas that run only because there is much to do."""
        forms = [form for forms in self._forms.values() for form in forms]
        least = self._sizes.replicas
        return {spec.name for form in forms for spec in self._replicas(form.spec)[least:]}

    def _count(self, models: Iterable[Artifact], numbers: Mapping[str, Number]) -> None:
        """Note how many replicas of each base run: as many as the one of its models that needs most."""
        found: dict[str, Number] = {}
        rolling: set[str] = set()
        for model in models:
            base = self._base(model)
            key, number = str(base.digest), numbers.get(str(model.digest)) or self._usual(base)
            found[key] = max(number, found.get(key, number))
            if str(model.digest) in numbers:
                rolling.add(key)
        self._rolling = rolling | (self._rolling & (self._forms.keys() - found.keys()))
        lingering = {key: one for key, one in self._numbers.items() if key in self._forms}
        self._numbers = lingering | found

    def _number(self, form: Form) -> Number:
        return self._numbers.get(str(form.base.digest)) or self._usual(form.base)

    def _run_of(self, form: Form) -> list[EngineSpec]:
        """Return the replicas that run. One that waits to take a place waits for memory, too.

        One more for a rush does not wait for what drains: where memory is limited, its plan
        knows of both.
        """
        run, _, needed = self._number(form)
        found = self._replicas(form.spec)[:run]
        if not self.draining() or str(form.base.digest) not in self._rolling:
            return found
        return [spec for n, spec in enumerate(found) if n < needed or spec.name in self._running]

    def _answered(self, spec: EngineSpec) -> bool:
        """Whether a replica has answered since it is wanted. One that died since comes back.

        One that memory has no room for comes back when somebody asks, or never.
        """
        if self._hosting.waits(spec.name):
            self._up.discard(spec.name)
            return False
        if spec.name not in self._up and answers(spec):
            self._up.add(spec.name)
        return spec.name in self._up

    def _asked_at(self, form: Form) -> list[EngineSpec]:
        """Return the replicas that are asked: of those that should be, the ones that answer."""
        wanted = self._replicas(form.spec)[: self._number(form).asked]
        return [spec for spec in wanted if self._answered(spec)] or wanted

    def aside(self) -> tuple[EngineSpec, ...]:
        """Return the engines that are wanted and take no calls, for want of memory; some still answer."""
        return self._hosting.aside

    def waits(self, model: Artifact) -> bool:
        """Whether a model's engine waits for memory until it is asked; it may still answer what it has."""
        forms = self._forms.get(str(self._base(model).digest), ())
        return any(self._hosting.waits(form.spec.name) for form in forms)

    def _asked(self, calls: Mapping[str, int]) -> dict[str, int]:
        """Return how often each engine was asked: the sum over its base and adapters."""
        asked: dict[str, int] = {}
        for form in (form for forms in self._forms.values() for form in forms):
            digests = [str(one.digest) for one in (form.base, *form.adapters)]
            count = sum(calls.get(digest, 0) for digest in digests)
            asked |= dict.fromkeys((spec.name for spec in self._replicas(form.spec)), count)
            asked[_embedder(form).name] = count
        return asked

    def targets(self, model: Artifact) -> tuple[shape.Target, ...]:
        """Return where a model of ours is asked: at each replica; vectors where they are made.

        Raises:
            VolanoError: its weights cannot be used.
        """
        base = self._base(model)
        if not any(form.serves(model) for form in self._forms.get(str(base.digest), ())):
            self._form(str(base.digest), base, {} if base is model else {str(model.digest): model})
        form = self._at(model)
        found = [self._target(spec, form, model) for spec in self._asked_at(form)]
        if self._sizes.embeddings and base is model and form.spec.kind == LLAMACPP.name:
            spec = _embedder(form)
            found.append(
                shape.Target(
                    name=spec.name,
                    url=spec.address,
                    model=spec.alias,
                    engine=True,
                    provider="engine",
                    dialects=dict(EMBEDDING),
                    path=EMBEDDING["openai.embeddings"],
                    price=0,
                    region=self._region,
                    fallback=True,
                    queue=self._sizes.queue,
                    capacity=spec.n_parallel,
                )
            )
        return tuple(found)

    def published(self, model: Artifact, targets: Iterable[shape.Target]) -> None:
        """Remember where a model is asked by what the workers were told: whoever else looks moves nothing."""
        forms = self._forms.get(str(self._base(model).digest), ())
        own = {spec.name for form in forms for spec in self._replicas(form.spec)}
        self._chosen[str(model.digest)] = tuple(at.name for at in targets if at.name in own)

    def moved(self) -> bool:
        """Whether some model should now be asked elsewhere than was last published."""
        for forms in [*self._forms.values()]:
            for model in {
                m.digest: m for form in forms for m in (form.base, *form.adapters)
            }.values():
                chosen = self._chosen.get(str(model.digest))
                if chosen is None:
                    continue
                if tuple(spec.name for spec in self._asked_at(self._at(model))) != chosen:
                    return True
        return False

    def _adopt(self) -> None:
        """Take up the forms that an earlier life of control wished for and that may be running."""
        for spec in self._wanted.read() or ():
            if not spec.adapters or spec.embeds or "." in spec.name:
                continue
            with suppress(VolanoError):
                base = self._models.get(spec.alias)
                form = self._made(base, [self._models.get(alias) for alias, _ in spec.adapters])
                if form.spec.name == spec.name:
                    self._forms.setdefault(str(base.digest), []).append(form)
                    self._needed_s[spec.name] = time.monotonic()

    def _form(self, key: str, base: Artifact, adapters: dict[str, Artifact]) -> Form:
        """Return the newest form of a base, made when none has all that is needed."""
        forms = self._forms.setdefault(key, [])
        if not forms or not all(map(forms[-1].serves, adapters.values())):
            made = self._made(base, adapters.values())
            self._forms[key] = forms = [f for f in forms if f.spec.name != made.spec.name]
            forms.append(made)
        newest = forms[-1]
        for model in (newest.base, *newest.adapters):
            self._file(model)
        return newest

    def _base(self, model: Artifact) -> Artifact:
        """Return the model whose weights are loaded for this one: itself when it is no adapter."""
        if base_of(model) is None:
            return model
        key = str(model.digest)
        if key not in self._bases:
            self._bases[key], _ = self._models.based(model)
        return self._bases[key]

    def _file(self, model: Artifact) -> Path:
        """Return what an engine loads of a model, checked out: hashed once, then looked for."""
        key = str(model.digest)
        known = self._files.get(key)
        if known is None or not known.exists():
            _, adapter = self._models.based(model)
            known = self._files[key] = adapter or self._models.served(
                model.ref, folder=_kind(model).folder
            )
        return known

    def _made(self, base: Artifact, adapters: Iterable[Artifact]) -> Form:
        """Return a form with its files checked out."""
        row = tuple(sorted(adapters, key=lambda one: str(one.digest)))
        name = base.digest.short
        if row:
            name += "-" + sha256("".join(str(one.digest) for one in row).encode()).hexdigest()[:6]
        sizes = self._sizes
        context = min(int(base.manifest.meta.get("context_length", 512)), MOST_CONTEXT)
        spec = EngineSpec(
            name=name,
            model_path=str(self._file(base)),
            alias=base.ref,
            address=self._address(name),
            n_parallel=sizes.slots,
            n_ctx=context * sizes.slots,
            threads=sizes.threads,
            adapters=tuple((one.ref, str(self._file(one))) for one in row),
            connections=sizes.workers * (sizes.slots + sizes.queue),
            kind=_kind(base).name,
            options=base.manifest.meta.get("engine_options") or {},
        )
        return Form(spec, base, row)

    def _at(self, model: Artifact) -> Form:
        """Return the form where a model is asked: the newest that answers, else the newest."""
        base = str(base_of(model) or model.digest)
        forms = [form for form in reversed(self._forms[base]) if form.serves(model)]
        if len(forms) == 1:
            return forms[0]
        return next((form for form in forms if self._answers(form)), forms[0])

    def _answers(self, form: Form) -> bool:
        """Whether all replicas that can run have answered once. One that died since comes back."""
        name, least, waits = form.spec.name, self._sizes.replicas, self._hosting.waits
        running = [
            spec for n, spec in enumerate(self._run_of(form)) if n < least or not waits(spec.name)
        ]
        if name not in self._ready and all(map(self._answered, running)):
            self._ready.add(name)
        return name in self._ready

    def _part(self, now: float, needed: set[str]) -> None:
        """Forget forms that nobody has needed for a while; at once those that never answered.

        So many adapters that join one after the other do not leave an engine each.
        """
        keep = {name for name, at in self._needed_s.items() if now - at < LINGER_S}
        self._needed_s = {name: self._needed_s[name] for name in keep}
        for key, forms in list(self._forms.items()):
            self._forms[key] = [
                form
                for form in forms
                if form.spec.name in needed
                or (form.spec.name in keep and (form is forms[-1] or self._answers(form)))
            ]
            if not self._forms[key]:
                del self._forms[key]
                self._embedded.discard(key)
        self._ready &= keep

    def _all(self) -> Iterator[EngineSpec]:
        for key, forms in self._forms.items():
            for form in forms:
                yield from self._run_of(form)
            llama = forms[-1].spec.kind == LLAMACPP.name if forms else False
            if self._sizes.embeddings and llama and key in self._embedded:
                yield _embedder(forms[-1])

    def _replicas(self, spec: EngineSpec) -> list[EngineSpec]:
        more = [f"{spec.name}.{n}" for n in range(2, self._sizes.most + 1)]
        return [spec, *(replace(spec, name=name, address=self._address(name)) for name in more)]

    def _target(self, spec: EngineSpec, form: Form, model: Artifact) -> shape.Target:
        dialects = ADAPTED if form.adapters else KINDS.get(spec.kind).dialects
        return shape.Target(
            name=spec.name, url=spec.address, model=model.ref, engine=True, provider="engine",
            dialects=dict(dialects), price=0, capacity=spec.n_parallel,
            queue=self._sizes.queue, region=self._region,
            fields={"lora": spec.lora_of(model.ref)} if spec.kind == "llamacpp" else {},
        )  # fmt: skip

    def _address(self, name: str) -> str:
        return f"unix:{self._run / f'engine-{name}.sock'}"


def _embedder(form: Form) -> EngineSpec:
    """The process that makes a base's vectors; one for all forms."""
    name = f"{form.base.digest.short}.e"
    address = form.spec.address.rpartition("/")[0] + f"/engine-{name}.sock"
    return replace(form.spec, name=name, address=address, adapters=(), embeds=True)


def holds_schemas(model: Artifact) -> bool:
    """Whether the engine of a model of ours can hold an answer to a JSON schema."""
    return _kind(model).schemas


def _kind(model: Artifact) -> Kind:
    """Return what runs a model.

    Raises:
        UnknownEngineError: nothing here does.
    """
    return engine_of(model.manifest.meta, model.manifest.files)


def answers(at: EngineSpec | shape.Target) -> bool:
    """Whether an engine answers, which it does not before it is warm: it has no socket till then.

    Plain sockets, because there may be as many to ask as channels, many times a second.
    """
    path = (at.address if isinstance(at, EngineSpec) else at.url).removeprefix("unix:")
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(HEALTH_TIMEOUT_S)
            line.connect(path)
            line.sendall(_HEALTH)
            return line.recv(64).startswith((b"HTTP/1.1 200", b"HTTP/1.0 200"))
    except OSError:
        return False


_HEALTH = b"GET /health HTTP/1.1\r\nhost: engine\r\nconnection: close\r\n\r\n"

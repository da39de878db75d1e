"""What differs between two releases, in the words of each part: what a reviewer wants to read."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from volano.core.errors import ForbiddenError, VolanoError
from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.data.keeper import Datasets
from volano.evals.errors import NoCommonScoreError, OtherRowsError
from volano.evals.keeper import Evals
from volano.releases.keeper import Releases
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog
from volano.traces.difference import Piece, words

PROMPT, MODEL, REPORT = "prompt", "model", "report"
_MADE_FROM = ("base", "parent", "data", "dataset", "own")
_SHOWN = ("parameters", "format", "quantization", "context_length", "license")
Row = dict[str, Any]
Price = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReleaseDifference:
    """How release `b` differs from `a`; each part is empty where nothing does.

    `pins`: role with the refs of both. `words`: what the prompt says, as pieces that stand in
    both, only in a, or only in b. `settings`: of prompt and models, name by name. `weights`:
    what each model was made from. `data`: rows of datasets behind them, by split. `scores`: of
    reports on the same rows, paired. `price`: of each model that costs something.
    """

    a: str
    b: str
    same: bool
    pins: tuple[Row, ...]
    words: tuple[Piece, ...]
    settings: tuple[Row, ...]
    weights: tuple[Row, ...]
    data: tuple[Row, ...]
    scores: tuple[Row, ...]
    price: tuple[Row, ...]
    notes: tuple[str, ...]


class Differences:
    """Compares releases. `price_of` tells the rates of a model as plain values, or None."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        releases: Releases,
        datasets: Datasets,
        evals: Evals,
        price_of: Callable[[Artifact], Price | None],
    ):
        self._catalog = catalog
        self._releases = releases
        self._datasets = datasets
        self._evals = evals
        self._price_of = price_of

    def between(self, a: Ref | str, b: Ref | str, *, by: Principal) -> ReleaseDifference:
        """Return how release `b` differs from release `a`, part by part.

        Rows of data are told by their number only, and only of datasets that are for this reader.

        Raises:
            UnknownArtifactError: there is no such release.
        """
        first, second = self._releases.get(a), self._releases.get(b)
        ours, theirs = self._pinned(first), self._pinned(second)
        notes: list[str] = []
        pins = tuple(_pins(ours, theirs))
        said = [self._said(side.get(PROMPT, ())) for side in (ours, theirs)]
        texts = words(*(text for text, _ in said))
        models = [side.get(MODEL, ()) for side in (ours, theirs)]
        return ReleaseDifference(
            first.ref, second.ref,
            same=not pins,
            pins=pins,
            words=texts if any(piece.of != "both" for piece in texts) else (),
            settings=tuple(_changed(said[0][1], said[1][1])),
            weights=tuple(self._weights(models)),
            data=tuple(self._data(models, by, notes)),
            scores=tuple(self._scores(ours.get(REPORT, ()), theirs.get(REPORT, ()), notes)),
            price=tuple(_changed(*(self._prices(side) for side in models))),
            notes=tuple(notes),
        )  # fmt: skip

    def _pinned(self, release: Artifact) -> dict[str, list[Artifact]]:
        found: dict[str, list[Artifact]] = {}
        for parent in release.manifest.parents:
            found.setdefault(parent.role, []).append(self._catalog.by_digest(parent.digest))
        return found

    def _said(self, prompts: Sequence[Artifact]) -> tuple[str, Row]:
        """Return what prompts say as one text, and everything else in them by name."""
        text: list[str] = []
        rest: Row = {}
        for prompt in prompts:
            content = json.loads(self._catalog.read(prompt, "prompt.json"))
            text += list(_messages(content))
            rest |= {
                name: value
                for name, value in content.items()
                if name not in ("before", "template", "messages", "settings")
            } | {f"settings.{name}": value for name, value in content.get("settings", {}).items()}
        return "\n\n".join(text), {k: v for k, v in rest.items() if v not in (None, "", [], {})}

    def _weights(self, models: Sequence[Sequence[Artifact]]) -> Iterator[Row]:
        """Say of each model that is only in one of the two what it was made from."""
        digests = [{one.digest for one in side} for side in models]
        for at, side in enumerate(models):
            for model in side:
                if model.digest not in digests[1 - at]:
                    meta = model.manifest.meta
                    yield {
                        "of": "ab"[at], "model": model.ref, "bytes": model.size,
                        **{name: meta[name] for name in _SHOWN if name in meta},
                        "made_from": [
                            f"{role} {one.ref}" for role, one in self._makers(model)
                        ],
                    }  # fmt: skip

    def _makers(self, model: Artifact) -> Iterator[tuple[str, Artifact]]:
        """Yield what a model was made from, nearest first, through its bases."""
        seen = {model.digest}
        queue = [model]
        while queue:
            for parent in queue.pop(0).manifest.parents:
                if parent.role in _MADE_FROM and parent.digest not in seen:
                    seen.add(parent.digest)
                    one = self._catalog.by_digest(parent.digest)
                    yield parent.role, one
                    if one.kind == MODEL:
                        queue.append(one)

    def _data(
        self, models: Sequence[Sequence[Artifact]], by: Principal, notes: list[str]
    ) -> Iterator[Row]:
        """Compare the datasets behind the models, those of one name with each other."""
        sides: list[dict[str, Artifact]] = [
            {one.name: one for model in side for _, one in self._makers(model)
             if one.kind == "dataset"}
            for side in models
        ]  # fmt: skip
        for name in sorted({*sides[0], *sides[1]}):
            one, two = sides[0].get(name), sides[1].get(name)
            if one is None or two is None or one.digest != two.digest:
                row: Row = {"a": one.ref if one else None, "b": two.ref if two else None}
                if one and two:
                    row["rows"] = self._rows(one, two, by, notes)
                yield row

    def _rows(self, one: Artifact, two: Artifact, by: Principal, notes: list[str]) -> Row | None:
        try:
            return self._datasets.diff(one.ref, two.ref, by=by)
        except ForbiddenError as error:
            notes.append(error.message)
        except VolanoError as error:
            notes.append(f"{one.ref} and {two.ref} cannot be compared: {error.message}")
        return None

    def _scores(
        self, ours: Sequence[Artifact], theirs: Sequence[Artifact], notes: list[str]
    ) -> Iterator[Row]:
        """Compare the reports of both that speak of the same rows."""
        for one, two in product(ours, theirs):
            if one.digest == two.digest:
                continue
            try:
                found = self._evals.compare(one.ref, two.ref)
            except (OtherRowsError, NoCommonScoreError):
                continue  # about something else
            except VolanoError as error:
                notes.append(f"{one.ref} and {two.ref} cannot be compared: {error.message}")
                continue
            yield {"a": one.ref, "b": two.ref, "n": found["n"], "scores": found["scores"]}

    def _prices(self, models: Sequence[Artifact]) -> Row:
        found: Row = {}
        for number, model in enumerate(models):
            which = f"model {number + 1} " if len(models) > 1 else ""
            for name, value in (self._price_of(model) or {}).items():
                found[f"{which}{name}"] = value
        return found


def _pins(
    ours: Mapping[str, list[Artifact]], theirs: Mapping[str, list[Artifact]]
) -> Iterator[Row]:
    for role in dict.fromkeys([*ours, *theirs]):
        one, two = ours.get(role, []), theirs.get(role, [])
        if [each.digest for each in one] != [each.digest for each in two]:
            yield {"role": role, "a": _refs(one), "b": _refs(two)}


def _refs(artifacts: Sequence[Artifact]) -> str:
    return ", ".join(one.ref for one in artifacts)


def _messages(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield a prompt's messages as `role: text`, of the old form and of the new one."""
    for message in content.get("before") or ():
        yield f"{message['role']}: {message['content']}"
    for message in content.get("messages") or ():
        yield f"{message['role']}: {message['content']}"
    if "template" in content and not content.get("messages"):
        yield f"user: {content['template']}"


def _changed(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Row]:
    for name in dict.fromkeys([*a, *b]):
        if a.get(name) != b.get(name):
            yield {"name": name, "a": a.get(name), "b": b.get(name)}

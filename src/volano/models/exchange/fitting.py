"""Fitting: an adapter from outside goes with the base that was said, matrix by matrix.

Low-rank additions of one base have names and widths that another has not. Without this look an
adapter on a wrong base would be found out by the engine, under traffic.

Loaders and versions of transformers put other words before `layers.0.`, so names are compared
from there on. What is packed (quantised) has no shape that could be compared.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from volano.models.checks.configs import check_config
from volano.models.checks.safetensors import check_safetensors
from volano.models.errors import RefusedFileError
from volano.models.exchange.found import CONFIG, Found
from volano.models.keeper import Models
from volano.store.artifact import Artifact

WEIGHTS, BEFORE = "adapter_model.safetensors", "base_model.model."
DOWN, UP = ".lora_A.weight", ".lora_B.weight"
WAY = "Name the model that it was trained on with --base, or import that first."

PLAIN = ("F32", "F16", "BF16", "F8")
"""How the names of dtypes begin whose matrices have their true shape."""
LAYER = re.compile(r"(?:^|\.)((?:layers?|h|blocks?)\.\d+\..*)")
NUMBER = re.compile(r"\.(\d+)\.")

Shape = tuple[int, ...]
Shapes = list[Shape]


def check_fit(found: Found, base: Artifact, models: Models) -> None:
    """Compare an adapter's matrices with those of its base, as far as both are plain safetensors.

    Where none has a known name, and layers and widths agree all the same, that is a note.

    Raises:
        RefusedFileError: the base is no model with weights, or has not these matrices.
        CorruptBlobError: the base's stored bytes are damaged.
    """
    if base.manifest.meta.get("format") in ("adapter", "pointer"):
        _no(f"`{base.ref}` has no weights of its own that it could be added to")
    names = base.manifest.files
    shards = [name for name in names if name.endswith(".safetensors")]
    if not shards or WEIGHTS not in found.files:
        return
    if CONFIG in names and "quantization_config" in check_config(
        models.file(base.ref, CONFIG), CONFIG
    ):
        return
    weights: dict[str, Shape] = {}
    packed: set[str] = set()
    for name in shards:
        told = check_safetensors(models.file(base.ref, name), name, numbers=False)
        plain = {one for one, dtype in told.types.items() if dtype.startswith(PLAIN)}
        weights |= {one: told.shapes[one] for one in plain}
        packed |= {_tail(one).rpartition(".")[0] for one in told.names if one not in plain}
    added = check_safetensors(found.files[WEIGHTS], WEIGHTS, numbers=False).shapes
    every = [one for name, shape in added.items() for one in _added(name, shape)]
    targets = [one for one in every if _tail(one[0]).removesuffix(".weight") not in packed]
    here = _Matrices(weights)
    matched = [(target, width, here.of(target)) for target, width in targets if here.of(target)]
    if targets and not matched:
        if not all(here.may_have(target, width) for target, width in targets):
            _no(f"it adds to `{targets[0][0][:120]}`, which `{base.ref}` has not")
        found.notes.append(
            f"`{base.ref}` has no matrix by the name `{targets[0][0][:120]}`; the layers and widths "
            "of the adapter are among its own. Compare some answers with and without it."
        )
    for target, width, shapes in matched:  # loaders may name some others than files do
        if not any(width in shape for shape in shapes):
            dims = "×".join(map(str, shapes[0]))
            _no(f"it adds {width} wide to `{target[:120]}`, which is {dims} in `{base.ref}`")


class _Matrices:
    """A base's matrices, by name and by layer."""

    def __init__(self, weights: Mapping[str, Shape]):
        self._weights = weights
        self._tails: defaultdict[str, Shapes] = defaultdict(list)
        self._layers: defaultdict[str, Shapes] = defaultdict(list)
        for name, shape in weights.items():
            self._tails[_tail(name)].append(shape)
            self._layers[_number(name)].append(shape)

    def of(self, target: str) -> Sequence[Shape]:
        """Return the shapes that a target may have: that of its name, else of those that end likewise."""
        if target in self._weights:
            return [self._weights[target]]
        return self._tails.get(_tail(target), [])

    def may_have(self, target: str, width: int) -> bool:
        """Whether some matrix of the same layer is so wide."""
        return any(width in shape for shape in self._layers.get(_number(target), ()))


def _tail(name: str) -> str:
    found = LAYER.search(name)
    return found[1] if found else name


def _number(name: str) -> str:
    found = NUMBER.search(name)
    return found[1] if found else ""


def _added(name: str, shape: Shape) -> Iterator[tuple[str, int]]:
    """Give the matrix that one of an adapter is added to, and the width that this must have."""
    for end, at in ((DOWN, -1), (UP, 0)):
        if name.endswith(end) and shape:
            yield f"{name.removeprefix(BEFORE).removesuffix(end)}.weight", shape[at]


def _no(reason: str) -> None:
    raise RefusedFileError(file=WEIGHTS, reason=reason, way=WAY)

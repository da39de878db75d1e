"""ONNX: a model's folder as a graph with a cache of keys and values, for ONNX Runtime.

Inputs: `input_ids`, `position_ids` `(batch, sequence)`, `attention_mask`
`(batch, past + sequence)`, and for each layer `past.N.key`, `past.N.value`
`(batch, heads, past, width)`; outputs: `logits` `(batch, sequence,
vocabulary)` and `present.N.…`. All three lengths are free; `past` begins at 0. Exported by
torch's own exporter. `int8` packs weights by the dynamic quantization of ONNX
Runtime, `int4` in blocks of 32 (MatMulNBits); the embedding stays as it is in int4.
"""

import logging
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch

from volano.models.export.errors import NotExportableError

FILE, DATA = "model.onnx", "model.onnx.data"
LARGE_BYTES = 1 << 30
"""Above this, weights lie in a file beside the graph: protobuf ends at 2 GiB."""
BLOCK = 32


def export(folder: Path, target: Path, *, precision: str) -> tuple[list[str], dict[str, Any]]:
    """Write `model.onnx`; return the files an engine loads, and facts.

    Args:
        folder: config, tokenizer and safetensors.
        target: the folder to write into.
        precision: `float32`, `int8` or `int4`.

    Raises:
        NotExportableError: torch's exporter does not take the model.
    """
    with tempfile.TemporaryDirectory(dir=target) as work:
        whole = Path(work) / FILE
        _graph(folder, whole)
        if precision == "float32":
            for file in sorted(Path(work).iterdir()):
                file.replace(target / file.name)
        elif precision == "int8":
            _int8(whole, target / FILE)
        else:
            _int4(whole, target / FILE)
    files = [name for name in (FILE, DATA) if (target / name).is_file()]
    return [*files, "tokenizer.json"], {"tensors": types(target / FILE), "cache": True}


def types(path: Path) -> dict[str, int]:
    """Return how many weights of each type the graph holds: `{"INT8": 15, "FLOAT": 5}`."""
    from collections import Counter

    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    kinds = (t.data_type for t in graph.initializer if len(t.dims))
    return dict(Counter(onnx.TensorProto.DataType.Name(k) for k in kinds).most_common())


class Cached(torch.nn.Module):
    """A causal model whose cache is plain tensors, as a graph wants it."""

    def __init__(self, model: Any):
        super().__init__()
        self.model = model
        self.layers = model.config.num_hidden_layers

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        position_ids: torch.Tensor,
        *past: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        """Return logits, and keys and values of each layer with the new ones appended."""
        from transformers import DynamicCache

        before, width = past[0].shape[2], attention_mask.shape[1]
        asks = torch.arange(input_ids.shape[1]) + before
        seen = torch.arange(width)[None, :] <= asks[:, None]
        allowed = seen[None, None] & (attention_mask[:, None, None, :] > 0)
        mask = torch.where(allowed, 0.0, torch.finfo(torch.float32).min)
        pairs = [(past[2 * at], past[2 * at + 1]) for at in range(self.layers)]
        said = self.model(
            input_ids=input_ids,
            attention_mask=mask,
            position_ids=position_ids,
            past_key_values=DynamicCache(pairs),
            use_cache=True,
        )
        kept = [t for layer in said.past_key_values.layers for t in (layer.keys, layer.values)]
        return (said.logits, *kept)


def _graph(folder: Path, path: Path) -> None:
    from volano.models.export.network import load

    model = load(folder)
    model.config._attn_implementation = "eager"  # noqa: SLF001  transformers has no other door
    config = model.config
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    layers = config.num_hidden_layers
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    past = [torch.zeros(2, heads, 4, head) for _ in range(2 * layers)]
    given = (
        torch.ones(2, 3, dtype=torch.long),
        torch.ones(2, 7, dtype=torch.long),
        torch.arange(4, 7).repeat(2, 1),
        *past,
    )
    free = torch.export.Dim.DYNAMIC
    shapes = (*[{0: free, 1: free}] * 3, tuple({0: free, 2: free} for _ in past))
    names = [f"{n}.{part}" for n in range(layers) for part in ("key", "value")]
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch about itself
            program = torch.onnx.export(
                Cached(model).eval(),
                given,
                dynamo=True,
                dynamic_shapes=shapes,
                input_names=[
                    "input_ids", "attention_mask", "position_ids", *(f"past.{n}" for n in names),
                ],
                output_names=["logits", *(f"present.{n}" for n in names)],
                verbose=False,
            )  # fmt: skip
    except (RuntimeError, ValueError, torch.onnx.errors.OnnxExporterError) as error:
        reason = str(error).strip().splitlines()[0]
        raise NotExportableError(folder=folder, reason=reason, form="ONNX") from error
    if program is None:
        raise NotExportableError(folder=folder, reason="the exporter gave nothing", form="ONNX")
    size = sum(p.numel() for p in model.parameters()) * 4
    program.save(str(path), external_data=size > LARGE_BYTES)


def _int8(whole: Path, target: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.getLogger().setLevel(logging.ERROR)  # it advises by the root logger
    quantize_dynamic(str(whole), str(target), weight_type=QuantType.QInt8)


def _int4(whole: Path, target: Path) -> None:
    import onnx
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    quantizer = MatMulNBitsQuantizer(onnx.load(whole), block_size=BLOCK, is_symmetric=True)
    quantizer.process()
    quantizer.model.save_model_to_file(str(target))

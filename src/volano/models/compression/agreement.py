"""Agreement: how near a form's distribution of next tokens is to its parent's.

Both read the parent's answers, and at each position say what they would say
next. Of a GGUF the weights are read back into torch: what packing did to them
is seen exactly, the rounding of values inside llama.cpp is not (its answers are
compared as text, by the real engine). ONNX Runtime and CTranslate2 say their
own logits.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from volano.models.compression import network
from volano.models.compression.made import Made
from volano.models.export.vocabulary import Vocabulary

LogProbabilities = Callable[[Sequence[int], int], torch.Tensor]


def agreement(
    made: Made, parent: Path, prompts: Sequence[str], answers: Sequence[str]
) -> dict[str, float]:
    """Return `top_token` (a share) and `kl` (nats, a mean over positions)."""
    vocabulary, whole = Vocabulary.of(parent), network.load(parent)
    said_by = speaker(made)
    same, total, divergence = 0, 0, 0.0
    for prompt, answer in zip(prompts, answers, strict=True):
        start = vocabulary.ids(prompt)
        said = vocabulary.tokenizer.encode(answer, add_special_tokens=False).ids
        ids = [*start, *said, vocabulary.ends[0]]
        wanted, found = network.next_tokens(whole, ids, len(start)), said_by(ids, len(start))
        found = found[:, : wanted.shape[-1]]
        same += int((wanted.argmax(-1) == found.argmax(-1)).sum())
        divergence += float((wanted.exp() * (wanted - found)).sum())
        total += len(wanted)
    return {
        "top_token": round(same / max(total, 1), 5),
        "kl": round(max(0.0, divergence / max(total, 1)), 6),
    }


def speaker(made: Made) -> LogProbabilities:
    """Return what gives a form's log probabilities of tokens from a position on."""
    if made.form.format == "gguf":
        model = read_back(made)
        return lambda ids, first: network.next_tokens(model, ids, first)
    from volano.models.export import greedy

    decoder = greedy.open_decoder(made.folder, made.form.format)

    def speak(ids: Sequence[int], first: int) -> torch.Tensor:
        logits = torch.from_numpy(np.asarray(decoder.logits(ids), dtype=np.float32))
        return torch.log_softmax(logits[first - 1 : -1], -1)

    return speak


def read_back(made: Made) -> network.Network:
    """Return a network with the weights of the GGUF file, unpacked."""
    from volano.models.export import gguf

    model = network.empty(made.folder)
    found = gguf.unpacked(made.folder / "model.gguf", made.folder, list(model.state_dict()))
    weights = {name: torch.from_numpy(array) for name, array in found.items()}
    model.load_state_dict(weights, strict=False)
    model.tie_weights()
    return model

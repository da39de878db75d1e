"""Greedy: answers by ONNX Runtime and by CTranslate2, with nothing else loaded.

A decoder answers token ids with token ids, always taking the likeliest. Neither
torch nor transformers is needed: this is also what a server of these formats runs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np


class Decoder(Protocol):
    """Something that continues token ids."""

    def answer(self, ids: Sequence[int], *, max_tokens: int, ends: Sequence[int]) -> list[int]:
        """Return the greedy continuation, with neither prompt nor end token."""
        ...

    def logits(self, ids: Sequence[int]) -> np.ndarray:
        """Return logits `(positions, vocabulary)` of the next token after each."""
        ...


def open_decoder(folder: Path, form: str, *, threads: int = 1) -> Decoder:
    """Load the model of a folder; `form` is `onnx` or `ct2`."""
    if form == "onnx":
        return OnnxDecoder(folder / "model.onnx", threads=threads)
    return Ct2Decoder(folder, threads=threads)


class OnnxDecoder:
    """A graph as `export.onnx` writes it."""

    def __init__(self, path: Path, *, threads: int = 1):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        inputs = [i for i in self._session.get_inputs() if i.name.startswith("past.")]
        self._past = [i.name for i in inputs]
        self._shapes = [(i.shape[1], i.shape[3]) for i in inputs]

    def answer(self, ids: Sequence[int], *, max_tokens: int, ends: Sequence[int]) -> list[int]:
        """Return the greedy continuation: the prompt at once, then token by token."""
        said: list[int] = []
        logits, kept = self._run(ids, self._nothing(), 0)
        while len(said) < max_tokens:
            token = int(logits[-1].argmax())
            if token in ends:
                break
            said.append(token)
            logits, kept = self._run([token], kept, len(ids) + len(said) - 1)
        return said

    def logits(self, ids: Sequence[int]) -> np.ndarray:
        """Return logits `(positions, vocabulary)`."""
        return self._run(ids, self._nothing(), 0)[0]

    def _nothing(self) -> list[np.ndarray]:
        return [np.zeros((1, heads, 0, width), np.float32) for heads, width in self._shapes]

    def _run(
        self, ids: Sequence[int], kept: Sequence[np.ndarray], at: int
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        end = at + len(ids)
        feeds: dict[str, Any] = {
            "input_ids": np.array([list(ids)], np.int64),
            "attention_mask": np.ones((1, end), np.int64),
            "position_ids": np.arange(at, end, dtype=np.int64)[None],
            **dict(zip(self._past, kept, strict=True)),
        }
        logits, *present = self._session.run(None, feeds)
        return logits[0], present


class Ct2Decoder:
    """A folder as `export.ct2` writes it; its vocabulary turns ids into its tokens."""

    def __init__(self, folder: Path, *, threads: int = 1):
        import ctranslate2
        from tokenizers import Tokenizer

        self._model = ctranslate2.Generator(str(folder), intra_threads=threads, inter_threads=1)
        self._words = Tokenizer.from_file(str(folder / "tokenizer.json"))

    def answer(self, ids: Sequence[int], *, max_tokens: int, ends: Sequence[int]) -> list[int]:
        """Return the greedy continuation."""
        result = self._model.generate_batch(
            [self._tokens(ids)],
            max_length=max_tokens,
            sampling_topk=1,
            include_prompt_in_result=False,
            end_token=list(ends),
        )[0]
        return [token for token in result.sequences_ids[0] if token not in ends]

    def logits(self, ids: Sequence[int]) -> np.ndarray:
        """Return logits `(positions, vocabulary)`."""
        return np.array(self._model.forward_batch([self._tokens(ids)]))[0]

    def _tokens(self, ids: Sequence[int]) -> list[str]:
        return [str(self._words.id_to_token(token)) for token in ids]

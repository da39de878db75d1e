"""Parity: does the exported file answer as the trained weights do?

An export can go wrong without an error: a reordered row, another splitting of
words, a chat template that adds a blank. So the same prompts are answered
greedily twice, by the trained weights in torch and by the file through the
real engine and its chat completions, and the answers are compared as text.
"""

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from volano.core.digest import Digest
from volano.core.ports.chat import Chat
from volano.serving import EngineSpec, engine

REQUIRED = {"F32": 0.99, "F16": 0.95, "BF16": 0.9, "Q8_0": 0.9, "Q6_K": 0.8}
FEWER_BITS = 0.5
"""The share of equal answers below which a file may not be used.

F32 is the same arithmetic in another order: log probabilities differ by some
1e-6, so that all answers are expected to be equal, and 1 in 100 may fall on a
tie of two tokens. A broken export shows at once: next to none is equal. Q8_0
rounds each weight to 8 bits, which may honestly turn an unsure answer; there
the figure says that it is still the same model, and evaluation says how good.
With fewer bits (`FEWER_BITS`) half of the answers must be the same.
"""

PARALLEL = 4

Asked = str | Sequence[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Parity:
    """How many of `n` greedy answers were equal, of the file with this digest."""

    n: int
    equal: int
    precision: str
    gguf: Digest
    first_difference: tuple[str, str, str] | None = None

    @property
    def passed(self) -> bool:
        """Whether the file may be used."""
        return self.n > 0 and self.equal >= REQUIRED.get(self.precision, FEWER_BITS) * self.n

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            **asdict(self),
            "passed": self.passed,
            "required": REQUIRED.get(self.precision, FEWER_BITS),
        }


def check(
    gguf: Path,
    prompts: Sequence[Asked],
    expected: Sequence[str],
    *,
    precision: str,
    max_tokens: int,
    context: int,
    adapter: Path | None = None,
) -> Parity:
    """Ask the file's engine the prompts, and compare with the trained weights' answers.

    A prompt is what a person says, or a whole conversation.

    With an `adapter` it answers by that, and the proof is about the adapter's file.

    Raises:
        EngineFailedError: the engine does not take the file.
    """
    with tempfile.TemporaryDirectory(prefix="volano-") as folder:
        spec = EngineSpec(
            name=gguf.stem,
            model_path=str(gguf.absolute()),
            alias="parity",
            address=f"unix:{folder}/engine.sock",
            n_parallel=PARALLEL,
            n_ctx=PARALLEL * context,
            adapters=(("adapter", str(adapter.absolute())),) if adapter else (),
        )
        alias = "adapter" if adapter else ""
        with engine(spec, alias=alias) as chat, ThreadPoolExecutor(PARALLEL) as pool:
            said = list(pool.map(lambda prompt: _ask(chat, prompt, max_tokens), prompts))
    pairs = list(zip(prompts, expected, said, strict=True))
    different = [(_said(asked), a, b) for asked, a, b in pairs if a != b]
    return Parity(
        n=len(pairs),
        equal=len(pairs) - len(different),
        precision=precision,
        gguf=Digest.of((adapter or gguf).read_bytes()),
        first_difference=different[0] if different else None,
    )


def _said(asked: Asked) -> str:
    return asked if isinstance(asked, str) else asked[-1]["content"]


def _ask(chat: Chat, asked: Asked, max_tokens: int) -> str:
    messages = [{"role": "user", "content": asked}] if isinstance(asked, str) else list(asked)
    return chat(messages, max_tokens=max_tokens, temperature=0).text

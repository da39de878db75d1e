"""EngineSpec: all that an engine process needs to know, in one JSON line."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from volano.serving.errors import BadAddressError, UnknownEngineError

DIALECTS = {
    "openai.chat": "/v1/chat/completions",
    "openai.completions": "/v1/completions",
    "anthropic.messages": "/v1/messages",
    "anthropic.count_tokens": "/v1/messages/count_tokens",
}
"""What an engine understands, and where. Embeddings need an engine of their own kind."""

STARTED = ("llamacpp", "ctranslate2", "onnx", "vllm", "sglang")
"""The kinds of engines that are started here, each by a module of its name."""

ADAPTED = {name: path for name, path in DIALECTS.items() if name != "anthropic.messages"}
"""What an engine with adapters is asked in: `/v1/messages` drops the field that says which one."""

EMBEDDING = {"openai.embeddings": "/v1/embeddings"}
"""What an engine that embeds is asked for."""

MOST_CONTEXT = 8192
"""Tokens of one conversation, also where a file says more: each slot's memory grows with them."""

MAX_SOCKET_PATH = 107
"""Bytes that fit into a Unix socket's address (`sun_path`, unix(7))."""


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """One model in one engine process, with all adapters that it may answer by.

    `address` is `unix:/…/name.sock`; `alias` is the model name clients see;
    `n_ctx` counts the tokens of all `n_parallel` conversations together;
    `threads` are compute threads; `connections` how many may be open at a time.
    `adapters` are (alias, path of a GGUF adapter): the place in this row is the
    number by which a request names one (`lora_of`). One that `embeds` gives
    vectors, not texts. `kind` names the engine
    (`serving.engines`), whose own settings are in `options`. `model_path` is a
    GGUF file, or the folder of any other format.
    """

    name: str
    model_path: str
    alias: str
    address: str
    n_parallel: int = 8
    n_ctx: int = 8 * 512
    threads: int = 1
    adapters: tuple[tuple[str, str], ...] = ()
    connections: int = 0
    embeds: bool = False
    kind: str = "llamacpp"
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "EngineSpec":
        """Read a spec back from plain values. Raises TypeError or ValueError on anything else."""
        adapters = tuple((str(alias), str(path)) for alias, path in raw.get("adapters", ()))
        return cls(**{**raw, "adapters": adapters})

    def lora_of(self, alias: str) -> list[dict[str, float]]:
        """Return llama.cpp's `lora` for a request: this adapter on, all others off.

        For the base one is named and off. To name none comes to the same answer, but
        llama.cpp then takes what the slot remembers of the prompt, though it was
        computed by the adapter that had the slot before (xllamacpp 2026.10: every
        tenth answer of a small base was wrong).

        Raises:
            ValueError: neither the base nor an adapter of this engine is called so.
        """
        if alias == self.alias:
            return [{"id": 0, "scale": 0.0}] if self.adapters else []
        return [{"id": [name for name, _ in self.adapters].index(alias), "scale": 1.0}]

    @property
    def socket(self) -> Path:
        """The path of the Unix socket.

        Raises:
            BadAddressError: not `unix:` with a path ending in `.sock`, or the
                path is longer than the system allows.
        """
        scheme, _, path = self.address.partition(":")
        if scheme != "unix" or not path.startswith("/") or not path.endswith(".sock"):
            raise BadAddressError(
                address=self.address, reason="an engine listens on `unix:/…/name.sock`"
            )
        if len(path.encode()) > MAX_SOCKET_PATH:
            raise BadAddressError(
                address=self.address,
                reason=f"a socket's path may have {MAX_SOCKET_PATH} bytes",
                hint="Use a state folder with a shorter path.",
            )
        return Path(path)

    def to_json(self) -> str:
        """Return the spec as one line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "EngineSpec":
        """Read the spec back. Raises TypeError or ValueError on anything else."""
        return cls.from_dict(json.loads(text))


def command(spec: EngineSpec) -> list[str]:
    """Return the command line of this engine's process.

    Each kind that can be started has a module of its name, which is given the spec.

    Raises:
        UnknownEngineError: there is no such kind, or none that is started here.
    """
    if spec.kind not in STARTED:
        raise UnknownEngineError(kind=spec.kind, known=", ".join(STARTED))
    return [sys.executable, "-m", f"volano.adapters.engines.{spec.kind}", "--spec", spec.to_json()]

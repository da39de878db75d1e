"""An engine process for as long as a block runs: for parity checks and evaluations.

The child gets a lifeline: the read end of a pipe whose write end only this
process holds. Whatever ends this process, kill -9 included, ends the child.
(`PR_SET_PDEATHSIG` is not used here: it fires when the *thread* that started
the child ends, and job steps run on threads.)
"""

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import IO

from volano.core.errors import VolanoError
from volano.serving.chat import HttpChat, open_chat
from volano.serving.engines import LLAMACPP
from volano.serving.errors import EngineFailedError
from volano.serving.spec import EngineSpec, command

STOP_S = 5.0
"""How long an engine may take to end after SIGTERM before it is killed."""


@contextmanager
def engine(
    spec: EngineSpec, *, alias: str = "", start_s: float = 60.0, timeout_s: float = 60.0
) -> Iterator[HttpChat]:
    """Start an engine, wait until it is healthy, give its chat, and end it.

    Who asks it for vectors starts a second process, which ends with it; an adapter gives none.

    Args:
        spec: the model and where to listen.
        alias: who answers, the base or one of its adapters; the base when not given.
        start_s: how long loading may take.
        timeout_s: how long one answer may take.

    Raises:
        EngineFailedError: it ended or was not healthy in time; says its last words.
        BadAddressError: the spec's address cannot be listened on.
    """
    socket = spec.socket
    with tempfile.TemporaryFile() as words, _child(spec, words) as child:
        try:
            alias = alias or spec.alias
            fields = {"lora": spec.lora_of(alias)} if spec.adapters else {}
            with (
                open_chat(spec.address, alias, timeout_s=timeout_s, fields=fields) as chat,
                ExitStack() as beside,
            ):
                _wait(spec, child, chat, words, start_s)
                if alias == spec.alias and spec.kind == LLAMACPP.name and not spec.embeds:
                    again = partial(engine, _embedder(spec), start_s=start_s, timeout_s=timeout_s)
                    chat.embedder = _Once(lambda: beside.enter_context(again()))
                yield chat
        finally:
            _end(child)
            socket.unlink(missing_ok=True)


class _Once:
    """What is opened when it is first asked for, by whichever thread; a failure is told again."""

    def __init__(self, opened: Callable[[], HttpChat]):
        self._opened, self._lock = opened, threading.Lock()
        self._chat: HttpChat | None = None
        self._error: VolanoError | None = None

    def __call__(self) -> HttpChat:
        with self._lock:
            if self._error is not None:  # it would take its whole time once more
                raise self._error
            try:
                self._chat = self._chat or self._opened()
            except VolanoError as error:
                self._error = error
                raise
            return self._chat


def _embedder(spec: EngineSpec) -> EngineSpec:
    """Return the process that gives the vectors of a base: one that chats gives none."""
    address = f"{spec.address.removesuffix('.sock')}-e.sock"
    return replace(spec, name=f"{spec.name}.e", address=address, adapters=(), embeds=True)


@contextmanager
def _child(spec: EngineSpec, words: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    lifeline, held = os.pipe()
    try:
        child = subprocess.Popen(
            command(spec),
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            env={**os.environ, "VOLANO_LIFELINE": str(lifeline)},
            pass_fds=(lifeline,),
        )
    except BaseException:
        os.close(held)
        raise
    finally:
        os.close(lifeline)
    try:
        yield child
    finally:
        os.close(held)


def _wait(
    spec: EngineSpec,
    child: subprocess.Popen[bytes],
    chat: HttpChat,
    words: IO[bytes],
    start_s: float,
) -> None:
    until = time.monotonic() + start_s
    while not (spec.socket.exists() and chat.ready()):
        if child.poll() is not None:
            raise EngineFailedError(name=spec.name, reason=_last_words(words))
        if time.monotonic() > until:
            reason = f"not ready after {start_s:.0f} s; {_last_words(words)}"
            raise EngineFailedError(name=spec.name, reason=reason)
        time.sleep(0.01)


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _last_words(words: IO[bytes], lines: int = 4) -> str:
    words.seek(max(0, words.seek(0, os.SEEK_END) - 4000))
    text = words.read().decode(errors="replace").strip().splitlines()
    return "; ".join(line.strip() for line in text[-lines:]) or "it said nothing"

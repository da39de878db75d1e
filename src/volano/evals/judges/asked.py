"""Asking many things of judges, several at once, each written down before it counts."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

from volano.core.ports.chat import Chat
from volano.evals.journal import Journal
from volano.evals.judges.judge import Judge
from volano.evals.judges.judging import ChatOf, JudgeOf
from volano.evals.quiet import hushed, quiet
from volano.evals.redacted import held_in, struck_values

Open = Callable[[str, Path], AbstractContextManager[Chat]]
"""Opens a model by name; an engine of ours has its socket in the folder."""


@contextmanager
def opened(
    judge: Judge, judge_of: JudgeOf, open_chat: Open, secrets: Sequence[str] = ()
) -> Iterator[ChatOf]:
    """Open every model that this judge (or the members of this panel) asks, once each.

    What they say, and what fails meanwhile, holds no secret.
    """
    models = sorted(_models(judge, judge_of))
    with hushed(secrets), ExitStack() as stack:
        chats = {}
        for at, name in enumerate(models):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=f"volano-{at}-"))
            chats[name] = quiet(stack.enter_context(open_chat(name, Path(folder))), secrets)
        yield chats.__getitem__


def each(
    items: Mapping[str, Any],
    work: Callable[[Any], Mapping[str, Any]],
    *,
    path: Path,
    about: Mapping[str, str],
    at_once: int,
    secrets: Sequence[str] = (),
) -> dict[str, dict[str, Any]]:
    """Return what `work` gives for each item by its key; those in the journal are not asked again.

    No secret stands in what is given, also where a judge escaped it.

    Raises:
        UnavailableError: a model does not answer; what was answered stays in the journal.
        JournalMismatchError, JournalBusyError, CorruptJournalError: the journal.
    """
    with Journal(path, about) as journal, ThreadPoolExecutor(at_once) as pool:
        done = {one["key"]: one for one in journal.done}
        todo = [key for key in items if key not in done]
        waiting = [(key, pool.submit(_without, secrets, work, items[key])) for key in todo]
        try:
            for key, future in waiting:
                one = {"key": key, **future.result()}
                journal.append([one])
                done[key] = one
        except BaseException:
            for key, future in waiting:
                if not future.cancel() and key not in done:
                    with contextlib.suppress(Exception):  # those in flight are paid for
                        journal.append([{"key": key, **future.result()}])
            raise
    return {key: done[key] for key in items}


def _without(
    secrets: Sequence[str], work: Callable[[Any], Mapping[str, Any]], item: Any
) -> Mapping[str, Any]:
    found = work(item)
    return struck_values(found, secrets) if held_in(found, secrets) else found


def _models(judge: Judge, judge_of: JudgeOf) -> set[str]:
    if judge.kind != "panel":
        return {judge.model}
    members: Sequence[Judge] = [judge_of(ref) for ref in judge.judges]
    return {name for one in members for name in _models(one, judge_of)}

"""Measure: what a form costs, and how near its answers are to those of its parent."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from volano.core.errors import UnavailableError
from volano.jobs import lifeline
from volano.models.compression.made import Made
from volano.models.export import edge

TRIAL = "volano.models.compression.trial"
TIMEOUT_S = 3600
SAMPLED = 20
"""How many prompts the comparison of distributions takes."""


class TrialFailedError(UnavailableError):
    """The form {form} did not answer: {reason}."""

    hint = "Its engine may miss a package or memory; see `volano doctor`."


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured, answers included.

    `equal` of `n` answers are the parent's to the letter. `top_token` is the
    share of positions at which both would say the same next token, `kl` the mean
    Kullback-Leibler divergence from the parent's distribution, in nats; both follow
    the parent's answers, and are None where no parent was given, or the form's runtime gives no logits here.
    """

    bytes: int
    load_s: float
    tokens_per_s: float
    answer_ms: float
    peak_bytes: int
    n: int
    equal: int
    answers: list[str]
    top_token: float | None = None
    kl: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def measure(
    made: Made,
    prompts: Sequence[str],
    expected: Sequence[str],
    *,
    max_tokens: int = 64,
    context: int = 512,
    parent: Path | None = None,
) -> dict[str, Any]:
    """Have a form answer, and compare.

    Args:
        made: what `compress` returned.
        prompts: as a person says them to the model: `made.asked` words rows' texts so.
        expected: the parent's greedy answers, as `network.answers` gives them.
        max_tokens: the longest answer.
        context: tokens that prompt and answer have together.
        parent: the parent's folder; with it distributions are compared, which loads torch here.

    Returns:
        the fields of `Measured`.

    Raises:
        TrialFailedError: its engine did not take it.
    """
    done = trial(made, prompts, max_tokens=max_tokens, context=context)
    answers = done["answers"]
    pairs = zip(answers, expected, strict=True)
    near: dict[str, float] = {}
    if parent is not None and made.form.format not in edge.FILES:
        from volano.models.compression.agreement import agreement

        near = agreement(made, parent, prompts[:SAMPLED], expected[:SAMPLED])
    return Measured(
        bytes=made.bytes,
        load_s=done["load_s"],
        tokens_per_s=round(done["tokens"] / max(done["seconds"], 1e-9), 1),
        answer_ms=round(1000 * done["seconds"] / max(len(answers), 1), 3),
        peak_bytes=done["peak_bytes"],
        n=len(answers),
        equal=sum(a == b for a, b in pairs),
        answers=answers,
        **near,
    ).to_dict()


def trial(
    made: Made, prompts: Sequence[str], *, max_tokens: int = 64, context: int = 512
) -> dict[str, Any]:
    """Return the result of `trial.run`, from a process of its own.

    Raises:
        TrialFailedError: it ended with an error; says its last words.
    """
    if made.form.format in edge.FILES:
        return edge.answers(
            made.folder, made.form.format, prompts, max_tokens=max_tokens, tools=made.tools
        )
    spec = {
        "folder": str(made.folder),
        "format": made.form.format,
        "prompts": list(prompts),
        "max_tokens": max_tokens,
        "context": context,
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", TRIAL],
            input=json.dumps(spec),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            **lifeline.handed_on(lifeline.inherited()),
        )
    except subprocess.TimeoutExpired as error:
        raise TrialFailedError(form=made.form.name, reason=f"no end in {TIMEOUT_S} s") from error
    if done.returncode:
        words = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise TrialFailedError(form=made.form.name, reason=words[0])
    return dict(json.loads(done.stdout))

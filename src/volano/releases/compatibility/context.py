"""Context: whether what people ask fits into what the new model can read and write at once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from volano.core.verdict import Verdict
from volano.releases.compatibility.rehearsal import Pair


@dataclass(frozen=True, slots=True)
class Length:
    """The tokens of one recorded request with its answer; None: nobody counted them."""

    trace: str
    tokens: int | None


def fits(
    lengths: Sequence[Length], window: int | None, pairs: Sequence[Pair], model: str
) -> Verdict:
    """Say whether all recorded requests fit into the window of a model; None: it is not known.

    The old model counted them. Where both were asked, the largest growth of a request's tokens
    that was seen is taken for all: other words around it, another tokenizer.
    """
    if window is None:
        return Verdict("unmeasured", f"how much {model} can read and write at once is not known")
    known = [one for one in lengths if one.tokens is not None]
    if not known:
        return Verdict(
            "unmeasured", f"no recorded request tells its tokens ({len(lengths)} do not)"
        )
    growth = max(
        (one.new.prompt_tokens / one.old.prompt_tokens for one in pairs
         if one.old.prompt_tokens and one.new.prompt_tokens), default=1.0,
    )  # fmt: skip
    grown = [(math.ceil((one.tokens or 0) * max(1.0, growth)), one.trace) for one in known]
    longest, trace = max(grown)
    over = sum(tokens > window for tokens, _ in grown)
    evidence = {
        "requests": len(known), "unknown": len(lengths) - len(known), "window": window,
        "longest": longest, "trace": trace, "over": over, "share_over": over / len(known),
        "share_of_window": longest / window, "growth": growth, "counted_anew": len(pairs),
    }  # fmt: skip
    how = f"{growth:.2f} times what was counted before, as on {len(pairs)} replayed" if pairs else (
        "as the old model counted"
    )  # fmt: skip
    seen = f"the longest of {len(known)} requests takes {longest:,} tokens ({how}) of {window:,}"
    blind = f"; {len(lengths) - len(known)} more do not tell" if len(lengths) > len(known) else ""
    if over:
        share = f"{over} ({over / len(known):.2%}) do not fit, such as trace {trace}"
        return Verdict("fail", f"{seen}: {share}{blind}", evidence)
    return Verdict("pass", f"{seen}{blind}", evidence)

"""Nearness of meaning by vectors: of an embedder, or offline by runs of characters."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar
from zlib import crc32

from volano.core.errors import VolanoError
from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.scorers.normal import ALONE, normal
from volano.evals.scorers.one import One, references
from volano.evals.scoring import SCORERS, BadScorerError, Tools, Unmeasured, Value

LOOK = 100_000
SIZE = 2**16


@SCORERS.register("embedding")
@dataclass(frozen=True)
class Embedding(One):
    """Cosine of the answer's vector and the label's; below 0 counts as 0. The best of several references.

    `model` names the embedder: a model, a channel (`channel/support`; it needs no prompt) or TARGET:MODEL that gives OpenAI's embeddings; a model of ours gives its own by a second process. Without one, vectors are hashed runs of three to five characters within words (single
    characters and pairs for Chinese, Japanese, Thai): offline and quick, but near in spelling is not near in
    meaning: a paraphrase in other words scores low. Of a text 100,000 characters are looked at.
    """

    name: ClassVar[str] = "embedding"

    model: str = ""

    def of(self, case: Case, answered: Answered, tools: Tools) -> Value | None:
        """Return the cosine; nothing where labels are objects; unmeasured where no embedder answers."""
        wanted = [text[:LOOK] for text in references(case)]
        if not wanted:
            return None
        said = answered.answer[:LOOK]
        if said in wanted and said.strip():
            return 1.0
        if not self.model:
            return max(_cosine(hashed(said), hashed(text)) for text in wanted)
        if not said.strip():
            return 0.0
        try:
            first, *others = tools.vectors(self.model, [said, *wanted])
        except BadScorerError:
            raise
        except VolanoError as error:
            return Unmeasured(f"the embedder does not answer: {error.message}"[:300])
        found = [_dense(first, other) for other in others]
        if any(math.isnan(one) for one in found) or not found:
            return Unmeasured("the embedder gave no usable vectors")
        return max(found)


@lru_cache(maxsize=64)
def hashed(text: str) -> Counter[int]:
    """Return a text as counts of hashed runs of characters."""
    runs: Counter[str] = Counter()
    for word in normal(text).split():
        if ALONE.search(word):
            runs.update(word)
            runs.update(word[at : at + 2] for at in range(len(word) - 1))
            continue
        told = f"<{word}>"
        for n in (3, 4, 5):
            runs.update(told[at : at + n] for at in range(len(told) - n + 1))
    found: Counter[int] = Counter()
    for run, count in runs.items():
        found[crc32(run.encode("utf-8", "surrogatepass")) % SIZE] += count
    return found


def _cosine(a: Counter[int], b: Counter[int]) -> float:
    dot = sum(count * b[at] for at, count in a.items() if at in b)
    size = math.sqrt(sum(x * x for x in a.values()) * sum(x * x for x in b.values()))
    return min(1.0, dot / size) if size else float(not a and not b)


def _dense(a: Sequence[float], b: Sequence[float]) -> float:
    size = math.hypot(*a) * math.hypot(*b)
    if not size or len(a) != len(b):
        return math.nan
    return min(1.0, max(0.0, math.fsum(x * y for x, y in zip(a, b, strict=True)) / size))

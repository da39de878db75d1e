"""How many letters have to be changed."""

from dataclasses import dataclass
from typing import ClassVar

from volano.evals.scorers.bits import MOST, distance
from volano.evals.scorers.normal import normal
from volano.evals.scorers.one import Likeness
from volano.evals.scoring import SCORERS, Unmeasured, Value


@SCORERS.register("edit_similarity")
@dataclass(frozen=True)
class EditSimilarity(Likeness):
    """1 less the share of characters to insert, delete or replace until the answer is the label.

    The distance is Levenshtein's, divided by the length of the longer text. `normalise` brings both into one
    spelling first. Texts whose lengths multiply to more than 2,000,000,000 are unmeasured, unless they are equal.
    """

    name: ClassVar[str] = "edit_similarity"

    normalise: bool = False

    def like(self, said: str, wanted: str) -> Value:
        """Return the similarity."""
        if self.normalise:
            said, wanted = normal(said), normal(wanted)
        if said == wanted:
            return 1.0
        if len(said) * len(wanted) > MOST:
            return Unmeasured("the texts are too long to be compared letter by letter")
        return 1 - distance(said, wanted) / max(len(said), len(wanted))

"""Voices: the models of one search, each opened once, for as long as it lasts."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from volano.core.ports.chat import Chat
from volano.core.principal import Principal
from volano.costs.price import Price
from volano.evals.candidates import Candidates, Named
from volano.evals.examine import Examiner
from volano.evals.quiet import quiet
from volano.evals.wording.asking import Asked, Asker

PriceOf = Callable[[str, str], Price | None]
"""The price of a model (second) at a target (first; empty: an engine of ours)."""


class Cast:
    """Finds models by name, and what they cost."""

    def __init__(self, candidates: Candidates, examiner: Examiner, price_of: PriceOf):
        self.candidates, self.examiner, self._price_of = candidates, examiner, price_of

    def price(self, named: Named, by: Principal) -> Price | None:
        """Return what a model costs, where that is known."""
        one = self.candidates.askable(named, None, by)
        return self._price_of(one.target, one.far or one.model.ref)


class Voices:
    """Opens models of a cast into `opened`; engines of our own have their sockets in `folder`.

    No secret stands in what they say.
    """

    def __init__(
        self, cast: Cast, opened: ExitStack, folder: Path, asker: Asker, by: Principal,
        *, secrets: Sequence[str] = (),
    ):  # fmt: skip
        self._cast, self._opened, self._folder = cast, opened, folder
        self._asker, self._by, self._secrets = asker, by, secrets
        self._open: dict[str, Asked] = {}

    def of(self, named: Named) -> Asked:
        """Return who a name means, ready to be asked.

        Raises:
            ModelNotUsableError, NoProviderKeyError: it cannot be asked from here.
        """
        if named.ref not in self._open:
            one = self._cast.candidates.askable(named, None, self._by)
            folder = self._folder / str(len(self._open))
            folder.mkdir()
            chat = self._opened.enter_context(self._cast.examiner.chat(one.model, folder))
            self._open[named.ref] = Asked(
                named.ref, quiet(chat, self._secrets), self._cast.price(named, self._by)
            )
        return self._open[named.ref]

    def chat(self, name: str) -> Chat:
        """Open a model for a scorer; its calls are counted like all others."""
        return self._asker.counted(self.of(self._cast.candidates.named(name)))

"""Suites: the verbs. A suite is kept as an artifact, asked as a Run (`sitting`), and ends as a report."""

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.data.keeper import Datasets
from volano.evals.errors import BadOnError, BadSuiteError
from volano.evals.examine import Examiner
from volano.evals.keeper import Evals
from volano.evals.on import Respondents, Wanted
from volano.evals.pace import Patience
from volano.evals.redacted import Held
from volano.evals.remembered import Remembered
from volano.evals.scorers.embedding import Embedding
from volano.evals.scoring import BadScorerError
from volano.evals.sitting import PriceOf, Sitting, no_price
from volano.evals.suite import Suite
from volano.evals.suite_file import from_plain, from_yaml
from volano.jobs.keeper import Runs
from volano.jobs.run import Run
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog

KIND, REPORT, JUDGE = "suite", "report", "judge"
FILE = "suite.json"
Artifacts = list[Artifact]


class Suites:
    """All suites of one workspace."""

    def __init__(
        self,
        runs: Runs,
        catalog: Catalog,
        datasets: Datasets,
        evals: Evals,
        examiner: Examiner,
        respondents: Respondents,
        *,
        remembered: Remembered,
        price_of: PriceOf | None = None,
        patience: Patience | None = None,
        held: Held = tuple,
    ):
        self._runs = runs
        self._catalog = catalog
        self._datasets = datasets
        self._evals = evals
        self._examiner = examiner
        self._respondents = respondents
        sitting = Sitting(
            catalog, datasets, evals, examiner, respondents, remembered=remembered,
            read=self.read, price_of=price_of or no_price, patience=patience or Patience(),
            held=held,
        )  # fmt: skip
        runs.register(KIND, sitting, needs=("suite", "on"))

    def run(
        self,
        what: str | Mapping[str, Any] | Suite,
        *,
        on: str | None = None,
        data: Ref | str | None = None,
        split: str = "test",
        model: str | None = None,
        key_env: str | None = None,
        fresh: bool = False,
        by: Principal,
    ) -> Run:
        """Ask somebody a suite, and keep a report; or ask a flow every row of `data`.

        `what` is a suite's file, a suite that is kept, or with `data` a flow. `on` names whom
        to ask, unless the suite does: a flow, model, channel, TARGET:MODEL, `https://HOST/v1#MODEL`
        (its key in the variable `key_env`), or a prompt with a `model`. What was answered before
        is not asked again, unless `fresh`.

        Raises:
            BadSuiteError: the suite cannot be read.
            BadOnError: there is nobody to ask of this name.
            UnknownArtifactError: there is no such suite, dataset, flow, judge or report of a gate.
        """
        if data is not None:
            if not isinstance(what, str):
                raise BadSuiteError(where="--data", why="a suite names its data itself")
            return self._examiner.run(what, data=data, split=split, by=by)
        kept = self._catalog.get(KIND, what) if isinstance(what, str) else self.save(what, by=by)
        suite = self.read(kept.ref)
        self._datasets.get(suite.data)
        check_named(suite, self._catalog)
        self.check_asked(suite)
        wanted = Wanted(on or suite.on, model or "", key_env or suite.key_env)
        if not wanted.on:
            raise BadOnError(on="", why="nobody is named: say --on, or `on` in the suite")
        inputs = {
            "suite": kept.ref, "on": self._respondents.check(wanted), "model": wanted.model,
            "key_env": wanted.key_env, "fresh": fresh,
        }  # fmt: skip
        if suite.own and isinstance(what, Mapping):
            inputs["folder"] = str(what["folder"])
        return self._runs.start(KIND, name=kept.name, inputs=inputs, by=by, group=by.group)

    def check_asked(self, suite: Suite, *, coming: Collection[str] = ()) -> None:
        """Make sure that the judges and embedders are there that scorers ask; flows may be `coming`.

        Raises:
            UnknownArtifactError: a judge is not.
            BadScorerError: nothing has an embedder's name.
        """
        for judge in _judges(suite):
            self._catalog.get(JUDGE, judge)
        for name in _named(suite, Embedding.name, "model"):
            if name.removeprefix("flow/") in coming:
                continue
            try:
                self._respondents.check(Wanted(name))
            except BadOnError as error:
                why = f"`{name[:200]}` is no embedder: {error.facts['why']}"
                raise BadScorerError(name=Embedding.name, why=why) from error

    def save(self, suite: Mapping[str, Any] | Suite, *, by: Principal) -> Artifact:
        """Keep a suite as the next version of its name; the same suite twice is one version.

        Given as a file (`{"file": name, "text": yaml}`), plain values, or a Suite. A file with its
        `folder` may name scorers in it: `python: checks.py:polite`. They are run.

        Raises:
            BadSuiteError: it cannot be read.
            UnknownArtifactError: there is no such dataset.
        """
        return self.keep(_read(suite), by=by)

    def keep(self, read: Suite, *, after: str = "", by: Principal) -> Artifact:
        """As `save`; what an older version said is a new version `after` another.

        Raises:
            As `save`.
        """
        dataset = self._datasets.get(read.data)
        return self._catalog.record(
            KIND, read.name,
            files={FILE: json.dumps(read.to_dict(), ensure_ascii=False, indent=1).encode()},
            parents=[Parent("dataset", dataset.digest)],
            meta={
                "data": read.data, "split": read.split, "scorers": [*read.scorers],
                "repetitions": read.repetitions, "gates": [*read.gates],
                **({"after": after} if after else {}),
            },
            by=by,
        )  # fmt: skip

    def get(self, ref: str | Ref) -> Artifact:
        """Return a suite's artifact.

        Raises:
            UnknownArtifactError: there is no such suite.
        """
        return self._catalog.get(KIND, ref)

    def list(self, name: str | None = None, *, limit: int = 50) -> Artifacts:
        """Return suites, newest first."""
        return self._catalog.list(KIND, name, limit=limit)

    def read(self, ref: str | Ref) -> Suite:
        """Return what a suite says.

        Raises:
            UnknownArtifactError: there is no such suite.
        """
        return Suite.from_dict(json.loads(self._catalog.read(self.get(ref), FILE)))


def check_named(suite: Suite, catalog: Catalog) -> None:
    """Make sure that what gates and scorers name is there: else all rows would be asked for nothing.

    Raises:
        UnknownArtifactError: a report of a gate, or a judge, is not.
    """
    for gate in suite.conditions():
        if gate.than:
            catalog.get(REPORT, gate.than)
    for judge in _judges(suite):
        catalog.get(JUDGE, judge)


def _judges(suite: Suite) -> Iterator[str]:
    """Yield the judges that scorers name."""
    return _named(suite, "", "judge")


def _named(suite: Suite, scorer: str, setting: str) -> Iterator[str]:
    """Yield what a setting of a scorer names; of any scorer where none is said."""
    for spec in suite.scorers:
        for kind, settings in spec.items() if isinstance(spec, Mapping) else ():
            name = settings.get(setting) if isinstance(settings, Mapping) else None
            if isinstance(name, str) and name and scorer in ("", kind):
                yield name


def _read(suite: Mapping[str, Any] | Suite) -> Suite:
    if isinstance(suite, Suite):
        return from_plain(suite.to_dict())
    if {"file", "text"} <= set(suite) <= {"file", "text", "folder"}:
        name, folder = Path(str(suite["file"])).name, suite.get("folder")
        return from_yaml(str(suite["text"]), name=name, folder=Path(folder) if folder else None)
    return from_plain(suite)


__all__ = ["KIND", "Suites", "check_named"]

"""Improving a prompt as a durable Run.

Its steps: `rows` cuts the rows and writes them into the Run's folder; `search`
asks, with a journal of every call; `record` keeps a better wording as the next
version, with its parents, and the report. A Run that was killed, or failed and
is tried again, goes on with the call where it stopped.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

from volano.core.canon import canonical
from volano.core.digest import Digest
from volano.core.manifest import Parent
from volano.core.principal import Principal
from volano.core.ref import Ref, check_name
from volano.costs.keeper import nano_of
from volano.costs.price import Price
from volano.data.keeper import Datasets
from volano.data.row import Row
from volano.evals.candidates import Candidates, Named
from volano.evals.choice import Choice
from volano.evals.errors import BadConcurrencyError
from volano.evals.examine import MAX_TOKENS, Examiner
from volano.evals.journal import Journal
from volano.evals.keeping import keep
from volano.evals.quiet import hushed
from volano.evals.redacted import Held, held_in, keys, struck_values
from volano.evals.scorers import DEFAULT
from volano.evals.scoring import Tools, check_distinct, make
from volano.evals.wording.asking import Asker
from volano.evals.wording.change import whole
from volano.evals.wording.errors import (
    BadBudgetError,
    BadJudgeRowsError,
    BadRepetitionsError,
    BadScaleError,
    NoClusterError,
    NoPraiseError,
    NoReflectionError,
    UnpricedError,
)
from volano.evals.wording.ground import Ground, Tried
from volano.evals.wording.methods import METHODS
from volano.evals.wording.methods.reflective import require
from volano.evals.wording.praised import LEAST as LEAST_PRAISED
from volano.evals.wording.praised import Praise
from volano.evals.wording.purse import Purse
from volano.evals.wording.rows import LEAST, Cut, cut
from volano.evals.wording.search import TRIALS, check_budget, search
from volano.evals.wording.trail import choice_of
from volano.evals.wording.voices import Cast, PriceOf, Voices
from volano.jobs.keeper import Runs
from volano.jobs.run import Run
from volano.jobs.work import Work
from volano.prompts.keeper import FILE, Prompts, headline
from volano.prompts.keeper import KIND as PROMPT
from volano.prompts.prompt import Prompt
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog

KIND = "eval.improve"
AT_ONCE, SHOTS, MOST_REPETITIONS = 4, 8, 32


class Improver:
    """Starts searches for better words, and is what such a Run does."""

    def __init__(
        self,
        runs: Runs,
        catalog: Catalog,
        prompts: Prompts,
        datasets: Datasets,
        candidates: Candidates,
        examiner: Examiner,
        price_of: PriceOf | None = None,
        praise: Praise | None = None,
        held: Held = tuple,
    ):
        self._runs = runs
        self._catalog = catalog
        self._prompts = prompts
        self._datasets = datasets
        self._cast = Cast(candidates, examiner, price_of or _unpriced)
        self._held = held
        self._praise = praise or (lambda _rows, _metric: {})
        runs.register(KIND, self._work)

    def improve(
        self,
        ref: Ref | str,
        *,
        data: Ref | str,
        model: str,
        budget_calls: int,
        method: str = "few-shot",
        budget_money: str | None = None,
        reflect: str | None = None,
        scorers: Sequence[str] = DEFAULT,
        split: str = "test",
        judge_rows: int | None = None,
        cluster: str | None = None,
        feedback: str | None = None,
        trials: int = TRIALS,
        shots: int = SHOTS,
        repetitions: int = 1,
        at_once: int = AT_ONCE,
        seed: int = 0,
        name: str | None = None,
        by: Principal,
    ) -> Run:
        """Search a better wording of a prompt for a model, and judge it once on held-out rows.

        `model` and `reflect` are models of ours or TARGET:MODEL. A wording that is proven
        better becomes the next version of `name` (the prompt's own name unless said).
        `judge_rows` bounds the held-out rows that are asked; all of them unless said. `cluster` is
        the column that names what rows share (a user, a document): such rows are not independent.
        `feedback` is the metric by which the method `recorded` takes answers from traces.
        Every row is asked `repetitions` times, each within the budget, and its scores are averaged:
        a lucky answer of a model that answers differently each time proves nothing.

        Raises:
            UnknownArtifactError, UnknownCandidateError: there is no such prompt, dataset or model.
            UnknownPluginError, BadScorerError: there is no such method or scorer.
            BadScaleError: the first scorer's scores are no shares, or less of them is better.
            TooFewRowsError, TooSmallBudgetError, NoClusterError, NoPraiseError: nothing could be proven.
            BadBudgetError, UnpricedError: a budget in money that cannot be kept.
            NoReflectionError, GepaMissingError: what the method needs is not there.
            MissingValueError: the prompt has variables beside `input` that have no default.
            BadConcurrencyError, BadJudgeRowsError, BadRepetitionsError: out of bounds.
        """
        if not 1 <= at_once <= 64:
            raise BadConcurrencyError(most=64, given=at_once)
        if judge_rows is not None and judge_rows < LEAST:
            raise BadJudgeRowsError(least=LEAST, given=judge_rows)
        if not 1 <= repetitions <= MOST_REPETITIONS:
            raise BadRepetitionsError(most=MOST_REPETITIONS, given=repetitions)
        entry = METHODS.get(method)
        if method == "gepa":
            require()
        if entry.writes and reflect is None:
            raise NoReflectionError(method=method)
        made = [make(scorer) for scorer in scorers]
        if made and (made[0][1].unit != "share" or not made[0][1].bigger):
            raise BadScaleError(scorer=made[0][0])
        check_distinct(scorers)
        prompt, dataset = self._prompts.get(ref), self._datasets.get(data)
        asked = {"model": model, **({"reflect": reflect} if reflect else {})}
        named = {role: self._cast.candidates.named(one) for role, one in asked.items()}
        kept = check_name(name or prompt.name)
        inputs: dict[str, Any] = {
            "prompt": prompt.ref, "data": dataset.ref, "method": method, "split": split,
            **{role: one.to_dict() for role, one in named.items()},
            "budget_calls": budget_calls, "budget_money": _nano(budget_money),
            "scorers": list(scorers), "judge_rows": judge_rows, "cluster": cluster, "feedback": feedback, "trials": trials, "shots": shots,
            "repetitions": repetitions, "at_once": at_once, "seed": seed, "name": kept,
        }  # fmt: skip
        if budget_money is not None:
            self._check_priced(list(named.values()), by)
        rows = self._with_praise(self._cut(inputs, by, None), inputs)
        self._prompts.read(prompt).render(rows.dev[0].text)  # before a Run fails of it
        check_budget(
            budget_calls, dev=len(rows.dev), judge_rows=len(rows.judge), repetitions=repetitions
        )
        return self._runs.start(KIND, name=kept, inputs=inputs, by=by, group=by.group)

    def _work(self, work: Work) -> dict[str, Any]:
        rows = work.step("rows", self._prepare, work)
        found = work.step("search", self._search, work, rows)
        told = work.step("record", self._record, work, found)
        work.tidy("calls.jsonl", "rows.json", "found.json")
        return cast(dict[str, Any], told)

    def _prepare(self, work: Work) -> dict[str, Any]:
        """Write the rows down, so that a correction of the dataset amid the search changes nothing."""
        rows = self._with_praise(self._cut(work.inputs, work.by, work.run_id), work.inputs)
        path = Path(work.folder) / "rows.json"
        path.write_text(json.dumps(asdict(rows), ensure_ascii=False), encoding="utf-8")
        return {"path": str(path), "leaked": len(rows.leaked)}

    def _search(self, work: Work, prepared: Mapping[str, Any]) -> dict[str, Any]:
        secrets = keys((), self._held())
        with hushed(secrets):
            return self._searched(work, prepared, secrets)

    def _searched(
        self, work: Work, prepared: Mapping[str, Any], secrets: Sequence[str]
    ) -> dict[str, Any]:
        inputs, rows = work.inputs, _rows(Path(prepared["path"]))
        purse = Purse(inputs["budget_calls"], inputs["budget_money"])
        about = {"search": str(Digest.of(canonical(inputs)))}
        with (
            tempfile.TemporaryDirectory(prefix="volano-") as short,
            ExitStack() as opened,
            Journal(Path(work.folder) / "calls.jsonl", about) as book,
        ):
            asker = Asker(book, purse, at_once=inputs["at_once"])
            voices = Voices(self._cast, opened, Path(short), asker, work.by, secrets=secrets)
            ground = Ground(
                asker, voices.of(Named(**inputs["model"])),
                [make(one) for one in inputs["scorers"]],
                incumbent=self._prompts.read(self._prompts.get(inputs["prompt"])),
                learn=rows.learn, dev=rows.dev, settings={"temperature": 0, "max_tokens": MAX_TOKENS},
                reflect=voices.of(Named(**inputs["reflect"])) if "reflect" in inputs else None,
                tools=Tools(chat=voices.chat), source=inputs["data"], shots=inputs["shots"], seed=inputs["seed"],
                repetitions=inputs.get("repetitions", 1),
                recorded={id_: one["answer"] for id_, one in rows.praised.items()},
                told=lambda one: _tell(work, one, purse),
            )  # fmt: skip
            found = search(
                ground,
                inputs["method"],
                rows.judge,
                trials=inputs["trials"],
                clusters=rows.clusters,
            )
        number = f"{inputs['name']}, the new version"
        choice = choice_of(
            ground, rows, found, dataset=inputs["data"], split=inputs["split"],
            old=inputs["prompt"], new=number,
        )  # fmt: skip
        path = Path(work.folder) / "found.json"
        better = found.judged is not None and found.judged.better
        told = {
            "choice": choice.to_dict(),
            "prompt": found.best.prompt.to_bytes().decode() if better else None,
            "searched": {
                "from": inputs["prompt"], "method": inputs["method"], "seed": inputs["seed"],
                "traces": _shown(rows, found.best.prompt),
                "how": found.best.how, "calls": purse.made, "tried": len(ground.tried),
                "scores": found.judged.to_dict() if found.judged else None,
            },
        }  # fmt: skip
        if held_in(told, secrets):  # a model's words, read as JSON, may say what it had escaped
            told = struck_values(told, secrets)
        path.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
        return {"path": str(path)}

    def _record(self, work: Work, found: Mapping[str, Any]) -> dict[str, Any]:
        """Keep the new version, where one is proven better, and the report."""
        inputs = work.inputs
        said = json.loads(Path(found["path"]).read_text(encoding="utf-8"))
        old, dataset = self._prompts.get(inputs["prompt"]), self._datasets.get(inputs["data"])
        subjects, outputs = [Parent("subject", old.digest)], {}
        if said["prompt"] is not None:
            made = self._keep(work, said, old, dataset)
            subjects.append(Parent("winner", made.digest))
            outputs = {"ref": made.ref, "digest": str(made.digest)}
        choice = Choice.from_dict(said["choice"])
        report = keep(
            self._catalog, f"{inputs['name']}-wording", choice,
            dataset=dataset, subjects=subjects, made_by=work.run_id, by=work.by,
        )  # fmt: skip
        return {**outputs, "report": report.ref, "verdict": choice.verdict}

    def _keep(
        self, work: Work, said: Mapping[str, Any], old: Artifact, dataset: Artifact
    ) -> Artifact:
        prompt = Prompt.from_bytes(said["prompt"].encode())
        return self._catalog.record(
            PROMPT, work.inputs["name"],
            files={FILE: prompt.to_bytes()},
            meta={
                "template": headline(prompt), "settings": dict(prompt.settings),
                **({} if prompt.plain else {"variables": list(prompt.variables)}),
                "why": said["choice"]["verdict"], "searched": said["searched"],
            },
            parents=[Parent("parent", old.digest), Parent("dataset", dataset.digest)],
            made_by=work.run_id, by=work.by,
        )  # fmt: skip

    def _cut(self, inputs: Mapping[str, Any], by: Principal, run: str | None) -> Cut:
        train = self._datasets.rows(inputs["data"], "train", by=by, run=run)
        held_out = self._datasets.rows(inputs["data"], inputs["split"], by=by, run=run)
        clusters: dict[str, str] = {}
        if column := inputs["cluster"]:
            for side in ("train", inputs["split"]):
                records = self._datasets.stream(inputs["data"], side, by=by, run=run, whole=True)
                clusters |= {one["id"]: str(one[column]) for one in records
                             if one.get(column) is not None}  # fmt: skip
            if not clusters:
                raise NoClusterError(ref=inputs["data"], column=column)
        return cut(
            train, held_out, ref=inputs["data"], split=inputs["split"],
            seed=inputs["seed"], judge_rows=inputs["judge_rows"], clusters=clusters,
        )  # fmt: skip

    def _with_praise(self, rows: Cut, inputs: Mapping[str, Any]) -> Cut:
        """Return the rows with recorded answers to those that are learned from, where they are asked for.

        Raises:
            NoPraiseError: hardly any has one.
        """
        if inputs["method"] != "recorded":
            return rows
        metric = inputs.get("feedback")
        found = self._praise(rows.learn, metric)
        if len(found) < LEAST_PRAISED:
            of = f" by `{metric}`" if metric else ""
            raise NoPraiseError(n=len(found), of=of, least=LEAST_PRAISED)
        return replace(rows, praised={row: asdict(one) for row, one in found.items()})

    def _check_priced(self, named: Sequence[Named], by: Principal) -> None:
        lacking = [one.name for one in named if self._cast.price(one, by) is None]
        if lacking:
            raise UnpricedError(names=", ".join(lacking))


def _tell(work: Work, one: Tried, purse: Purse) -> None:
    work.progress(purse.made, purse.calls, score=one.score)
    rows = "" if one.full else f" on {len(one.seen)} rows, left there"
    work.log(f"{one.name}: {one.how}: {one.score:.3f}{rows}")


def _rows(path: Path) -> Cut:
    raw = json.loads(path.read_text(encoding="utf-8"))
    sides = {side: [Row(**one) for one in raw[side]] for side in ("learn", "dev", "judge")}
    return Cut(
        **sides, leaked=raw["leaked"], clusters=raw["clusters"], praised=raw.get("praised", {})
    )


def _shown(rows: Cut, prompt: Prompt) -> list[str]:
    """Return the traces whose answers a prompt shows."""
    words = whole(prompt)
    asked = (row for row in rows.learn if row.id in rows.praised and row.text in words)
    return sorted(rows.praised[row.id]["trace"] for row in asked)


def _unpriced(_target: str, _model: str) -> Price | None:
    """Know no price."""
    return None


def _nano(amount: str | None) -> int | None:
    if amount is None:
        return None
    try:
        return nano_of(amount)
    except ValueError as error:
        raise BadBudgetError(given=amount[:40]) from error

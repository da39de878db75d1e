"""Checks: the verb. A change in a repository is read, its checks are asked, and a verdict is told.

Nothing of the change is registered while it is judged: prompts are rendered from their files.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from volano.ci import told
from volano.ci.affected import Planned, notices, other_recipe, planned, rows_of
from volano.ci.allowed import check_allowed, secrets
from volano.ci.asked import NEW, OLD, Asked, Sheet, ask
from volano.ci.errors import (
    BadRulesError,
    NotInWorkspaceError,
    NotRecordedError,
    NotRegisteredError,
)
from volano.ci.judged import PASSED, STOPPED, UNMEASURED, Verdict, judged
from volano.ci.judging import JudgeAnswers, Unrecorded
from volano.ci.kept import keep
from volano.ci.party import Parties, Party
from volano.ci.recordings import Recorded, Recordings
from volano.ci.repository import Base, Repository
from volano.ci.rows import rows
from volano.ci.rules import Check, never
from volano.ci.side import PROMPT, SUITE, Side, before, here
from volano.ci.training import TrainingRecipes, other_training
from volano.core.documents import written
from volano.core.errors import VolanoError
from volano.core.ports.chat import Chat
from volano.core.principal import Principal
from volano.data.keeper import Datasets
from volano.declared import Declarations
from volano.evals.answered import Answered
from volano.evals.cases import case_of, drawn
from volano.evals.errors import NoTestRowsError
from volano.evals.flight import Standing
from volano.evals.judges.standing import judges_of, standings
from volano.evals.keeper import Evals
from volano.evals.linked import linking
from volano.evals.margins import too_wide
from volano.evals.pace import Patience
from volano.evals.redacted import Held, as_written, redacted
from volano.evals.remembered import Remembered
from volano.evals.suite import Suite
from volano.evals.suite_file import from_plain
from volano.evals.suites import check_named
from volano.evals.tools import Toolbox
from volano.flows.written import Written
from volano.jobs.keeper import Runs
from volano.jobs.run import Run
from volano.jobs.work import Work
from volano.prompts.draft import Draft
from volano.prompts.keeper import Prompts
from volano.prompts.prompt import Prompt
from volano.prompts.written import said as said_of
from volano.store.catalog import Catalog
from volano.store.errors import UnknownArtifactError

KIND, RULES = "ci", "ci.yaml"
LIVE, RECORD, REPLAY = "live", "record", "replay"
Open = Callable[[Path], Repository]


@dataclass(frozen=True)
class _Change:
    """What is judged: both sides of a repository, which checks run, and how."""

    repository: Repository
    base: Base
    now: Side
    old: Side
    planned: Sequence[Planned]
    notices: Sequence[str]
    recordings: Recordings
    mode: str
    allow_missing: bool
    secrets: Sequence[str]
    console: str = ""


class Checks:
    """Judges changes of repositories."""

    def __init__(
        self,
        runs: Runs,
        catalog: Catalog,
        datasets: Datasets,
        evals: Evals,
        prompts: Prompts,
        declarations: Declarations,
        parties: Parties,
        training: TrainingRecipes,
        *,
        open_repository: Open,
        remembered: Remembered,
        held: Held = tuple,
        patience: Patience | None = None,
    ):
        self._catalog = catalog
        self._runs = runs
        self._datasets = datasets
        self._evals = evals
        self._prompts = prompts
        self._declarations = declarations
        self._parties = parties
        self._training = training
        self._open = open_repository
        self._remembered = remembered
        self._held = held
        self._patience = patience or Patience()
        runs.register(KIND, self._work, needs=("repo",))

    def check(
        self,
        repo: Path,
        *,
        base: str | None = None,
        rules: str = RULES,
        everything: bool = False,
        mode: str = LIVE,
        allow_missing: bool = False,
        allow: Sequence[str] = (),
        register: bool = False,
        console: str = "",
        by: Principal,
    ) -> Run:
        """Judge what a repository says against its base, as a Run.

        What runs is what the change affects, or `everything`. In the mode `record` answers are
        kept in the repository, in `replay` nobody is asked; then those that are missing end the
        check unless `allow_missing`. Servers that the base does not name are asked only if
        `allow` names them (`https://host`, with a key `https://host=VARIABLE`). `register` applies
        the files where every gate holds. With the address of a `console` the answers are kept as
        reports of the workspace, and the rows that fell are links to them.

        Raises:
            NotARepositoryError, NoBaseError, ShallowError: there is nothing to compare.
            NoRulesError, BadRulesError, BadDocumentError, BadSuiteError: what it says cannot be read.
            NotAllowedError: it asks servers, or uses keys, that the base does not.
            NotInWorkspaceError, NoTargetHereError: a judge, a report of a gate, or a target is not
                in this workspace.
            BadConsoleError: the console has no such address.
        """
        linking(console)
        inputs = {
            "repo": str(repo), "base": base, "rules": rules, "everything": everything,
            "mode": mode, "allow_missing": allow_missing, "register": register,
            "console": console,
        }  # fmt: skip
        change = self._change(inputs)
        for one in (one for one in change.planned if one.runs):
            self._check_named(one.check, change.now)
            if one.check.prompt:
                self._prompt(one.check, change.now, by)
            if flow := change.now.flow(one.check.flow):
                self._worded(flow, change.now, by)
            if mode != REPLAY:
                self._parties.check(one.check)
                check_allowed(one.check, change.old, allow)
        return self._runs.start(
            KIND, name=change.repository.root.name or "ci", inputs=inputs, by=by, group=by.group
        )

    def _work(self, work: Work) -> dict[str, Any]:
        told = work.step("check", self._judge, work)
        work.tidy("*/answers.jsonl")
        return cast(dict[str, Any], told)

    def _judge(self, work: Work) -> dict[str, Any]:
        change = self._change(work.inputs)
        verdicts = [self._one(one, change, work) for one in change.planned if one.runs]
        looked = self._training.look(change.now, change.old, everything=work.inputs["everything"])
        state, registered = told.state_of([*verdicts, *looked]), list[str]()
        why = told.sentence(verdicts, change.planned, looked)
        if work.inputs["register"] and state == PASSED:
            try:
                registered = self._register(change, work.by)
            except NotRegisteredError as error:
                state, why = STOPPED, f"{why}. {error.message}"
        all_told = told.Told(
            verdicts, change.planned, change.notices, change.base, looked, change.console
        )
        found = {
            "outcome": state, "why": why, "base": change.base.commit,
            "checks": [one.to_dict() for one in verdicts],
            "training": [one.to_dict() for one in looked],
            "not_run": {one.check.name: one.why for one in change.planned if not one.runs},
            "notices": [*change.notices], "registered": registered,
            "text": told.text(all_told), "markdown": told.markdown(all_told),
            "junit": told.junit(all_told),
        }  # fmt: skip
        return cast(dict[str, Any], redacted(found, as_written(change.secrets), names=False))

    def _change(self, inputs: Mapping[str, Any]) -> _Change:
        repository = self._open(Path(inputs["repo"]))
        now = here(repository, inputs["rules"])
        assert now.rules is not None
        base = repository.base(inputs["base"])
        old = before(repository, base, inputs["rules"], now.rules)
        changed = {path for one in repository.changed(base.commit) for path in (one.path, one.old)}
        plans = planned(now, old, everything=inputs["everything"])
        told_anew = inputs["mode"] != REPLAY or inputs.get("console")
        keys = secrets(
            (one for plan in plans for one in (plan.check, plan.before) if one),
            self._held() if told_anew else (),
        )
        return _Change(
            repository, base, now, old, plans, notices(now, old, changed),
            Recordings(repository, now.rules.recordings, keys),
            inputs["mode"], inputs["allow_missing"], keys, inputs.get("console", ""),
        )  # fmt: skip

    def _one(self, plan: Planned, change: _Change, work: Work) -> Verdict:
        """Judge one check; what keeps it from being measured is its verdict."""
        try:
            return self._measured(plan, change, work)
        except VolanoError as error:
            message, advice = redacted([error.message, error.advice], change.secrets)
            work.log(f"{plan.check.name}: {message}")
            why = " ".join(filter(None, (message, advice)))
            return Verdict(plan.check, UNMEASURED, why, plan.why)

    def _measured(self, plan: Planned, change: _Change, work: Work) -> Verdict:
        check, suite = plan.check, self._suite(plan.check, change.now)
        parties = {NEW: self._party(check, check.flow or check.model, change.now, suite, work.by)}
        notes = list[str]()
        if path := other_recipe(check, change.now, change.old):
            ref = self._datasets.get(suite.data).ref
            notes.append(f"The recipe {path} is not run here: the rows are those of {ref}.")
        if model := other_training(check, change.now, change.old):
            notes.append(self._training.told(model, change.now))
        if plan.before is not None:
            try:
                asks = check.against or plan.before.flow or plan.before.model
                one = plan.before if not check.against else check
                parties[OLD] = self._party(one, asks, change.old, suite, work.by)
            except VolanoError as error:
                notes.append(f"The base cannot be asked: {error.message}")
        timed = check.kind == "performance" and change.mode != REPLAY
        sheet = Sheet.of(suite, self._cases(check, suite, change, work), parties, timed=timed)
        folder = Path(work.folder) / check.name.replace("/", "-")
        asked = ask(
            sheet, folder, known=self._known(sheet, change, check), lost=_lost(sheet, change, check),
            patience=self._patience, tell=lambda standing: _tell(work, standing),
        )  # fmt: skip
        judges = JudgeAnswers(change.recordings, self._remembered, change.mode)
        with Toolbox(
            _opener(self._parties, change, work), self._kept, cast(Remembered, judges)
        ) as box:
            subjects = tuple(
                f"{parties[one].subject} ({word})" if one in parties else ""
                for one, word in ((OLD, "base"), (NEW, "this change"))
            )
            verdict = judged(
                check, suite, asked, reason=plan.why, subjects=subjects, tools=box.tools(),
                report=self._evals.answers, secrets=change.secrets,
            )  # fmt: skip
        stand = standings(self._catalog, judges_of(suite.scorers))
        notes += [f"Judge {one['judge']}: {one['mark']}." for one in stand]
        if change.mode == RECORD:
            if not timed:  # what a file said is not remembered: anybody may have written it
                find = change.recordings.find
                self._remember([one for one in asked.recorded if find(one.key) is None])
            change.recordings.write(check.name, [*asked.recorded, *judges.recorded])
        elif change.mode == LIVE and not timed:
            self._remember(asked.recorded)
        if change.mode == REPLAY and check.envelope:
            notes.append("Times are those of the recorded answers; nothing was timed now.")
        verdict = replace(verdict, notes=redacted([*notes, *verdict.notes], change.secrets))
        return self._in_console(verdict, suite, asked, change, work) if change.console else verdict

    def _in_console(
        self, verdict: Verdict, suite: Suite, asked: Asked, change: _Change, work: Work
    ) -> Verdict:
        """Keep the answers where the console shows them."""
        assert change.now.rules is not None
        dataset = None if suite.data in change.now.rules.data else self._datasets.get(suite.data)
        refs = keep(
            self._catalog, verdict, suite, asked.cases, dataset=dataset,
            secrets=change.secrets, made_by=work.run_id, by=work.by,
        )  # fmt: skip
        return replace(verdict, reports=refs)

    def _suite(self, check: Check, side: Side) -> Suite:
        said = side.said(SUITE, check.suite) or {}
        return from_plain(
            {key: value for key, value in said.items() if key not in ("kind", "labels")},
            name=f"{side.place(SUITE, check.suite)}",
        )

    def _check_named(self, check: Check, side: Side) -> None:
        suite = self._suite(check, side)
        for score, said in check.tolerance.items():
            if too_wide(score, said.margin, suite.made()):
                raise BadRulesError(place=f"check {check.name}", why=never(f"{said.margin:g}"))
        try:
            check_named(suite, self._catalog)
        except UnknownArtifactError as error:
            why = error.message.rstrip(".")
            raise NotInWorkspaceError(check=check.name, why=why) from error

    def _prompt(self, check: Check, side: Side, by: Principal) -> Prompt:
        said = side.said(PROMPT, check.prompt)
        if said is None:
            raise BadRulesError(place=check.name, why=f"there is no prompt `{check.prompt}`")
        return self._prompts.drawn(Draft.read(said_of(said)), by=by)[0]

    def _worded(self, flow: Written, side: Side, by: Principal) -> Prompt | None:
        """Return the prompt that a flow of files joins: of the side's files, else of the registry."""
        ref = flow.prompt
        if ref is None:
            return None
        said = side.meant(ref)
        if said is not None:
            return self._prompts.drawn(Draft.read(said_of(said)), by=by)[0]
        return self._prompts.read(self._prompts.get(ref))

    def _party(self, check: Check, on: str, side: Side, suite: Suite, by: Principal) -> Party:
        if flow := side.flow(on) if check.flow else None:
            prompt = self._worded(flow, side, by)
            return self._parties.joined(on, flow, prompt, suite.settings, by)
        prompt = self._prompt(check, side, by) if check.prompt else None
        return self._parties.make(check, on, prompt, suite.settings, by)

    def _cases(self, check: Check, suite: Suite, change: _Change, work: Work) -> list[Any]:
        """Draw the rows: of this change's file, else of a dataset of the workspace."""
        assert change.now.rules is not None
        path = rows_of(check, change.now, change.now.rules)
        if path:
            data = change.now.read(path)
            if data is None:
                raise BadRulesError(place=f"check {check.name}", why=f"there is no file `{path}`")
            records: Any = rows(data, path, suite.split)
        else:
            dataset = self._datasets.get(suite.data)
            records = self._datasets.stream(dataset.ref, suite.split, by=work.by, run=work.run_id)
        found = [case_of(record, suite) for record in drawn(records, suite)]
        if not found:
            raise NoTestRowsError(ref=path or suite.data, split=suite.split)
        return found

    def _known(
        self, sheet: Sheet, change: _Change, check: Check
    ) -> Callable[[str], Answered | None]:
        if sheet.timed:
            return lambda _key: None
        if change.mode in (RECORD, REPLAY):
            return change.recordings.find
        if check.kind != "quality":
            return lambda _key: None
        keys = {bytes.fromhex(key): key for key in sheet.keys().values()}
        found = self._remembered.get([*keys])
        return {keys[key]: one for key, one in found.items()}.get

    def _remember(self, answers: Sequence[Recorded]) -> None:
        self._remembered.put({bytes.fromhex(one.key): one.answered for one in answers})

    def _register(self, change: _Change, by: Principal) -> list[str]:
        """Apply what the files say; suites whose rows are files stay files.

        Raises:
            NotRegisteredError: the registry holds something newer.
        """
        assert change.now.rules is not None
        files = [
            {"path": one.file, "text": written([one.content])}
            for (kind, _), one in change.now.documents.items()
            if kind != SUITE or one.content.get("data") not in change.now.rules.data
        ]
        if not files:
            return []
        why = f"volano ci against {change.base.commit[:12]}"
        done = self._declarations.apply(files, why=why, by=by)
        if not done.ok:
            first = next(one for one in done.changes if one.drift)
            raise NotRegisteredError(name=first.name, why=first.drift[0])
        return [one.ref for one in done.changes if one.pending]

    def _kept(self, kind: str, ref: str) -> tuple[str, bytes]:
        artifact = self._catalog.get(kind, ref)
        return artifact.ref, self._catalog.read(artifact, f"{kind}.json")


def _lost(sheet: Sheet, change: _Change, check: Check) -> Callable[[str], Answered | None]:
    """Return what becomes of a question that must not be asked: nothing, an end, or an error."""
    if change.mode != REPLAY:
        return lambda _key: None
    missing = {
        key: at for at, key in sheet.keys().items() if change.recordings.find(key) is None
    }  # fmt: skip
    if missing and not change.allow_missing:
        raise NotRecordedError(
            missing=len(missing), of=len(set(sheet.keys().values())), check=check.name,
            row=next(iter(missing.values()))[1],
        )  # fmt: skip

    def lost(key: str) -> Answered | None:
        at = missing.get(key)
        return Answered(at[1], "", "error", error="not recorded", repetition=at[2]) if at else None

    return lost


def _opener(
    parties: Parties, change: _Change, work: Work
) -> Callable[[str, Path], AbstractContextManager[Chat]]:
    """Return what opens judges: models of the workspace and targets, no servers by URL."""

    def opened(name: str, _folder: Path) -> AbstractContextManager[Chat]:
        if change.mode == REPLAY:
            return nullcontext(Unrecorded())
        if "://" in name:
            raise BadRulesError(place="a judge", why="it is a model or TARGET:MODEL, no URL")
        return parties.make(Check("judge", "judge", model=name), name, None, {}, work.by).open()

    return opened


def _tell(work: Work, standing: Standing) -> None:
    work.heed()
    cost = {"cost": standing.spent_nano / 1e9} if standing.currency else {}
    work.progress(standing.done, standing.of, rate=round(standing.rate, 1),
                  errors=standing.errors, **cost)  # fmt: skip

"""Suites in files and the registry keep in step."""

import pytest

from support.workspace import ANNA
from volano.data import Datasets
from volano.declared import Declarations
from volano.declared.errors import WrongDocumentError
from volano.evals.candidates import Candidates
from volano.evals.declared import KIND, DeclaredSuites
from volano.evals.errors import BadSuiteError
from volano.evals.on import Respondents
from volano.evals.suite_file import from_plain
from volano.store.errors import UnknownArtifactError

SAID = "kind: Suite\nname: próba\ndata: tickets@1\nscorers: [exact_match]\ngates: [exact_match >= 0.9]\n"


class KeptSuites:
    """Keeps suites as the room does, without what asks them."""

    def __init__(self, catalog, respondents):
        from volano.evals.suites import Suites

        self._catalog, self._datasets = catalog, Datasets(catalog)
        self._respondents = respondents
        for name in ("save", "keep", "get", "list", "read", "check_asked"):
            setattr(self, name, getattr(Suites, name).__get__(self))


@pytest.fixture
def declarations(desk):
    rows = [{"text": f"{n}. kérdés", "label": "a"} for n in range(4)]
    Datasets(desk.catalog).add("tickets", rows, by=ANNA)
    candidates = Candidates(desk.models, desk.flows, desk.prompts, desk.targets.get)
    desk.kept = KeptSuites(desk.catalog, Respondents(candidates, desk.models, desk.prompts))
    return Declarations({KIND: DeclaredSuites(desk.kept, desk.catalog)})


def files(text):
    return [{"path": "suites/próba.yaml", "text": text}]


def test_a_suite_is_new_then_the_same_then_changed_with_what_differs(declarations):
    assert declarations.plan(files(SAID), by=ANNA).changes[0].action == "new"
    assert declarations.apply(files(SAID), by=ANNA).changes[0].ref == "próba@1"
    assert declarations.plan(files(SAID), by=ANNA).changes[0].action == "same"
    change = declarations.plan(files(SAID.replace("0.9", "0.8")), by=ANNA).changes[0]
    assert (change.action, [part["part"] for part in change.parts]) == ("changed", ["gates"])
    assert (
        declarations.apply(files(SAID.replace("0.9", "0.8")), by=ANNA).changes[0].ref == "próba@2"
    )


def test_what_somebody_saved_here_is_drift(declarations, desk):
    declarations.apply(files(SAID), by=ANNA)
    other = {"name": "próba", "data": "tickets@1", "scorers": ["exact_match"]}
    desk.kept.save(from_plain(other), by=ANNA)
    plan = declarations.apply(files(SAID), by=ANNA)
    assert not plan.ok
    assert "próba@2 was saved by person:anna" in plan.changes[0].drift[0]


def test_what_was_said_before_is_a_new_version_and_stands_in_no_ones_way(declarations):
    for said, ref in (
        (SAID, "próba@1"),
        (SAID.replace("0.9", "0.8"), "próba@2"),
        (SAID, "próba@3"),
    ):
        assert declarations.apply(files(said), by=ANNA).changes[0].ref == ref
    assert declarations.plan(files(SAID), by=ANNA).changes[0].action == "same"
    assert declarations.apply(files(SAID.replace("0.9", "0.7")), by=ANNA).ok


def test_what_no_file_says_any_more_loses_its_mark(declarations, desk):
    declarations.apply(files(SAID), by=ANNA)
    rest = files(SAID.replace("próba", "másik"))
    done = declarations.apply(rest, prune=True, by=ANNA)
    assert [one.name for one in done.changes] == ["másik", "próba"]
    assert desk.kept.get("próba").labels == ()


def test_a_suite_without_its_dataset_or_with_a_wrong_word_is_told(declarations):
    with pytest.raises(UnknownArtifactError):
        declarations.plan(files(SAID.replace("tickets", "nothing")), by=ANNA)
    with pytest.raises(Exception, match="there is no `gate`") as told:
        declarations.plan(files(SAID.replace("gates", "gate")), by=ANNA)
    assert told.value.code == "wrong_document"
    assert isinstance(told.value.__cause__, BadSuiteError)


@pytest.mark.parametrize(
    ("scorer", "error"),
    [
        ("{judge: {judge: nincs@1}}", UnknownArtifactError),
        ("{embedding: {model: nincs}}", WrongDocumentError),
        ("{embedding: {model: channel/nincs}}", WrongDocumentError),
    ],
)
def test_a_judge_or_an_embedder_that_is_not_there_is_told_before_anything_is_saved(
    declarations, desk, scorer, error
):
    said = SAID.replace("exact_match]\ng", f"exact_match, {scorer}]\ng")
    for say in (declarations.plan, declarations.apply):
        with pytest.raises(error, match="nincs"):
            say(files(said), by=ANNA)
    assert desk.kept.list() == []
    desk.models.add_pointer("vek", url="http://127.0.0.1:9/v1", model="v", by=ANNA)
    known = SAID.replace("exact_match]\ng", "exact_match, {embedding: {model: vek}}]\ng")
    assert declarations.apply(files(known), by=ANNA).changes[0].ref == "próba@1"

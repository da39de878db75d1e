"""A training recipe of a change is read and looked at; what it says of a workspace is only what is there."""

import pytest

from support.repository import Repo
from volano.adapters.git import GitRepository
from volano.app import App
from volano.app import folder as folders
from volano.ci.errors import BadRulesError
from volano.ci.judged import PASSED, STOPPED
from volano.ci.rules import read
from volano.ci.side import before, here
from volano.ci.training import HOLDS, TrainingRecipes, other_training
from volano.core.principal import Principal
from volano.settings import load

ANNA = Principal("person", "anna")
PATH = "training/router.yaml"
RULES = "training: {router: training/router.yaml}\nchecks: [{suite: routing, model: router}]\n"


@pytest.fixture
def app(tmp_path, migrated):
    settings = load(tmp_path / "home")
    folders.make(settings)
    migrated.put(settings.folder)
    migrated.put_jobs(settings.folder)
    with App(settings) as made:
        yield made


@pytest.fixture
def repo(tmp_path):
    made = Repo(tmp_path / "repo", rows=3)
    made.git("checkout", "-q", "main")
    made.put("ci.yaml", RULES)
    made.put(PATH, "method: scratch\ndata: letters\n")
    made.commit()
    made.git("checkout", "-q", "-B", "work")
    return made


def look(app, repo, *, everything=False):
    git = GitRepository(repo.root)
    now = here(git, "ci.yaml")
    old = before(git, git.base("main"), "ci.yaml", now.rules)
    recipes = TrainingRecipes(app.models, app.datasets, app.runs)
    return recipes.look(now, old, everything=everything), told(recipes, now, old)


def told(recipes, now, old):
    asked = other_training(now.rules.checks[0], now, old)
    return asked and recipes.told(asked, now)


def test_only_what_changed_is_looked_at_unless_all_is_asked_for(app, repo):
    assert look(app, repo)[0] == []
    [found] = look(app, repo, everything=True)[0]
    assert (found.model, found.path, found.state, found.why) == ("router", PATH, PASSED, HOLDS)
    assert found.notes == [
        "Its dataset letters is not in this workspace: its rows were not looked at."
    ]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("method: lora\ndata: letters\n", "names no base"),
        ("method: scratch\ndata: letters\nstep: 3\n", "unknown field `step` (did you mean `steps`"),
        ("method: scratch\ndata: letters\nsteps: 3\nepochs: 2\n", "both steps and epochs"),
        ("- a list\n", "no list of"),
        ("method: [\n", "the recipe, line 2"),
    ],
)
def test_what_cannot_be_trained_is_stopped_with_the_reason(app, repo, said, why):
    repo.put(PATH, said)
    [found] = look(app, repo)[0]
    assert found.state == STOPPED
    assert why in found.why


def test_a_recipe_that_is_no_file_any_more_is_stopped(app, repo):
    repo.git("rm", "-q", PATH)
    [found] = look(app, repo)[0]
    assert (found.state, found.why) == (STOPPED, f"There is no file `{PATH}`.")


def test_what_the_workspace_knows_of_base_and_rows_is_looked_at(app, repo):
    app.datasets.add("letters", [{"text": f"szöveg {n}", "label": "a"} for n in range(4)], by=ANNA)
    app.models.add_pointer("far", url="https://x", model="m", by=ANNA)
    repo.put(PATH, "method: lora\nbase: far\ndata: letters\n")
    [found] = look(app, repo)[0]
    assert found.state == STOPPED
    assert "lives at a provider" in found.why
    repo.put(PATH, "method: lora\nbase: nobody\ndata: letters\nreplay: {share: 0.2}\n")
    [found] = look(app, repo)[0]
    assert found.state == PASSED, "what is not known here stops nothing"
    assert "Its base nobody is not in this workspace" in found.notes[-1]


def test_the_machine_of_the_check_is_not_that_of_the_training(app, repo):
    repo.put(PATH, "method: lora\nbase: nobody\ndata: letters\nhardware: gpu\n")
    assert look(app, repo)[0][0].state == PASSED


def test_which_version_answers_is_told(app, repo):
    repo.put(PATH, "method: scratch\ndata: letters\nsteps: 3\n")
    assert look(app, repo)[1] == f"The recipe {PATH} is not trained here."
    app.models.add_pointer("router", url="https://x", model="m", by=ANNA)
    said = look(app, repo)[1]
    assert said == f"The recipe {PATH} is not trained here: the newest version is router@1."


def test_of_a_label_it_is_told_which_version_has_it(app, repo):
    repo.put(PATH, "method: scratch\ndata: letters\nsteps: 3\n")
    repo.put("ci.yaml", RULES.replace("model: router", "model: 'router:stable'"))
    for name in ("m", "n"):
        app.models.add_pointer("router", url="https://x", model=name, by=ANNA)
    app.catalog.label("model", "router@1", "stable", by=ANNA)
    said = look(app, repo)[1]
    assert said == f"The recipe {PATH} is not trained here: router:stable is router@1."
    repo.put("ci.yaml", RULES.replace("model: router", "model: router@1"))
    assert look(app, repo)[1] is None, "a version that is named stays as it is"


@pytest.mark.parametrize("said", ["[a]", "{router: ../x.yaml}", "{'a b': x.yaml}"])
def test_rules_name_a_model_and_a_file_in_the_repository(said):
    with pytest.raises(BadRulesError):
        read(f"training: {said}\nchecks: [{{suite: s, model: m}}]\n", "ci.yaml")

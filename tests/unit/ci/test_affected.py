"""What runs is what the change affects, each with its reason."""

import pytest

from support.repository import Repo
from volano.adapters.git import GitRepository
from volano.ci.affected import NOTHING, notices, planned
from volano.ci.errors import BadRulesError, NoRulesError
from volano.ci.side import before, here
from volano.core.errors import InvalidError


@pytest.fixture
def repo(tmp_path):
    return Repo(tmp_path / "repo", rows=3)


def look(repo, **given):
    """Return check -> why, for those that run; and notices."""
    git = GitRepository(repo.root)
    now, base = here(git, "ci.yaml"), git.base("main")
    old = before(git, base, "ci.yaml", now.rules)
    changed = {path for one in git.changed(base.commit) for path in (one.path, one.old)}
    found = planned(now, old, **given)
    return {one.check.name: one for one in found}, notices(now, old, changed)


def test_nothing_runs_where_nothing_changed_unless_all_is_asked_for(repo):
    assert not look(repo)[0]["routing"].runs
    assert look(repo)[0]["routing"].why == NOTHING
    assert look(repo, everything=True)[0]["routing"].why == "all were asked for"


@pytest.mark.parametrize(
    ("path", "old", "new", "why"),
    [
        (
            "prompts/router.yaml",
            "careful",
            "gründlich",
            "prompt router changed (prompts/router.yaml)",
        ),
        ("suites/routing.yaml", "0.5", "0.6", "suite routing changed (suites/routing.yaml)"),
        ("data/tickets.jsonl", "row 0", "row 9", "rows changed (data/tickets.jsonl)"),
        ("ci.yaml", "#small", "#large", "target changed"),
        ("ci.yaml", "2 points", "3 points", "what it may lose changed"),
    ],
)
def test_a_check_runs_when_what_it_depends_on_changed(repo, path, old, new, why):
    repo.swap(path, old, new)
    repo.commit()
    found = look(repo)[0]["routing"]
    assert found.runs
    assert why in found.why
    assert found.before is not None


def test_two_checks_of_one_prompt_run_and_one_of_another_does_not(repo):
    repo.git("checkout", "-q", "main")
    repo.put("prompts/más.yaml", "kind: Prompt\nname: más\n")
    repo.put("ci.yaml", (repo.root / "ci.yaml").read_text("utf-8") + """
  - {suite: routing, name: másik, prompt: router, model: m}
  - {suite: routing, name: harmadik, prompt: más, model: m}
""")  # fmt: skip
    repo.commit()
    repo.git("checkout", "-q", "-B", "work")
    repo.swap("prompts/router.yaml", "careful", "kind")
    assert {name for name, one in look(repo)[0].items() if one.runs} == {"routing", "másik"}


def test_a_file_that_is_only_renamed_or_remarked_upon_affects_nothing(repo):
    repo.git("mv", "prompts/router.yaml", "prompts/маршруты.yaml")
    repo.git("mv", "data/tickets.jsonl", "data/t.jsonl")
    repo.swap("ci.yaml", "data/tickets.jsonl", "data/t.jsonl")
    repo.put(
        "suites/routing.yaml", "# viel\n" + (repo.root / "suites/routing.yaml").read_text("utf-8")
    )
    repo.commit()
    assert not look(repo)[0]["routing"].runs


def test_a_deleted_prompt_that_is_still_asked_is_told(repo):
    repo.git("rm", "-q", "prompts/router.yaml")
    with pytest.raises(BadRulesError, match="is in no file"):
        look(repo)


def test_a_new_prompt_has_no_base(repo):
    repo.put("prompts/új.yaml", "kind: Prompt\nname: új\n")
    repo.swap("ci.yaml", "prompt: router", "prompt: új")
    one = look(repo)[0]["routing"]
    assert one.runs
    assert one.before is not None, "the former target of the check is what it is compared with"
    repo.swap("ci.yaml", "suite: routing", "suite: routing\n    name: új")
    assert look(repo)[0]["új"].before is None


def test_a_broken_base_does_not_keep_a_change_from_being_judged(repo):
    repo.git("checkout", "-q", "main")
    repo.put("prompts/router.yaml", "kind: Prompt\nname: [")
    repo.put("prompts/bin.yaml", "x")
    (repo.root / "prompts/bin.yaml").write_bytes(b"\xff\xfe")
    repo.commit()
    repo.git("checkout", "-q", "-B", "work")
    repo.git("rm", "-q", "prompts/bin.yaml")
    repo.put("prompts/router.yaml", "kind: Prompt\nname: router\n")
    found, told = look(repo)
    assert found["routing"].runs
    assert found["routing"].before is None
    assert len(told) == 2
    assert "prompts/router.yaml" in told[1]


def test_a_broken_file_here_is_told_with_its_place(repo):
    repo.put("prompts/b.yaml", "kind: Prompt\nname: router\n")
    with pytest.raises(BadRulesError, match=r"stands at prompts/b\.yaml"):
        look(repo)
    repo.put("prompts/b.yaml", "kind: Index\nname: x\n")
    with pytest.raises(InvalidError, match=r"prompts/b\.yaml"):
        look(repo)
    (repo.root / "ci.yaml").unlink()
    with pytest.raises(NoRulesError):
        look(repo)


FLOW = "kind: Flow\nname: desk\nmodel: small\nprompt: router\n"


@pytest.fixture
def desk(repo):
    """The repository with a check of a flow, at the base."""
    repo.git("checkout", "-q", "main")
    repo.put("flows/desk.yaml", FLOW)
    repo.put("data/r.yaml", "name: letters\nsteps: [{dedup: {}}]\n")
    repo.put("suites/letters.yaml", "kind: Suite\nname: letters\ndata: letters\nscorers: [f1]\n")
    repo.put(
        "ci.yaml",
        """data: {tickets: data/tickets.jsonl}
recipes: {letters: data/r.yaml}
checks:
  - {suite: routing, flow: desk}
  - {suite: letters, flow: another}
""",
    )
    repo.commit()
    repo.git("checkout", "-q", "-B", "work")
    return repo


@pytest.mark.parametrize(
    ("path", "old", "new", "why"),
    [
        ("flows/desk.yaml", "small", "large", "its flow desk changed (flows/desk.yaml)"),
        ("flows/desk.yaml", "prompt: router\n", "", "its flow desk changed (flows/desk.yaml)"),
        ("prompts/router.yaml", "careful", "kind", "its flow's prompt router changed (prompts/router.yaml)"),
    ],
)  # fmt: skip
def test_a_changed_flow_or_its_prompt_runs_the_check_of_the_flow_only(desk, path, old, new, why):
    desk.swap(path, old, new)
    found = look(desk)[0]
    assert found["routing"].why == why
    assert found["routing"].before.flow == "desk"
    assert not found["letters"].runs


@pytest.mark.parametrize("pinned", ["router@1", "router:production"])
def test_a_flow_that_pins_another_version_of_its_prompt_is_not_affected_by_the_file(desk, pinned):
    desk.swap("flows/desk.yaml", "prompt: router", f"prompt: '{pinned}'")
    desk.git("add", "-A")
    desk.git("commit", "-q", "-m", "pinned")
    desk.git("branch", "-f", "main")
    desk.swap("prompts/router.yaml", "careful", "kind")
    assert not look(desk)[0]["routing"].runs
    if pinned.endswith("production"):
        desk.put(
            "prompts/router.yaml",
            "labels: [production]\n" + (desk.root / "prompts/router.yaml").read_text(),
        )
        assert look(desk)[0]["routing"].runs


def test_a_flow_that_goes_or_comes_is_told(desk):
    desk.git("rm", "-q", "flows/desk.yaml")
    assert look(desk)[0]["routing"].why == "its flow desk is in no file any more (flows/desk.yaml)"
    desk.put("flows/other.yaml", FLOW.replace("desk", "another"))
    one = look(desk)[0]["letters"]
    assert one.why == "its flow another is new (flows/other.yaml)"
    assert one.before is None


def test_a_changed_recipe_runs_the_checks_of_its_dataset_and_a_remark_in_it_does_not(desk):
    desk.put("data/r.yaml", "# viel\nname: letters\nsteps: [{dedup: {}}]\n")
    assert not look(desk)[0]["letters"].runs
    desk.swap("data/r.yaml", "dedup", "shuffle")
    found = look(desk)[0]
    assert found["letters"].why == "the recipe of its rows changed (data/r.yaml)"
    assert not found["routing"].runs


def test_who_loosens_the_rules_is_told(repo):
    repo.swap("ci.yaml", "2 points", "50 points")
    repo.swap("suites/routing.yaml", "0.5", "0")
    repo.put("recordings/routing.jsonl", "")
    repo.commit()
    told = look(repo)[1]
    assert told == [
        "this change sets what routing may lose: score 0.02 with 95 %, now score 0.5 with 95 %",
        "this change sets `gates` of the suite routing",
        "this change brings recorded answers (1 files)",
    ]


RECIPE = "method: lora\nbase: small\ndata: letters\nsteps: 20\n"


@pytest.fixture
def taught(repo):
    """The repository with checks of a model that a recipe trains, at the base."""
    repo.git("checkout", "-q", "main")
    repo.put("training/router.yaml", RECIPE)
    repo.put("flows/desk.yaml", FLOW.replace("model: small", "model: router"))
    repo.put(
        "ci.yaml",
        """data: {tickets: data/tickets.jsonl}
training: {router: training/router.yaml}
checks:
  - {suite: routing, model: router}
  - {suite: routing, name: флоу, flow: desk}
  - {suite: routing, name: rögzített, model: router@1}
  - {suite: routing, name: 他, model: other}
  - {suite: routing, name: far, model: 'https://h/v1#router'}
""",
    )
    repo.commit()
    repo.git("checkout", "-q", "-B", "work")
    return repo


def test_a_changed_training_recipe_runs_the_checks_whose_target_is_its_model(taught):
    taught.put("training/router.yaml", f"# sok\n{RECIPE}")
    assert not [one for one in look(taught)[0].values() if one.runs], "a remark trains nothing else"
    taught.swap("training/router.yaml", "20", "30")
    found = {name: one.why for name, one in look(taught)[0].items() if one.runs}
    why = "the training recipe of its model router changed (training/router.yaml)"
    assert found == {"routing": why, "флоу": why}


def test_a_training_recipe_that_is_new_or_goes_runs_them_too(taught):
    taught.git("rm", "-q", "training/router.yaml")
    assert look(taught)[0]["routing"].runs
    taught.put("training/router.yaml", RECIPE)
    taught.put("training/other.yaml", RECIPE)
    taught.swap("ci.yaml", "router.yaml}", "router.yaml, other: training/other.yaml}")
    assert [name for name, one in look(taught)[0].items() if one.runs] == ["他"]

"""A repository judges its changes: a good one passes, a bad one is stopped, and no pull request fools it."""

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from urllib.parse import parse_qsl

import pytest

from simulators.sorter import Sorter
from support.repository import RULES, SUITE, Repo, tickets
from volano.app import App
from volano.settings import load
from volano.web.pages import kinds, report_diff, report_rows

pytestmark = pytest.mark.slow


@pytest.fixture
def provider():
    made = Sorter()
    yield made
    made.stop()


@pytest.fixture
def repo(tmp_path, provider):
    return Repo(tmp_path / "tár", provider.url)


def ci(repo, *words, ends=0, **variables):
    """Say `volano ci` in the repository as a pipeline does; return all that it printed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("VOLANO_")}
    done = subprocess.run(
        [sys.executable, "-m", "volano.cli.main", *words[: words.index("ci")], "ci", "--base", "main",
         *words[words.index("ci") + 1 :]],
        cwd=repo.root, capture_output=True, text=True, timeout=180, check=False, env=env | variables,
    )  # fmt: skip
    assert done.returncode == ends, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_good_change_passes_and_a_bad_one_is_stopped_and_the_same_without_the_provider(
    repo, provider, tmp_path
):
    comment, junit = tmp_path / "comment.md", tmp_path / "junit.xml"
    files = ("--comment", str(comment), "--junit", str(junit))
    repo.swap("prompts/router.yaml", "Be careful", "Be very careful")
    repo.commit()
    said = ci(repo, "ci", "--record", *files)
    assert "its prompt router changed (prompts/router.yaml)" in said
    assert provider.asked == 400, "200 rows, two sides"
    assert comment.read_text("utf-8").startswith("<!-- volano ci -->\n## ✅")
    assert ET.parse(junit).getroot().get("failures") == "0"
    repo.commit("what was answered")
    assert ci(repo, "ci", "--record") == ci(repo, "ci", "--replay")
    assert provider.asked == 400, "what is recorded is not asked again"
    assert repo.git("status", "--short") == "", "and its files stay as they are"

    repo.swap("prompts/router.yaml", "Be very careful: sort", "Sort")
    said = ci(repo, "ci", "--replay", ends=1)
    assert "200 of 400 answers of the check `routing` are not recorded" in said
    said = ci(repo, "ci", "--record", *files, ends=3)
    assert provider.asked == 600, "the base was recorded before"
    assert "exact match is worse: -33.5 points" in said
    provider.stop()
    assert ci(repo, "ci", "--replay", *files, ends=3).splitlines()[1] in said
    told = comment.read_text("utf-8")
    assert told.startswith("<!-- volano ci -->\n## ❌")
    assert "67 rows fell" in told
    assert "&lt;b&gt;@&#8203;all&lt;/b&gt; \\| wrong" in told
    assert ET.parse(junit).getroot().get("failures") == "1"
    repo.put("recordings/routing.jsonl",
             (repo.root / "recordings/routing.jsonl").read_text("utf-8").replace("wrong", "right"))  # fmt: skip
    assert "is not as it was written" in ci(repo, "ci", "--replay", ends=1)


def test_a_place_that_cannot_be_written_and_a_tolerance_that_says_no_to_nothing_are_told_first(
    repo, provider, tmp_path
):
    for option in ("--comment", "--junit"):
        told = ci(repo, "ci", "--all", option, str(tmp_path / "nowhere" / "file"), ends=2)
        assert f"{option}: there is no folder" in told
    repo.swap("ci.yaml", "2 points with 95 %", "2")
    assert "a tolerance of `2` can never say no" in ci(repo, "ci", "--all", ends=2)
    repo.swap("ci.yaml", "tolerance: 2", "tolerance: 0.02")
    repo.swap("ci.yaml", f"{provider.url}/v1#small", "nix:flaky")
    assert "there is no target `nix`" in ci(repo, "ci", "--all", ends=2)
    assert provider.asked == 0


def test_what_was_asked_for_a_recording_is_known_but_not_what_a_recording_says(
    repo, provider, tmp_path
):
    home = ("--home", str(tmp_path / "home"))
    repo.swap("prompts/router.yaml", "Be careful", "Be very careful")
    ci(repo, *home, "ci", "--record")
    assert provider.asked == 400
    ci(repo, *home, "ci")
    assert provider.asked == 400, "the same workspace asked it"
    other = ("--home", str(tmp_path / "other"))
    ci(repo, *other, "ci", "--record")
    ci(repo, *other, "ci")
    assert provider.asked == 800, "a file in the repository is nobody's memory"


def test_only_what_holds_is_registered(repo, tmp_path):
    home = ("--home", str(tmp_path / "home"))
    repo.swap("prompts/router.yaml", "Be careful: sort", "Sort")
    ci(repo, *home, "ci", "--register", ends=3)
    assert "router" not in listed(home)
    repo.swap("prompts/router.yaml", "Sort", "Be most careful: sort")
    assert "registered  router@1" in ci(repo, *home, "ci", "--register")
    assert "router@1" in listed(home)
    told = ci(repo, *home, "ci", "--register")
    assert "registered" not in told, "the same again is nothing new"


def test_a_flow_in_files_is_judged_with_its_prompt_and_registered_with_it(repo, provider, tmp_path):
    home = ("--home", str(tmp_path / "home"))
    said("init", home=home)
    said(
        "model",
        "add",
        "small",
        "--url",
        f"{provider.url}/v1",
        "--model",
        "small",
        home=home,
    )
    repo.git("checkout", "-q", "main")
    repo.put("flows/desk.yaml", "kind: Flow\nname: desk\nprompt: router\nmodel: small\n")
    repo.put(
        "ci.yaml",
        RULES.replace("prompt: router", "flow: desk").replace("    model: URL/v1#small\n", ""),
    )
    repo.commit()
    repo.git("checkout", "-q", "-B", "work")
    repo.swap("prompts/router.yaml", "Be careful: sort", "Sort")
    told = ci(repo, *home, "ci", "--record", ends=3)
    assert "its flow's prompt router changed (prompts/router.yaml)" in told
    assert "exact match is worse: -33.5 points" in told
    assert provider.asked == 400
    told = ci(repo, "ci", "--replay", ends=3)
    assert "exact match is worse: -33.5 points" in told, (
        "recorded answers need no model, no workspace"
    )
    repo.swap("prompts/router.yaml", "Sort", "Be most careful: sort")
    told = ci(repo, *home, "ci", "--register")
    assert "router@1" in told
    assert "desk@1" in told
    flow = json.loads(said("flow", "show", "desk", "--json", home=home))
    prompt = json.loads(said("prompt", "show", "router@1", "--json", home=home))
    assert flow["meta"]["prompt"] == prompt["digest"]


def test_rows_that_fell_are_links_to_the_console_where_their_answers_are_kept(repo, tmp_path):
    home, comment = tmp_path / "home", tmp_path / "comment.md"
    repo.swap("prompts/router.yaml", "Be careful: sort", "Sort")
    words = ("--console", "https://v.example", "--comment", str(comment))
    assert "--console need a workspace" in ci(repo, "ci", *words, ends=2)
    assert "is no address" in ci(repo, "--home", str(home), "ci", "--console", "v.example", ends=2)
    ci(repo, "--home", str(home), "ci", *words, ends=3)
    link = re.search(
        r"\| \[`(\w+)`\]\(https://v\.example/reports/answers\?([^)]+)\) \|",
        comment.read_text("utf-8"),
    )
    assert link, comment.read_text("utf-8")
    with App(load(home)) as app:
        shown = report_rows.look(app, dict(parse_qsl(link[2]))).data["rows"][0]
        assert shown["id"].startswith(link[1])
        assert shown["scores"]["exact_match"] == 0
        told = report_diff.look(app, ["ci/routing@1", "ci/routing@2"])
        assert "worse" in told.headline
        assert kinds.report_scores(app, app.evals.get("ci/routing"))


TRAINED = """method: scratch
data: letters
steps: 2
network: {hidden: 32, ffn: 64, layers: 1, heads: 2, vocab: 300, batch: 8, context: 256, max_row_tokens: 128}
"""


def test_a_changed_training_recipe_is_looked_at_and_its_model_asked_and_nothing_is_trained(
    repo, tmp_path
):
    home = ("--home", str(tmp_path / "home"))
    said("init", home=home)
    repo.git("checkout", "-q", "main")
    repo.put("data/tickets.jsonl", tickets(24))
    repo.put("training/router.yaml", TRAINED)
    repo.put("suites/routing.yaml", SUITE.replace("gates: [exact_match >= 0.5]\n", ""))
    repo.put("ci.yaml", """data: {tickets: data/tickets.jsonl}
training: {router: training/router.yaml}
checks: [{suite: routing, model: router, tolerance: 90 points with 60 %}]
""")  # fmt: skip
    repo.commit()
    said("data", "add", "letters", str(repo.root / "data/tickets.jsonl"), home=home)
    recipe = str(repo.root / "training/router.yaml")
    said("model", "train", "router", "--recipe", recipe, home=home)
    repo.git("checkout", "-q", "-B", "work")
    repo.swap("training/router.yaml", "steps: 2", "steps: 3")
    comment, junit = tmp_path / "comment.md", tmp_path / "junit.xml"
    files = ("--comment", str(comment), "--junit", str(junit))
    told = ci(repo, *home, "ci", *files)
    assert "runs because the training recipe of its model router changed" in told
    assert "is not trained here: the newest version is router@1." in told
    assert "1 check: 1 holds; 1 training recipe: 1 holds, not trained" in told
    assert "training recipe | of the model" in comment.read_text("utf-8")
    said("model", "train", "router", "--recipe", recipe, home=home)
    assert "router@2 was trained by the recipe training/router.yaml as it is now." in ci(
        repo, *home, "ci"
    )
    repo.swap("training/router.yaml", "steps: 3", "steps: 3\nepochs: 1")
    told = ci(repo, *home, "ci", *files, ends=3)
    assert "The recipe says both steps and epochs." in told
    assert ET.parse(junit).getroot().get("failures") == "1"
    assert "router@3" not in said("model", "list", home=home)


def test_the_base_is_not_asked_again_where_a_workspace_remembers(repo, provider, tmp_path):
    home = ("--home", str(tmp_path / "home"))
    for n, words in enumerate(("very careful", "most careful"), 1):
        repo.swap("prompts/router.yaml", "Be careful" if n == 1 else "very careful",
                  f"Be {words}" if n == 1 else words)  # fmt: skip
        ci(repo, *home, "ci")
        assert provider.asked == 200 + 200 * n


def test_a_slower_change_is_stopped_by_its_envelope(repo, provider):
    provider.slow_s = 0.05
    repo.git("checkout", "-q", "main")
    repo.put("data/tickets.jsonl", tickets(24))
    repo.put(
        "ci.yaml",
        RULES.replace("2 points", "30 points")
        + "    kind: performance\n    latency: 200 % with 95 %\n",
    )
    repo.swap("suites/routing.yaml", "concurrency: 4", "concurrency: 1")
    repo.commit()
    repo.git("checkout", "-q", "-B", "work")
    repo.swap("prompts/router.yaml", "Be careful", "Be very careful")
    assert "yes         latency" in ci(repo, "ci")
    repo.swap("prompts/router.yaml", "Be very careful", "Be careful, and work slowly")
    said = ci(repo, "ci", ends=3)
    assert "no          latency not more than 200 % above base" in said
    assert "yes         exact_match not worse than base" in said


@pytest.mark.parametrize(
    ("rules", "ends", "why"),
    [
        ("data: {tickets: ../secret.jsonl}", 2, "no path in the repository"),
        ("data: {tickets: data/link.jsonl}", 1, "there is no file"),
        ("data: {tickets: .env}", 1, "there is no file"),
        ("data: {tickets: .git/config}", 2, "no path in the repository"),
        ("recordings: outside/x", 1, "behind a link"),
        ("files: [/etc]", 2, "no path in the repository"),
    ],
)
def test_a_change_does_not_make_it_read_or_write_elsewhere(repo, tmp_path, rules, ends, why):
    secret = json.dumps({"text": "row 1 in hu PLANTED", "label": "PLANTED"})
    (tmp_path / "secret.jsonl").write_text(secret)
    repo.put(".gitignore", ".env\n")
    repo.put(".env", secret)
    (repo.root / "data/link.jsonl").symlink_to(tmp_path / "secret.jsonl")
    (repo.root / "outside").symlink_to(tmp_path, target_is_directory=True)
    repo.swap("prompts/router.yaml", "careful", "kind")
    kept = RULES if rules.startswith(("recordings", "files")) else RULES.partition("\n")[2]
    repo.put("ci.yaml", f"{rules}\n{kept}")
    repo.commit()
    said = ci(repo, "ci", "--record", "--comment", str(tmp_path / "c.md"), ends=ends)
    assert why in said
    assert "PLANTED" not in said + ((tmp_path / "c.md").read_text("utf-8") if ends != 2 else "")
    assert not (tmp_path / "x").exists()


def test_a_change_does_not_send_a_key_or_a_question_to_a_server_of_its_own(
    repo, provider, tmp_path
):
    thief = Sorter()
    repo.swap("ci.yaml", f"model: {provider.url}", f"key_env: DEPLOY_TOKEN\n    model: {thief.url}")
    said = ci(repo, "ci", ends=2, DEPLOY_TOKEN="sk-planted")
    assert f"would ask {thief.url} with the key in DEPLOY_TOKEN, which the base does not" in said
    repo.swap("ci.yaml", f"model: {thief.url}", f"model: {provider.url}")
    assert "DEPLOY_TOKEN" in ci(repo, "ci", ends=2, DEPLOY_TOKEN="sk-planted")
    assert (thief.asked, provider.asked) == (0, 0)
    comment = tmp_path / "c.md"
    allowed = ("--allow", f"{provider.url}=DEPLOY_TOKEN", "--comment", str(comment))
    said = ci(repo, "ci", *allowed, DEPLOY_TOKEN="sk-planted")
    assert provider.keys.count("Bearer sk-planted") == 200
    assert "sk-planted" not in said + comment.read_text("utf-8")
    thief.stop()


def test_a_key_that_a_provider_repeats_stands_in_no_comment_and_no_report(tmp_path):
    key = "sk-proj-ab_cd_ef12"

    class Telling(Sorter):
        def answer(self, messages):
            said = super().answer(messages)
            return f"{'x' * (145 + 9 * self.asked % 45)} {key}" if "wrong" in said else said

    telling, home, comment = Telling(), tmp_path / "home", tmp_path / "comment.md"
    repo = Repo(tmp_path / "repo", telling.url, rows=60)
    repo.git("checkout", "-q", "main")
    repo.swap(
        "ci.yaml", f"model: {telling.url}", f"key_env: DEPLOY_TOKEN\n    model: {telling.url}"
    )
    repo.commit()
    repo.git("checkout", "-q", "-B", "work")
    repo.swap("prompts/router.yaml", "Be careful: sort", "Sort")
    files = ("--console", "https://v.example", "--comment", str(comment))
    said = ci(repo, "--home", str(home), "ci", *files, ends=3, DEPLOY_TOKEN=key)
    telling.stop()
    assert f"Bearer {key}" in telling.keys
    told = comment.read_text("utf-8")
    assert "20 rows fell" in told
    assert "sk-p" not in said + told
    assert "xx \\*\\*\\*" in told
    with App(load(home)) as app:
        lines = app.evals.answers("ci/routing@2")
    assert sum(line["answer"].endswith("x ***") for line in lines) == 20


def test_a_targets_key_that_a_provider_repeats_stands_in_no_recording_and_no_kept_report(
    repo, provider, tmp_path
):
    key, home = "sk-of-the-vault-0123456789", tmp_path / "home"
    (tmp_path / "key").write_text(key)
    for words in (("init",), ("target", "add", "sorter", "--provider", "compatible", "--url", f"{provider.url}/v1"),
                  ("target", "key", "sorter")):  # fmt: skip
        with (tmp_path / "key").open() as stdin:
            subprocess.run(
                [sys.executable, "-m", "volano.cli.main", "--home", str(home), *words],
                stdin=stdin, check=True, timeout=120,
            )  # fmt: skip
    repo.put("ci.yaml", RULES.replace("URL/v1#", "sorter:"))
    provider.answer = lambda messages: f"Your key is {key}"
    said = ci(repo, "--home", str(home), "ci", "--record", "--console", "https://v.example", ends=3)
    assert f"Bearer {key}" in provider.keys
    recorded = (repo.root / "recordings/routing.jsonl").read_text("utf-8")
    assert "Your key is ***" in recorded
    assert "sk-of" not in recorded + said
    with App(load(home)) as app:
        lines = app.evals.answers("ci/routing@1")
    assert {line["answer"] for line in lines} == {"Your key is ***"}


def test_a_template_of_a_change_runs_no_code_and_sees_no_environment(repo, tmp_path):
    for inside in (
        "{{ cycler.__init__.__globals__ }}",
        "{{ input.__class__ }}",
        "{% include '/etc/passwd' %}",
    ):
        repo.put("prompts/router.yaml", "kind: Prompt\nname: router\nmessages:\n- role: user\n"
                 f"  content: {json.dumps(inside)}\n")  # fmt: skip
        said = ci(repo, "ci", ends=2, DEPLOY_TOKEN="sk-planted")
        assert "sk-planted" not in said
        assert "root:" not in said


def test_a_workspace_that_the_repository_brings_is_not_used(repo):
    repo.put(".volano/catalog.db", "not a database")
    repo.put("volano.toml", "port = 1\nnonsense = 2\n")
    repo.commit()
    assert "nothing to check" in ci(repo, "ci")


def test_what_cannot_be_judged_says_so_and_ends_with_its_own_code(repo, provider, tmp_path):
    for words, ends, why in (
        (("--base", "origin/nowhere"), 2, "no base to compare with"),
        (("--rules", "nowhere.yaml"), 2, "There is no `nowhere.yaml`"),
        (("--repo", str(tmp_path)), 2, "is no Git repository"),
        (("--record", "--replay"), 2, "say one of them"),
    ):
        assert why in ci(repo, "ci", *words, ends=ends)
    repo.swap("prompts/router.yaml", "careful", "kind")
    provider.stop()
    comment = tmp_path / "c.md"
    ci(repo, "ci", "--comment", str(comment), ends=1)
    assert "## ⚠️" in comment.read_text("utf-8")


@pytest.mark.parametrize(
    ("key", "entry"),
    [("scorers: [exact_match]", "scorers: [exact_match, {judge: {judge: helpful@1}}]"),
     ("exact_match >= 0.5]", "exact_match not worse than routing@7 by 0.02 with 95 %]")],
)  # fmt: skip
def test_a_judge_or_report_that_is_not_there_is_told_before_anybody_is_asked(
    repo, provider, key, entry
):
    repo.swap("suites/routing.yaml", key, entry)
    told = ci(repo, "ci", ends=2)
    assert "`helpful@1`" in told or "`routing@7`" in told
    assert "--home" in told
    assert not provider.asked


def listed(home) -> str:
    return said("prompt", "list", home=home)


def said(*words, home) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "volano.cli.main", *home, *words], capture_output=True,
        text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout

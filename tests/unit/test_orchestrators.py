"""The files for other orchestrators are sound, and the command in them is the one that is told."""

import ast
import re
import subprocess
from pathlib import Path

import click
import pytest
import yaml

from support.pages import ROOT, words
from volano.cli.root import root

FOLDER = ROOT / "examples" / "orchestrators"
PAGE = ROOT / "docs" / "howto" / "from-airflow-kubeflow-ci.md"
FILES = sorted(path for path in FOLDER.iterdir() if path.name != "recipe.yaml")
SAID = re.compile(r"^\s*(?:- )?volano ((?:--home \S+ )?data prepare [^\n>]*)", re.MULTILINE)
COMMAND = "data prepare recipe.yaml --wait --json"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_file_runs_the_one_command(path: Path) -> None:
    [said] = SAID.findall(path.read_text("utf-8"))
    assert re.sub(r"--home \S+ ", "", said).strip() == COMMAND
    assert f"volano {COMMAND}" in PAGE.read_text("utf-8")
    assert path.name in PAGE.read_text("utf-8")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_python_files_are_python_and_import_what_they_are_for(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree)
    modules = {
        node.module.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
    }
    assert modules & {"airflow", "kfp"}
    defined = {
        n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    defined |= {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
    assert defined & {"prepare", "task"}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.y*ml")), ids=lambda path: path.name)
def test_yaml_files_are_yaml(path: Path) -> None:
    value = yaml.safe_load(path.read_text("utf-8"))
    assert isinstance(value, dict)


def test_the_cron_job_does_not_try_again_what_gets_no_better() -> None:
    job = yaml.safe_load((FOLDER / "kubernetes_cronjob.yaml").read_text("utf-8"))
    spec = job["spec"]["jobTemplate"]["spec"]
    [rule] = spec["podFailurePolicy"]["rules"]
    assert (rule["action"], rule["onExitCodes"]["values"]) == ("FailJob", [2, 3])
    [container] = spec["template"]["spec"]["containers"]
    assert rule["onExitCodes"]["containerName"] == container["name"]
    assert job["spec"]["concurrencyPolicy"] == "Forbid"


def test_the_command_is_one_of_volanos() -> None:
    data = root.get_command(click.Context(root), "data")
    assert isinstance(data, click.Group)
    if "prepare" not in data.commands:
        pytest.skip("this volano has no `data prepare`")
    command = data.commands["prepare"]
    given = words(COMMAND)[2:]
    with command.make_context("prepare", [*given[1:], str(FOLDER / given[0])]) as ctx:
        assert ctx.params["as_json"] is True
        assert ctx.params["wait"] is True


def test_the_shell_of_the_dag_keeps_the_exit_codes(tmp_path: Path) -> None:
    """The DAG's script is run with a `volano` that leaves with each code."""
    tree = ast.parse((FOLDER / "airflow_dag.py").read_text("utf-8"))
    script = next(
        ast.literal_eval(node.value) for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and node.targets[0].id == "COMMAND"  # type: ignore[attr-defined]
    )  # fmt: skip
    program = tmp_path / "volano"
    program.write_text(
        '#!/bin/sh\n[ "$*" = "--home /h data prepare recipe.yaml --wait --json" ] || exit 77\nexit $CODE\n'
    )
    program.chmod(0o755)
    for code, seen in ((0, 0), (1, 1), (2, 2), (3, 99)):
        env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "VOLANO_HOME": "/h", "CODE": str(code)}
        done = subprocess.run(["bash", "-c", script], env=env, check=False, timeout=30)
        assert done.returncode == seen

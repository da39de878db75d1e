"""The files for pipelines are sound, and say what `volano ci` understands."""

import re
import subprocess

import click
import pytest
import yaml

from support.pages import ROOT, words
from volano.ci.rules import read
from volano.cli.root import root

FOLDER = ROOT / "examples" / "ci"
PAGE = ROOT / "docs" / "howto" / "ci.md"
PIPELINES = ["github.yml", "gitlab-ci.yml"]
SAID = re.compile(r"^\s*(?:- )?volano (--home .*)$", re.MULTILINE)


def test_the_rules_are_read_and_name_every_kind():
    rules = read((FOLDER / "ci.yaml").read_text("utf-8"), "ci.yaml")
    assert {one.kind for one in rules.checks} == {"quality", "performance", "integration"}


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_says_a_command_that_exists_with_what_it_uploads(name):
    text = (FOLDER / name).read_text("utf-8")
    [said] = SAID.findall(text)
    given = words(said)[2:]
    assert given.pop(0) == "ci"
    command = root.get_command(click.Context(root), "ci")
    known = {spelling for param in command.params for spelling in param.opts}
    assert {one for one in given if one.startswith("--")} <= known
    assert {"--base", "--comment", "--junit"} <= set(given)
    assert name in PAGE.read_text("utf-8")


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_is_yaml_with_the_whole_history_and_scripts_that_a_shell_reads(name):
    raw = yaml.safe_load((FOLDER / name).read_text("utf-8"))
    if name == "github.yml":
        steps = raw["jobs"]["check"]["steps"]
        assert steps[0]["with"]["fetch-depth"] == 0
        assert raw["permissions"] == {"contents": "read", "pull-requests": "write"}
        assert "pull_request" in raw[True], "`on` is true to YAML 1.1"
        scripts = [step["run"] for step in steps if "run" in step]
        assert not [one for one in scripts if "${{" in one], "values come by variables, not as code"
    else:
        assert raw["volano"]["variables"]["GIT_DEPTH"] == "0"
        assert raw["volano"]["artifacts"]["reports"]["junit"] == "junit.xml"
        scripts = raw["volano"]["script"] + raw["volano"]["after_script"]
    for script in scripts:
        subprocess.run(["bash", "-n", "-c", script], check=True, timeout=30)

"""A gateway in front of a provider, said on the command line: `channel open`, `gateway import`."""

import json
import sys
from typing import NamedTuple

import pytest

from volano.cli import root

SECRET = "sk-very-secret"
CONFIG = f"""
model_list:
  - model_name: gpt
    litellm_params: &params
      model: openai/gpt-5
      api_key: {SECRET}
      timeout: 30
  - model_name: other
    litellm_params: {{<<: *params, model: openai/gpt-5-mini}}
general_settings: {{master_key: {SECRET}-master}}
"""


class Said(NamedTuple):
    """What a command left on its two ways out."""

    stdout: str
    stderr: str


@pytest.fixture
def volano(tmp_path, monkeypatch, capsys):
    """Say a sentence in a folder of its own, as the installed script would."""
    monkeypatch.setenv("VOLANO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    def say(*words, code=0):
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["volano", *words])
        with pytest.raises(SystemExit) as ended:
            root.main()
        said = Said(*capsys.readouterr())
        assert ended.value.code == code, said.stderr
        assert SECRET not in said.stdout + said.stderr
        return said

    say("init")
    return say


def test_a_channel_opens_in_one_sentence_and_once(volano):
    volano("target", "add", "openai", "--provider", "openai")
    opened = volano("channel", "open", "chat", "--at", "openai:gpt-5")
    assert opened.stdout == "chat is open: chat@1, which asks chat@1\n"
    notes, following = opened.stderr.splitlines()
    assert "`OPENAI_API_KEY` is not set" in notes
    assert following == "next:  volano key create NAME --scopes chat:chat"
    again = volano("channel", "open", "chat", "--at", "openai:gpt-5")
    assert again.stdout == "chat is open already, with chat@1: nothing new\n"
    refused = volano("channel", "open", "chat", "--at", "openai:gpt-5-mini", code=1)
    assert "serves `chat@1`" in refused.stderr
    assert "volano release promote chat@2 --channel chat" in refused.stderr
    tree = volano("audit", "lineage", "release/chat@1").stdout
    assert tree.splitlines()[0].startswith("release chat@1")
    assert "model: model chat@1" in tree
    assert "chat@1" in volano("release", "list").stdout
    neither = volano("channel", "open", "x", code=1).stderr
    assert len(neither.splitlines()) == 2
    volano("channel", "open", "x", "--at", "openai:m", "--strategy", "odd", code=2)


def test_a_configuration_is_imported_and_told(volano, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    words = ("gateway", "import", "litellm", str(path))
    dry = volano(*words, "--dry-run").stdout
    assert "would be new\tchannel\tgpt\topenai:gpt-5\n" in dry
    assert "Nothing was made" in dry
    assert volano("target", "list", "--json").stdout.strip() == "[]"
    said = volano(*words)
    head, *rest = said.stdout.splitlines()
    assert head.split("\t") == ["state", "what", "name", "says"]
    assert "new\tchannel\tgpt\tgpt@1 asks openai:gpt-5" in rest
    assert "new\tchannel\tother\tother@1 asks openai:gpt-5-mini" in rest
    assert "Not carried over:" in rest
    assert any(line.startswith("  model_list[0].litellm_params.timeout: ") for line in rest)
    assert any(line.startswith("  general_settings.master_key: ") for line in rest)
    assert said.stderr == "next:  volano key create NAME --scopes 'chat:*'\n"
    again = json.loads(volano(*words, "--json").stdout)
    assert (again["new"], len(again["left"])) == (0, 3)
    assert "Nothing is new." in volano(*words).stdout
    show = json.loads(volano("target", "show", "openai", "--json").stdout)
    assert "vault: 1" in show["keys"]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (f"a: {SECRET}\na: {SECRET}", "line 2: a key is there twice"),
        (f"model_list: !{SECRET}", "a tag"),
        ("model_list: 1", "no list `model_list`"),
        ("", "not an object"),
        ("x" * (2 << 20), "more than 1,048,576 bytes"),
    ],
)
def test_a_bad_file_is_two_lines(volano, tmp_path, text, part):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    refused = volano("gateway", "import", "litellm", str(path), code=1)
    assert refused.stdout == ""
    assert len(refused.stderr.splitlines()) <= 2
    assert part in refused.stderr


def test_another_gateway_is_a_matter_of_usage(volano, tmp_path):
    (tmp_path / "c.yaml").write_text("a: 1")
    volano("gateway", "import", "other", str(tmp_path / "c.yaml"), code=2)
    volano("gateway", "import", "litellm", str(tmp_path / "none.yaml"), code=2)

"""Configurations, templates and folders: what names code, fills the memory or leads out is refused."""

import json
import os

import pytest

from volano.models.checks.configs import check_claim, check_config
from volano.models.checks.templates import check_templates
from volano.models.checks.tree import Limits, files_of
from volano.models.errors import RefusedFileError


def test_a_plain_configuration_is_read(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"model_type": "llama", "hidden_size": 64, "nested": [{"a": 1}]}')
    assert check_config(path)["hidden_size"] == 64


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"auto_map": {"AutoModel": "evil.Model"}}', "asks to run code"),
        ('{"text_config": {"auto_map": {"AutoModel": "x--evil.Model"}}}', "asks to run code"),
        ('{"trust_remote_code": true}', "trust_remote_code"),
        ('{"hidden_size": 1000000000}', "hidden_size"),
        ('{"num_hidden_layers": 1e9}', "num_hidden_layers"),
        ('{"vocab_size": -1}', "vocab_size"),
        ('{"num_hidden_layers": "1000000000"}', "no number"),
        ('{"hidden_size": true}', "no number"),
        ('{"intermediate_size": [64, 1e12]}', "intermediate_size"),
        ('{"num_attention_heads": 0}', "is 0"),
        ('{"num_attention_heads": 8, "num_key_value_heads": 3}', "8 heads cannot share 3"),
        ('{"text_config": {"n_head": 4, "n_head_kv": 8}}', "4 heads cannot share 8"),
        ('{"rope_theta": NaN}', "`rope_theta` is NaN"),
        ('{"rope_theta": 1e999}', "`rope_theta` is Infinity"),
        ('{"rope_parameters": {"full": {"rope_theta": -10000.0}}}', "`rope_theta` is -10000.0"),
        ('{"rope_theta": "much"}', "no number"),
        ('{"a": 1, "a": 2}', "twice"),
        ("[]", "not an object"),
        ("{", "not JSON"),
        ('{"a": ' + "[" * 60 + "]" * 60 + "}", "nested deeper"),
        ("[" * 100_000, "not JSON"),
        ('{"a": [' + "[]," * 4_100_00 + "1]}", "more than"),
        ("{" + " " * (3 << 20) + "}", "bytes"),
        ("\udcff", "not JSON"),
    ],
)
def test_a_hostile_configuration_is_refused(tmp_path, text, reason, monkeypatch):
    monkeypatch.setattr("volano.models.checks.configs.MOST_MARKS", 400_000)
    path = tmp_path / "config.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(RefusedFileError, match=reason):
        check_config(path)


CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>{% endfor %}"
)


def test_a_configuration_speaks_of_about_as_many_weights_as_there_are():
    seven = {
        "hidden_size": 4096,
        "vocab_size": 32_000,
        "num_hidden_layers": 32,
        "intermediate_size": 11_008,
    }
    check_claim(seven, 6_738_415_616)
    check_claim({"text_config": seven, "vision_config": {"hidden_size": 1024}}, 7_000_000_000)
    check_claim({"hidden_size": 1024, "vocab_size": 50_000, "num_hidden_layers": 12}, 6)
    albert = {
        "hidden_size": 4096,
        "vocab_size": 30_000,
        "num_hidden_layers": 12,
        "intermediate_size": 16_384,
    }
    check_claim(albert, 223_000_000)  # its layers share their weights
    for many in (seven, {"text_config": seven}, {**albert, "num_hidden_layers": 4096}):
        with pytest.raises(
            RefusedFileError, match=r"over [0-9,]* weights, and the files hold 120,640"
        ):
            check_claim(many, 120_640)


def test_usual_templates_pass_and_one_that_says_no_is_noted():
    picky = "{{ raise_exception('Conversation roles must alternate') }}"
    counted = "{% generation %}{{ messages | tojson }}{{ strftime_now('%Y') }}{% endgeneration %}"
    templates = {"default": CHATML, "counted": counted, "picky": picky, "tools": "{{ nothing.x }}"}
    notes = check_templates(templates, "tokenizer_config.json")
    assert [note.split("`")[1] for note in notes] == ["picky", "tools"]
    assert check_templates({}, "f") == ()


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ ''.__class__.__mro__ }}", "sandbox"),
        ("{{ messages.append(1) }}", "sandbox"),
        ("{{ cycler.__init__.__globals__.os.popen('touch /tmp/executed').read() }}", "sandbox"),
        ("{% for x in range(10**9) %}a{% endfor %}", "takes more|sandbox"),
        ("{{ 'a' * 10**10 }}", "takes more"),
        ("{{ 9 ** (9 ** 9) }}", "takes more"),
        ("{% for m in 'a' * 200000 %}{{ m }}{% endfor %}", "characters"),
        ("{% if %}", "no template"),
        ("{" * 5 + "(" * 5000, "no template|takes more"),
        ("x" * 300_000, "bytes"),
    ],
)
def test_a_template_bomb_is_refused(template, reason, monkeypatch):
    monkeypatch.setattr("volano.models.checks.templates.CPU_S", 1)
    with pytest.raises(RefusedFileError, match=reason):
        check_templates({"default": template}, "chat_template.jinja")


def test_too_many_templates_are_refused():
    with pytest.raises(RefusedFileError, match="33 chat templates"):
        check_templates(dict.fromkeys(map(str, range(33)), "x"), "f")


def test_the_files_of_a_folder_are_named_from_within(tmp_path):
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "model.onnx").write_text("x")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("x")
    (tmp_path / "nevek.txt").symlink_to("onnx/model.onnx")
    assert list(files_of(tmp_path)) == ["nevek.txt", "onnx/model.onnx"]


def outside(folder):
    (folder / "model.safetensors").symlink_to("/etc/passwd")


def elsewhere(folder):
    (folder / "sub").symlink_to("/etc")


def twins(folder):
    (folder / "config.json").write_text("{}")
    (folder / "Config.json").write_text("{}")


def backslash(folder):
    (folder / "..\\..\\evil.json").write_text("{}")


def control(folder):
    (folder / "a\nb").write_text("{}")


def pipe(folder):
    os.mkfifo(folder / "model.safetensors")


def loop(folder):
    (folder / "a").symlink_to("a")


def deep(folder):
    (folder / "/".join("abcdefgh")).mkdir(parents=True)


def many(folder):
    for n in range(6):
        (folder / f"{n}.json").write_text("{}")


def large(folder):
    with (folder / "a.gguf").open("wb") as file:
        file.truncate(10_000)


@pytest.mark.parametrize(
    "make", [outside, elsewhere, twins, backslash, control, pipe, loop, deep, many, large]
)
def test_a_hostile_folder_is_refused(tmp_path, make):
    folder = tmp_path / "model"
    folder.mkdir()
    make(folder)
    with pytest.raises(RefusedFileError) as caught:
        files_of(folder, Limits(files=5, bytes=5_000))
    assert caught.value.message.isprintable()


def test_links_within_the_cache_of_the_hub_are_followed(tmp_path):
    snapshot = tmp_path / "models--a--b" / "snapshots" / "abc"
    blobs = tmp_path / "models--a--b" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    (blobs / "123").write_text(json.dumps({"model_type": "llama"}))
    (snapshot / "config.json").symlink_to("../../blobs/123")
    assert list(files_of(snapshot)) == ["config.json"]

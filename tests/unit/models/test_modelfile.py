"""Modelfiles are read as Ollama reads them, and what is too large for a prompt is not taken."""

import hashlib
import json

import pytest

from support import model_files as files
from volano.models.errors import RefusedFileError
from volano.models.exchange import ollama, takeover
from volano.models.exchange.found import Found
from volano.models.exchange.modelfile import Modelfile, line
from volano.models.exchange.takeover import take_over


def test_quotes_in_a_comment_open_no_text():
    said = Modelfile.of('# lines in """ may be several\nTEMPLATE """{{ .Prompt }}"""\nSYSTEM hi\n')
    assert (said.template, said.system, said.strange) == ("{{ .Prompt }}", "hi", [])


@pytest.mark.parametrize("quotes", ['"', '"""'])
def test_a_text_in_quotes_has_lines_of_its_own(quotes):
    said = Modelfile.of(f"SYSTEM {quotes}one\n# two\n\nthree {quotes}\nPARAMETER seed 4")
    assert said.system == "one\n# two\n\nthree "
    assert said.parameters == {"seed": ["4"]}


def test_quotes_within_a_line_end_no_text():
    said = Modelfile.of('SYSTEM """Say "yes" or """no""" now"""\nPARAMETER stop a"""b\nSYSTEM x "')
    assert said.system == 'x "'
    assert said.parameters == {"stop": ['a"""b']}
    assert Modelfile.of('SYSTEM """a "b""""').system == 'a "b"'


def test_tabs_part_words_and_a_mark_of_the_encoding_is_no_word(tmp_path):
    path = tmp_path / "Modelfile"
    path.write_bytes('\ufeffTEMPLATE\t"{{ .Prompt }}"\r\nPARAMETER\tseed \t 5\r\n'.encode())
    said = Modelfile.read(path)
    assert (said.template, said.parameters) == ("{{ .Prompt }}", {"seed": ["5"]})


def test_a_text_that_never_closes_takes_nothing_else_with_it():
    said = Modelfile.of('PARAMETER stop """\nPARAMETER stop "x"\nSYSTEM """y\nMESSAGE user "z')
    assert said.parameters == {"stop": ["x"]}
    assert said.strange == ["parameter", "system", "message"]


@pytest.mark.parametrize("text", ['"', '""', 'a"""', 'a """ b', "", "é\r\n\tx ", '"""\n"""\n'])
def test_what_a_line_says_is_read_again_as_it_is(text):
    made = line("system", "", text)
    assert made is None or Modelfile.of(f"{made}\nMESSAGE user hi").system == text
    assert (made is None) == (text == '"""\n"""\n'), "one of its lines ends like the text"


def test_ends_of_lines_within_texts_stay_and_those_of_words_go(tmp_path):
    place = tmp_path / "Modelfile"
    place.write_bytes(
        b'FROM x\r\nSYSTEM """a\r\nb"""\r\nPARAMETER stop "x\r\n"\r\nMESSAGE user hi\r\n'
    )
    made = Modelfile.read(place)
    assert (made.system, made.parameters["stop"]) == ("a\r\nb", ["x\r\n"])
    assert made.messages == [{"role": "user", "content": "hi"}]
    assert Modelfile.of("PARAMETER top_p 0_1").asked()[0] == {}


@pytest.mark.parametrize("value", ["--5", "-", "5-", "٥", "1" * 99, "²"])
def test_a_number_that_is_none_is_not_taken_and_told(value):
    said = Modelfile.of(f"PARAMETER seed {value}\nPARAMETER num_predict {value}")
    assert said.settings() == ({}, ["seed", "num_predict"])
    assert Modelfile.of("PARAMETER seed -5").settings() == ({"seed": -5}, [])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f'SYSTEM """{"x" * 100_001}"""', "SYSTEM of the Modelfile is not taken"),
        ("MESSAGE user Hi\n" * 101, "MESSAGE of the Modelfile is not taken"),
        (f"MESSAGE user {'x' * 60_000}\n" * 2, "MESSAGE of the Modelfile is not taken"),
        ("PARAMETER stop x\n" * 65, "PARAMETER stop of the Modelfile is not taken"),
        (f"PARAMETER stop {'x' * 100_001}", "PARAMETER stop of the Modelfile is not taken"),
    ],
)
def test_what_is_too_large_for_a_prompt_is_told_and_not_kept(tmp_path, text, told):
    found = Found({}, {"format": "adapter"})
    take_over(Modelfile.of(f"{text}\nPARAMETER seed 5"), tmp_path, found, "mine")
    assert found.meta["asked"] == {"settings": {"seed": 5}}
    assert told in " ".join(found.notes)


@pytest.fixture
def taken(tmp_path):
    """Takes a model out of a store of Ollama with these layers."""

    def take(*layers):
        root, to = tmp_path / "store", tmp_path / "to"
        (root / "blobs").mkdir(parents=True)
        to.mkdir()
        named = []
        for kind, raw in (("model", files.gguf()), *layers):
            hexed = hashlib.sha256(raw).hexdigest()
            (root / "blobs" / f"sha256-{hexed}").write_bytes(raw)
            media = f"application/vnd.ollama.image.{kind}"
            named.append({"mediaType": media, "digest": f"sha256:{hexed}"})
        manifest = root / "manifests/registry.ollama.ai/library/a/latest"
        manifest.parent.mkdir(parents=True)
        manifest.write_text(json.dumps({"layers": named}))
        return ollama.take("a", to, root)

    return take


def test_half_a_character_in_the_store_is_told_and_the_others_are_taken(taken):
    kept, source, said = taken(("params", b'{"stop": ["\\ud800", "</s>"], "seed": 3}'))
    assert said.parameters == {"stop": ["</s>"], "seed": ["3"]}
    assert len(said.strange) == 1 and "skipped" not in source
    assert Modelfile.read(kept["Modelfile"]).parameters == said.parameters


def test_a_stop_of_quotes_leaves_the_other_parameters_as_they_are(taken):
    stops = ['"', "<|im_end|>", 'a"""\nb']
    raw = json.dumps({"stop": stops, "temperature": 0.5}).encode()
    kept, _, said = taken(("params", raw), ("messages", b'[{"role": "tool", "content": null}]'))
    assert said.parameters == {"stop": stops, "temperature": ["0.5"]}
    assert Modelfile.read(kept["Modelfile"]).parameters["stop"] == stops[:2]
    assert said.strange == ["message"]


@pytest.mark.parametrize("raw", [b"[1]", b"{", b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"])
def test_a_layer_that_says_nothing_is_told(taken, raw):
    kept, _, said = taken(("params", raw))
    assert "PARAMETER" in said.strange[0]
    assert kept["Modelfile"].read_text() == "FROM ./model.gguf\n"


@pytest.mark.parametrize("kind", ["template", "system", "params", "messages"])
def test_a_layer_that_stands_once_is_not_read_twice(taken, kind):
    with pytest.raises(RefusedFileError, match="twice"):
        taken((kind, b"[]"), (kind, b"[]"))


@pytest.mark.parametrize(
    "jinja",
    ["{% if %}", "{{ messages[0].gone.further }}", "{{ 1 / 0 }}"],
)
def test_a_template_that_does_not_work_is_told_and_not_written(tmp_path, monkeypatch, jinja):
    """Whatever a translation becomes: a model is not lost for its words, nor gets wrong ones."""
    monkeypatch.setattr(takeover, "to_jinja", lambda _: jinja)
    found = Found({"config.json": tmp_path / "config.json"}, {"format": "safetensors"})
    take_over(Modelfile(template="x"), tmp_path, found, "mine")
    assert [*found.files] == ["config.json"] and "chat_template" not in found.meta
    assert len(found.notes) == 1
    assert "`TEMPLATE`" in found.notes[0] and "is not used" in found.notes[0]


def test_an_adapter_gets_no_chat_template_and_that_is_told(tmp_path):
    found = Found({"adapter_config.json": tmp_path / "x"}, {"format": "adapter"})
    take_over(Modelfile.of('TEMPLATE """Q: {{ .Prompt }}"""'), tmp_path, found, "mine")
    assert "chat_template" not in found.meta
    assert "asked by its base's chat template" in found.notes[0]

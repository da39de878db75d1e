import json

import pytest

from support.lazily import lazily
from volano.models.compression import FORMS, compress, parts
from volano.models.compression.forms import UnknownFormError, form_of
from volano.models.export import RowsDoNotFitError

made_of = lazily("volano.models.compression.made")
making = lazily("volano.models.compression.making")
network = lazily("volano.models.compression.network")
measure = lazily("volano.models.compression.measure")
prune = lazily("volano.models.compression.prune")


def test_forms_have_names_in_any_case():
    assert form_of("Q4_K") is FORMS["q4_k"]
    with pytest.raises(UnknownFormError, match="q8_0"):
        form_of("q9")


def test_pruning_by_magnitude_takes_the_smallest_and_they_stay_away(made, rows):
    model = network.load(made["model"])
    masks = prune.smallest(model, 0.5)
    left = sum(int(mask.sum()) for mask in masks.values())
    assert left == pytest.approx(sum(mask.numel() for mask in masks.values()) / 2, rel=0.01)
    encoded, _ = made_of.encoded_rows(made["model"], rows)
    prune.recover(model, encoded, masks, prune.Recovery(steps=3), progress=lambda *_, **__: None)
    weights = dict(model.named_parameters())
    assert all((weights[name][~mask] == 0).all() for name, mask in masks.items())


def test_whole_neurons_go_and_the_model_still_runs(made, tmp_path):
    form = compress(made["model"], "q8_0", tmp_path, prune=0.5, parts="neurons")
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["intermediate_size"] == 32
    assert form.meta["pruned"]["parameters"] < form.meta["pruned"]["parameters_before"]
    assert form.meta["tensors"]["Q8_0"] == 8


def test_a_share_that_leaves_nothing_is_refused(made, rows, tmp_path):
    with pytest.raises(parts.BadShareError, match="steps of 32"):
        prune.neurons(network.load(made["model"]), 0.1)
    with pytest.raises(parts.BadShareError, match="no smaller number"):
        compress(made["model"], "f32", tmp_path, prune=0.5, parts="heads", rows=rows)
    with pytest.raises(parts.BadShareError, match="one layer"):
        compress(made["model"], "f32", tmp_path, prune=0.5, parts="layers", rows=rows)
    with pytest.raises(parts.NotPrunableError, match="no rows"):
        compress(made["model"], "f32", tmp_path, prune=0.5, parts="layers")


def test_a_narrow_model_has_no_k_quant(made, tmp_path):
    with pytest.raises(RowsDoNotFitError, match="256"):
        compress(made["model"], "q4_k", tmp_path)
    assert not list(tmp_path.glob("*.gguf"))


@pytest.mark.slow
def test_a_form_is_measured_against_its_parent(made, tmp_path, rows):
    form = compress(made["model"], "q8_0", tmp_path)
    prompts = made_of.asked(made["model"], [row["text"] for row in rows[:4]])
    said = making.said_by(made["model"], prompts)
    found = measure.measure(
        form, prompts, [*said[:3], "another"], max_tokens=64, parent=made["model"]
    )
    assert found["equal"] == sum(a == b for a, b in zip(found["answers"][:3], said, strict=False))
    assert found["n"] == 4
    assert 0 < found["kl"] < 0.1
    assert found["bytes"] == (tmp_path / "model.gguf").stat().st_size


@pytest.mark.parametrize(("said", "parts"), [
    ({"structured": True}, "neurons"), ({"structured": False}, "weights"),
    ({}, "weights"), ({"parts": "heads"}, "heads"),
])  # fmt: skip
def test_a_spec_from_before_parts_had_names_means_what_it_did(tmp_path, monkeypatch, said, parts):
    class Enough(Exception):
        pass

    def compress(*_, parts, **__):
        raise Enough(parts)

    monkeypatch.setattr("volano.models.compression.making.compress", compress)
    spec = {"folder": "parent", "form": "f32", "name": "t", "tools": "tools", "prune": 0.5, **said}
    with pytest.raises(Enough, match=parts):
        making.make(spec, folder=tmp_path, progress=lambda *_, **__: None)


@pytest.mark.slow
def test_ctranslate2_takes_networks_that_say_their_shape_in_other_words(made, tmp_path, rows):
    pytest.importorskip("ctranslate2")
    import torch
    import transformers

    torch.manual_seed(3)
    words = network.load(made["model"]).config.vocab_size
    config = transformers.GPT2Config(n_embd=32, n_layer=2, n_head=2, vocab_size=words)
    model = transformers.GPT2LMHeadModel(config)
    source = network.save(model, made["model"], tmp_path / "gpt2")
    made_form = compress(source, "ct2", tmp_path / "out")
    assert made_form.bytes > 4 * 32 * words
    assert {"model.bin", "tokenizer.json"} <= set(made_form.files)


@pytest.mark.slow
def test_ctranslate2_answers_as_torch_does(made, tmp_path, rows):
    pytest.importorskip("ctranslate2")
    spec = {
        "folder": str(made["model"]), "form": "ct2", "name": "t", "tools": str(tmp_path),
        "rows": None, "check": str(tmp_path / "check.jsonl"),
    }  # fmt: skip
    (tmp_path / "check.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[:5]))
    done = making.make(spec, folder=tmp_path / "out", progress=lambda *_, **__: None)
    assert done["meta"]["parity"] | {"gguf": ""} == {
        "n": 5, "equal": 5, "precision": "float32", "required": 0.99, "passed": True, "gguf": "",
    }  # fmt: skip
    assert {"model.bin", "card.json", "parity.json"} <= set(done["files"])

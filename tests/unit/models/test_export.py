import json
import shutil

import gguf
import numpy as np
import pytest

from support.lazily import lazily
from volano.models import parity
from volano.models.export import NotExportableError, export
from volano.serving import EngineSpec, engine
from volano.serving.line import engine_client

small = lazily("volano.models.training.small")
network = lazily("volano.models.training.network")
tokenizer = lazily("volano.models.training.tokenizer")

TEXTS = [
    "Ticket: Where is my Falcon, order 4711?\nJSON:",
    "Árvíztűrő tükörfúrógép, Straße, naïve café",
    "Где мой заказ №4711? Срочно!",
    "我的订单 4711 还没到。",
    "😀😀 1234567890 ½ ² ١٢٣",
    "a\u00a0b\u3000c\u200bd  \t\n\n  e",
    "it's we'LL I'd don't 'S",
    "</s> <s> <pad> </s",
    "x" * 300,
    '{{ messages }} {% if %} \\n "quotes"',
    " card_arrival card_arrival card_arrivals",
]


def test_llama_cpp_sees_the_ids_that_were_trained(tmp_path, rows, tiny):
    """The splitting, the merges, special tokens and labels: the same in both."""
    recipe = type(tiny).from_dict({**tiny.to_dict(), "whole_labels": True, "vocab": 500})
    words = small.learn_words([*rows, {"text": "card", "label": "card_arrival"}], recipe)
    network.save(tmp_path, network.build(recipe, words.get_vocab_size()), words, {})
    spec = EngineSpec(
        "t", str(export(tmp_path, tmp_path / "m.gguf")), "t", f"unix:{tmp_path}/e.sock", 1, 256
    )
    with engine(spec), engine_client(spec.address, timeout_s=30) as client:
        for text in TEXTS:
            body = {"content": text, "add_special": True, "parse_special": True}
            ids = client.post("/tokenize", json=body).json()["tokens"]
            assert ids == [tokenizer.BEGIN, *words.encode(text).ids], text


def test_q8_0_is_smaller_and_close(made, tmp_path):
    small = export(made["model"], tmp_path / "q8.gguf", precision="Q8_0")
    whole = made["model"] / "model.gguf"
    assert small.stat().st_size < whole.stat().st_size
    for a, b in zip(gguf.GGUFReader(whole).tensors, gguf.GGUFReader(small).tensors, strict=True):
        near = gguf.quants.dequantize(b.data, b.tensor_type)
        assert np.allclose(a.data.reshape(near.shape), near, atol=np.abs(a.data).max() / 100)


def test_an_export_is_the_same_bytes_each_time(made, tmp_path):
    again = export(made["model"], tmp_path / "again.gguf", name="tiny")
    assert again.read_bytes() == (made["model"] / "model.gguf").read_bytes()


def test_parity_sees_a_broken_export(made, tmp_path, rows, tiny, monkeypatch):
    """Without the reordering for RoPE the file loads and talks, and is another model."""
    monkeypatch.setattr("volano.models.export.dialects.reorder", lambda array, heads: array)
    broken = export(made["model"], tmp_path / "broken.gguf")
    model = network.load(made["model"])
    words = tokenizer.load(made["model"] / "tokenizer.json")
    prompts = [tiny.render(row["text"]) for row in rows[:20]]
    said = network.answers(model, words, prompts, max_tokens=30)
    proof = parity.check(
        broken, prompts, said, precision="F32", max_tokens=30, context=tiny.context
    )
    assert not proof.passed
    assert proof.first_difference


def test_no_answers_prove_nothing():
    proof = parity.Parity(0, 0, "F32", parity.Digest.of(b""))
    assert not proof.passed


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda f: (f / "config.json").unlink(), "config"),
        (lambda f: (f / "config.json").write_text("{"), "Expecting"),
        (lambda f: (f / "model.safetensors").write_bytes(b"junk"), "copy"),
        (
            lambda f: (f / "config.json").write_text(json.dumps({"model_type": "gpt2"})),
            "not one of",
        ),
    ],
)
def test_what_cannot_be_exported_is_refused(made, tmp_path, damage, reason):
    folder = shutil.copytree(made["model"], tmp_path / "copy")
    damage(folder)
    with pytest.raises(NotExportableError, match=reason):
        export(folder, tmp_path / "m.gguf")
    assert not (tmp_path / "m.gguf").exists()

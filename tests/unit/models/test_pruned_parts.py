"""Whole parts of a network go: those that the loss on rows misses least."""

import json
from dataclasses import replace

import pytest

from support.lazily import lazily
from volano.models.compression import compress, parts

torch = lazily("torch")
transformers = lazily("transformers")
network = lazily("volano.models.compression.network")
making = lazily("volano.models.compression.making")
prune = lazily("volano.models.compression.prune")
rows_of = lazily("volano.models.training.rows")
models = lazily("volano.models.making")

SHAPE = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 3, "vocab_size": 50}
GROUPED = {
    **SHAPE,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "tie_word_embeddings": False,
}


@pytest.fixture
def encoded():
    return [rows_of.Encoded([1, 5 + n, 7, 9 + n], [11 + n, 2], 0, 4) for n in range(20)]


def built(kind, shape):
    """Return a random network of a kind, heads as wide as 16 values."""
    torch.manual_seed(3)
    config = getattr(transformers, f"{kind}Config")(**shape, head_dim=16, initializer_range=0.3)
    model = getattr(transformers, f"{kind}ForCausalLM")(config).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith("bias"):  # else they begin as zeros
                p.normal_(std=0.3)
    return model


def said(model):
    with torch.no_grad():
        return model(input_ids=torch.tensor([[1, 5, 7, 9, 11]]), use_cache=False).logits


def next_of(model, row):
    """Return the token that a network says next: what is right, so that each layer helps."""
    with torch.no_grad():
        return int(
            model(input_ids=torch.tensor([row.prompt]), use_cache=False).logits[0, -1].argmax()
        )


def reloaded(model, tmp_path):
    """Return the network as it is read back from its files."""
    network.save(model, tmp_path, tmp_path / "again")
    return network.load(tmp_path / "again")


@pytest.mark.parametrize("kind", ["Llama", "Mistral", "Qwen2", "Qwen3"])
def test_heads_that_say_nothing_are_those_that_go(kind, encoded, tmp_path):
    model = built(kind, GROUPED)
    with torch.no_grad():  # another group of two heads in each layer
        for at, layer in enumerate(model.model.layers):
            silent = at % 2 * 32
            layer.self_attn.o_proj.weight[:, silent : silent + 32] = 0
    before = said(model)
    assert prune.heads(model, 0.5, encoded) == 2
    small = reloaded(model, tmp_path)
    assert (small.config.num_attention_heads, small.config.num_key_value_heads) == (2, 1)
    assert small.config.head_dim == 16
    torch.testing.assert_close(said(small), before)


@pytest.mark.parametrize("kind", ["Llama", "Qwen2"])
def test_layers_that_add_nothing_are_those_that_go(kind, encoded, tmp_path):
    model = built(kind, GROUPED)
    with torch.no_grad():
        for at in (0, 2):
            model.model.layers[at].self_attn.o_proj.weight.zero_()
            model.model.layers[at].mlp.down_proj.weight.zero_()
    before = said(model)
    taught = [replace(row, answer=[next_of(model, row), 2]) for row in encoded]
    assert prune.layers(model, 0.67, taught) == [1]
    torch.testing.assert_close(said(reloaded(model, tmp_path)), before)


def test_neurons_are_weighed_by_what_rows_make_of_them_not_by_their_size(encoded):
    model = built("Llama", GROUPED)
    with torch.no_grad():
        for layer in model.model.layers:
            layer.post_attention_layernorm.weight[0] = 0
            layer.mlp.gate_proj.weight[:32] = 0  # they look at what is never there
            layer.mlp.gate_proj.weight[:32, 0] = 1000
    alone = built("Llama", GROUPED)
    alone.load_state_dict(model.state_dict())
    useful = [layer.mlp.up_proj.weight[32:].clone() for layer in model.model.layers]
    prune.neurons(model, 0.5, encoded)
    for layer, kept in zip(model.model.layers, useful, strict=True):
        torch.testing.assert_close(layer.mlp.up_proj.weight, kept)
    prune.neurons(alone, 0.5)  # without rows their size is all there is
    assert (alone.model.layers[0].mlp.gate_proj.weight[:, 0] == 1000).all()


def test_what_is_not_built_as_llama_is_refused_with_a_way_on(encoded):
    config = transformers.GPT2Config(n_embd=32, n_layer=2, n_head=2, vocab_size=50)
    model = transformers.GPT2LMHeadModel(config)
    for cut in (prune.neurons, prune.heads, prune.layers):
        with pytest.raises(parts.NotPrunableError, match="gpt2"):
            cut(model, 0.5, encoded)


def test_heads_stay_where_another_attention_looks_at_all_of_them_at_once(encoded):
    """OLMo2 has all that Llama has, and norms over its heads together."""
    model = built("Olmo2", GROUPED)
    with pytest.raises(parts.NotPrunableError, match="olmo2"):
        prune.heads(model, 0.5, encoded)


def test_what_a_config_says_of_each_layer_goes_with_the_layers(encoded, tmp_path):
    """SmolLM3 says which layers turn positions, and which slide."""
    shape = {**GROUPED, "no_rope_layers": [0, 1, 1], "pad_token_id": 0, "eos_token_id": [2, 3, 4]}
    model = built("SmolLM3", shape)
    with torch.no_grad():
        for at in (0, 2):
            model.model.layers[at].self_attn.o_proj.weight.zero_()
            model.model.layers[at].mlp.down_proj.weight.zero_()
    before = said(model)
    taught = [replace(row, answer=[next_of(model, row), 2]) for row in encoded]
    assert prune.layers(model, 0.67, taught) == [1]
    again = reloaded(model, tmp_path)
    torch.testing.assert_close(said(again), before)
    assert again.config.no_rope_layers == [1] and again.config.eos_token_id == [2, 3, 4]


def test_layers_stay_where_a_config_numbers_them(encoded):
    experts = {"num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 32}
    model = built("Qwen3Moe", {**GROUPED, **experts, "mlp_only_layers": [1]})
    with pytest.raises(parts.NotPrunableError, match="mlp_only_layers"):
        prune.layers(model, 0.5, encoded)


def test_a_network_that_is_another_when_read_back_is_refused(made, tmp_path, rows, monkeypatch):
    """As where a config says more of what is gone than is known here."""
    cut = prune.neurons

    def forgetful(model, *given):
        model.config.rms_norm_eps = 10.0  # which the layers that are there do not look at again
        return cut(model, *given)

    monkeypatch.setattr("volano.models.compression.prune.neurons", forgetful)
    with pytest.raises(parts.NotPrunableError, match="when it is read back"):
        compress(made["model"], "f32", tmp_path, prune=0.5, parts="neurons", rows=rows[:4],
                 recovery_steps=1)  # fmt: skip


@pytest.mark.parametrize(
    ("share", "left"),
    [(0.0, 8), (0.1, 8), (0.5, 4), (0.6, 4), (0.75, 2), (0.9, 2)],
)
def test_heads_go_in_steps_that_formats_and_blocks_can_have(share, left):
    """8 heads of 16 values: 7, 6, 5 and 3 are no divisors of 128, and one head is no block."""
    assert parts.heads_left({"hidden_size": 128, "num_attention_heads": 8}, share) == left


@pytest.fixture(scope="module")
def deep(tmp_path_factory, spec):
    """A trained network of two layers and four heads."""
    folder = tmp_path_factory.mktemp("deep")
    recipe = {**spec["recipe"], "hidden": 64, "layers": 2, "heads": 4, "steps": 80}
    models.make(
        {**spec, "recipe": recipe}, folder=folder / "model",
        checkpoint=folder / "checkpoint.safetensors", progress=lambda *_, **__: None,
    )  # fmt: skip
    return folder / "model"


@pytest.mark.slow
@pytest.mark.parametrize("cut", ["heads", "layers"])
@pytest.mark.parametrize("form", ["f32", "onnx", "ct2"])
def test_a_smaller_network_is_proven_in_each_engine(deep, cut, form, rows, tmp_path):
    for package in {"f32": ("xllamacpp",), "onnx": ("onnxscript",), "ct2": ("ctranslate2",)}[form]:
        pytest.importorskip(package)
    for name in ("train", "check"):
        chosen = rows[:8] if name == "check" else rows
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in chosen))
    spec = {
        "folder": str(deep), "form": form, "name": "small", "tools": str(tmp_path), "prune": 0.5,
        "parts": cut, "recovery_steps": 5, "rows": str(tmp_path / "train.jsonl"),
        "check": str(tmp_path / "check.jsonl"),
    }  # fmt: skip
    done = making.make(spec, folder=tmp_path / "out", progress=lambda *_, **__: None)
    pruned = done["meta"]["pruned"]
    assert pruned["by"] == cut and pruned["recovery_steps"] == 5
    assert done["meta"]["parameters"] == pruned["parameters"] < pruned["parameters_before"]
    assert done["meta"]["parity"]["passed"], done["meta"]["parity"]
    config = json.loads((tmp_path / "out" / "source" / "config.json").read_text())
    assert config["num_hidden_layers" if cut == "layers" else "num_attention_heads"] == (
        1 if cut == "layers" else 2
    )


def test_a_form_that_has_no_such_parts_is_refused_before_anything_runs(made, tmp_path):
    with pytest.raises(parts.BadShareError, match="from 0 to below 1"):
        compress(made["model"], "f32", tmp_path, prune=1.5, parts="heads")

import json
import struct

import pytest

from volano.evals.errors import NothingToSearchError
from volano.evals.space import BITS, FEATURES, USUAL_FORMS, Cut, Shapes, cuts, left_out, space
from volano.models.compression.forms import FORMS, UnknownFormError

KIND = {"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4}


def layer(at, width, ffn):
    """The matrices of a layer as Llama has them."""
    square = {f"self_attn.{name}_proj": (width, width) for name in "qkvo"}
    fed = {
        "mlp.gate_proj": (ffn, width),
        "mlp.up_proj": (ffn, width),
        "mlp.down_proj": (width, ffn),
    }
    return {f"model.layers.{at}.{name}.weight": shape for name, shape in (square | fed).items()}


SHAPES = Shapes(
    {"model.embed_tokens.weight": (600, 64), **layer(0, 64, 128), "model.norm.weight": (64,)},
    config={**KIND, "num_hidden_layers": 1},
)


def test_cuts_are_read_with_their_recovery():
    assert cuts(["0", "0.5", "neurons:0.25"], [0, 150]) == [
        Cut(), Cut(0.5, "weights", 0), Cut(0.5, "weights", 150), Cut(0.25, "neurons", 0), Cut(0.25, "neurons", 150),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["half", "1", "-0.1", "neurons:2", "nan", "arms:0.5", "heads:", ":0.5"]
)
def test_what_is_no_share_is_refused(text):
    with pytest.raises(NothingToSearchError) as caught:
        cuts([text], [0])
    assert "share from 0 to below 1" in caught.value.advice


def test_k_quants_are_left_out_where_rows_do_not_fit():
    names = {config.settings["form"] for config in space(SHAPES, USUAL_FORMS, [Cut()])}
    assert names == {"f32", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0"}
    wide = Shapes(
        {"model.layers.0.mlp.gate_proj.weight": (512, 256), "down_proj.weight": (256, 512)}
    )
    assert "q4_k" in {config.settings["form"] for config in space(wide, USUAL_FORMS, [Cut()])}


def test_neurons_that_cannot_go_are_left_out():
    narrow = Shapes(layer(0, 64, 32), config={**KIND, "num_hidden_layers": 1})
    found = space(narrow, ["f32"], [Cut(), Cut(0.5, "neurons")])
    assert [c.settings["parts"] for c in found] == ["weights"]


def test_bytes_shrink_with_bits_and_with_neurons_not_with_zeros():
    size = SHAPES.bytes
    assert size(8.5, Cut()) < size(32, Cut()) / 3
    assert size(32, Cut(0.5, "neurons")) == size(32, Cut()) - 3 * 64 * 64 * 4
    assert size(32, Cut(0.5)) == size(32, Cut())


def test_bytes_shrink_with_heads_and_with_layers():
    whole = SHAPES.bytes(32, Cut())
    assert SHAPES.bytes(32, Cut(0.5, "heads")) == whole - 4 * 4 * 64 * 64 / 2
    deep = Shapes(layer(0, 64, 128) | layer(1, 64, 128), config={**KIND, "num_hidden_layers": 2})
    assert deep.bytes(32, Cut(0.5, "layers")) == deep.bytes(32, Cut()) / 2


def test_a_cut_whose_rows_no_block_holds_is_left_out():
    wide = Shapes(
        layer(0, 512, 512),
        config={**KIND, "hidden_size": 512, "num_attention_heads": 8, "num_hidden_layers": 1},
    )
    for share, fits in ((0.5, True), (0.75, False)):  # 256 values are left, or 128
        found = space(wide, ["f32", "q4_k"], [Cut(share, "heads")])
        assert ("q4_k" in {one.settings["form"] for one in found}) is fits


@pytest.mark.parametrize(
    ("config", "renamed", "reasons"),
    [
        ({"model_type": "gemma"}, {}, {"heads": "it is gemma, and heads go from llama"}),
        ({}, {"self_attn.o_proj": "self_attn.dense"}, {"heads": "not built as Llama is"}),
        ({}, {"mlp.gate_proj": "mlp.experts.0.gate_proj"}, {"neurons": "not built as Llama is"}),
        ({"mlp_only_layers": [1]}, {}, {"layers": "`mlp_only_layers` in its config is no list"}),
        (
            {"model_type": "gpt2"}, {"model.layers": "transformer.h"},
            dict.fromkeys(("neurons", "heads", "layers"), "gpt2"),
        ),
    ],
)  # fmt: skip
def test_what_this_kind_of_model_cannot_lose_is_left_out_with_a_word_why(config, renamed, reasons):
    tensors = layer(0, 64, 128) | layer(1, 64, 128)
    for before, after in renamed.items():
        tensors = {name.replace(before, after): shape for name, shape in tensors.items()}
    shapes = Shapes(tensors, config={**KIND, "num_hidden_layers": 2, **config})
    some = [Cut(), *(Cut(0.5, parts) for parts in ("neurons", "heads", "layers"))]
    found = space(shapes, ["f32", "q8_0"], some)
    left = {"weights", "neurons", "heads", "layers"} - reasons.keys()
    assert {one.settings["parts"] for one in found} == left
    told = left_out(shapes, ["f32", "q8_0"], some)
    assert len(told) == len(reasons)
    for parts, reason in reasons.items():
        assert any(
            said.startswith(f"{parts}:0.5 is left out: ") and reason in said for said in told
        )
        with pytest.raises(NothingToSearchError, match=f"{parts}:0.5 is left out"):
            space(shapes, ["f32"], [Cut(0.5, parts)])


def test_forms_that_no_row_fits_are_told():
    told = left_out(SHAPES, ["q8_0", "q4_k", "q2_k"], [Cut(), Cut(0.5, "neurons")])
    assert told == ["q4_k, q2_k cannot be: the model's rows are no multiple of their blocks"]


def test_every_configuration_has_features_in_the_unit_box_and_the_parent_has_the_most():
    found = space(
        SHAPES,
        ["f32", "q8_0", "iq4_nl", "ct2"],
        cuts(["0", "0.5", "neurons:0.5", "heads:0.5"], [0, 100]),
    )
    assert all(0 <= x <= 1 for config in found for x in config.features)
    best = found[0]
    assert best.name == "f32" and len(best.features) == FEATURES
    parts = {c.settings["parts"] for c in found}
    assert parts == {"weights", "neurons", "heads"}  # of one layer there is no half
    untuned = [c for c in found if not c.settings["recovery_steps"]]
    same_kind = [c for c in untuned if c.features[-1] == best.features[-1]]
    assert all(a <= b for c in same_kind for a, b in zip(c.features, best.features, strict=True))
    assert len({config.name for config in found}) == len(found)


def test_every_form_has_its_bits():
    ready = [form for form in FORMS.values() if form.format in {"gguf", "onnx", "ct2"}]
    assert {form.precision for form in ready} <= BITS.keys()


def test_an_unknown_form_and_an_empty_space_are_refused():
    with pytest.raises(UnknownFormError):
        space(SHAPES, ["q1_0"], [Cut()])
    with pytest.raises(NothingToSearchError):
        space(SHAPES, ["q4_k"], [Cut()])


def test_shapes_are_read_from_the_head_alone(tmp_path):
    head = json.dumps({
        "__metadata__": {"format": "pt"},
        "a.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    }).encode()  # fmt: skip
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + bytes(24))
    assert Shapes.of(tmp_path).tensors == {"a.weight": (2, 3)}


def test_zeros_and_recovery_change_no_shape_and_parts_that_go_do():
    found = space(SHAPES, ["q8_0", "f32"], cuts(["0", "0.5", "neurons:0.5", "heads:0.5"], [0, 150]))
    shapes: dict[str, set[str]] = {}
    for config in found:
        shapes.setdefault(config.shape, set()).add(config.name)
    assert shapes["q8_0"] == {"q8_0", "q8_0 less 50 % of weights", "q8_0 less 50 % of weights, 150 steps"}  # fmt: skip
    assert {len(names) for names in shapes.values()} == {2, 3}
    weak, strong = (next(c for c in found if c.name == f"q8_0 less 50 % of weights{more}") for more in ("", ", 150 steps"))  # fmt: skip
    assert weak.is_weaker(strong)
    assert not strong.is_weaker(weak)

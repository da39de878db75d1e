"""What the formats' own libraries write is taken: our readers refuse lies, not files."""

import pytest

from volano.models.checks.gguf import check_gguf
from volano.models.checks.onnx import check_onnx
from volano.models.checks.safetensors import check_safetensors

np = pytest.importorskip("numpy")


@pytest.mark.parametrize("beside", [False, True])
def test_onnx(tmp_path, beside):
    onnx = pytest.importorskip("onnx")
    h, kind = onnx.helper, onnx.TensorProto
    weights = [
        onnx.numpy_helper.from_array(np.ones((64, 64), "f4"), "w"),
        h.make_tensor("listed", kind.FLOAT, [64], [0.0] * 64),
        h.make_tensor("half", kind.FLOAT16, [4], [0.0, 1.0, 2.0, 3.0]),
        h.make_tensor("nibbles", kind.INT4, [5], [0, 1, 2, 3, 4]),
        h.make_tensor("texts", kind.STRING, [2], [b"a", b"b"]),
        onnx.numpy_helper.from_array(np.zeros((0,), "i8"), "empty"),
    ]
    inner = h.make_tensor("inner", kind.INT64, [3], [1, 0, 3])
    nodes = [
        h.make_node("Constant", [], ["c"], value=inner),
        h.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    ends = [h.make_tensor_value_info(name, kind.FLOAT, [1, 64]) for name in "xy"]
    model = h.make_model(h.make_graph(nodes, "g", ends[:1], ends[1:], weights))
    path = tmp_path / "model.onnx"
    onnx.save(model, path, save_as_external_data=beside, location="w.data", size_threshold=1)
    found = check_onnx(path, files={one.name: one for one in tmp_path.iterdir()})
    assert (found.tensors, found.parameters) == (7, 64 * 64 + 64 + 4 + 5 + 2 + 3)
    assert found.outside == ({"w.data"} if beside else set())


def test_safetensors(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "m.safetensors"
    tensors = {"a": np.zeros((3, 4), "f2"), "empty": np.zeros(0, "i8"), "one": np.array(1.0)}
    library.save_file(tensors, path, metadata={"format": "pt"})
    found = check_safetensors(path)
    assert (found.parameters, set(found.dtypes)) == (13, {"F16", "F64", "I64"})
    assert found.metadata == {"format": "pt"}


def test_gguf(tmp_path):
    gguf = pytest.importorskip("gguf")
    path = tmp_path / "m.gguf"
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_token_list(["a", "ő", "你"])
    writer.add_token_scores([0.0, 0.5, 1.0])
    writer.add_chat_template("{{ messages }}")
    q8 = gguf.GGMLQuantizationType.Q8_0
    numbers = np.ones((8, 64), "f4")
    writer.add_tensor("q", gguf.quants.quantize(numbers, q8), raw_dtype=q8)
    writer.add_tensor("f", numbers)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    found = check_gguf(path)
    assert (found.types, found.parameters) == ({"Q8_0": 1, "F32": 1}, 1024)
    assert found.templates == {"tokenizer.chat_template": "{{ messages }}"}

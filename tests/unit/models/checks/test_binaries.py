"""Files of weights: the good ones pass, and each lie is refused with its reason."""

import pickle
import struct
import tracemalloc
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support import model_files as files
from support.model_files import field, onnx, onnx_tensor, tensor, value
from volano.models.checks import numbers
from volano.models.checks.ct2 import check_ct2
from volano.models.checks.gguf import TYPES, check_gguf
from volano.models.checks.onnx import check_onnx
from volano.models.checks.pickles import seen
from volano.models.checks.safetensors import check_safetensors
from volano.models.errors import RefusedFileError


def check(kind, path, beside=None):
    if kind == "onnx":
        return check_onnx(path, files=beside or {path.name: path})
    return {"safetensors": check_safetensors, "gguf": check_gguf, "ct2": check_ct2}[kind](path)


GOOD = {
    "safetensors": files.safetensors(),
    "gguf": files.gguf(),
    "ct2": files.ct2(),
    "onnx": files.onnx(),
}


@pytest.mark.parametrize(
    ("kind", "count"), [("safetensors", 6), ("gguf", 64), ("ct2", 6), ("onnx", 6)]
)
def test_a_good_file_is_counted(tmp_path, kind, count):
    path = tmp_path / "m"
    path.write_bytes(GOOD[kind])
    assert check(kind, path).parameters == count


def spec(**told):
    return {"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24], **told}}


LIES = [
    ("safetensors", files.safetensors(length=2**62), "header says to have"),
    ("safetensors", files.safetensors(length=10**6), "ends within its header"),
    ("safetensors", files.safetensors(spec(shape=[10**9, 10**9])), "not its bytes"),
    ("safetensors", files.safetensors(spec(shape=[2**50])), "shape .* is none"),
    ("safetensors", files.safetensors(spec(shape=[-2, -3])), "shape .* is none"),
    ("safetensors", files.safetensors(spec(shape=[True] * 6)), "shape .* is none"),
    ("safetensors", files.safetensors(spec(dtype="F33")), "unknown dtype"),
    ("safetensors", files.safetensors(spec(dtype=["F32"])), "unknown dtype"),
    ("safetensors", files.safetensors(spec(data_offsets=[24, 48])), "ends beyond"),
    ("safetensors", files.safetensors(spec(data_offsets=[24, 0])), "offsets"),
    ("safetensors", files.safetensors(spec(data_offsets=[0])), "offsets"),
    ("safetensors", files.safetensors(spec(extra=1)), "not just"),
    ("safetensors", files.safetensors({**spec(), "b": spec()["a"]}), "overlaps"),
    ("safetensors", files.safetensors(data=b"\0" * 25), "follow the header"),
    ("safetensors", files.safetensors(b'{"a": 1, "a": 2}'), "twice"),
    ("safetensors", files.safetensors(b"[" * 100_000), "not JSON"),
    ("safetensors", files.safetensors(b"[" + b"[]," * 800_000), "more parts"),
    ("safetensors", files.safetensors({"__metadata__": {"a": 1}}), "metadata"),
    ("safetensors", b"", "empty"),
    ("gguf", files.gguf(version=1 << 24), "version"),
    ("gguf", files.gguf(counts=(10**9, 1)), "1000000000 tensors"),
    ("gguf", files.gguf(tensors=()), "no tensors"),
    ("gguf", files.gguf(counts=(1, 2**63)), "keys"),
    ("gguf", files.gguf((files.ARCH, files.ARCH)), "twice"),
    ("gguf", files.gguf((struct.pack("<Q", 2**60),)), "more than 1024"),
    ("gguf", files.gguf((value("a", 8, struct.pack("<Q", 2**62)),)), "more than"),
    ("gguf", files.gguf((value("a", 9, struct.pack("<IQ", 8, 10**9)),)), "in all"),
    ("gguf", files.gguf((value("a", 9, struct.pack("<IQ", 4, 10**6)),)), "ends within"),
    ("gguf", files.gguf((value("a", 9, struct.pack("<IQ", 9, 1)),)), "none for arrays"),
    ("gguf", files.gguf((value("a", 99, b"\0" * 8),)), "unknown type"),
    ("gguf", files.gguf((value("general.alignment", 4, struct.pack("<I", 0)),)), "alignment"),
    ("gguf", files.gguf((value("general.alignment", 4, struct.pack("<I", 24)),)), "alignment"),
    (
        "gguf",
        files.gguf((files.ARCH, value("llama.block_count", 4, struct.pack("<I", 10**9)))),
        "block_count",
    ),
    ("gguf", files.gguf(tensors=(tensor(shape=(10**9,) * 4),)), "beyond the file"),
    ("gguf", files.gguf(tensors=(tensor(shape=(2**60,)),)), "says to be"),
    ("gguf", files.gguf(tensors=(tensor(shape=(1,) * 9),)), "9 dimensions"),
    ("gguf", files.gguf(tensors=(tensor(kind=77),)), "unknown type 77"),
    ("gguf", files.gguf(tensors=(tensor(shape=(8, 8), kind=8),)), "multiples of 32"),
    ("gguf", files.gguf(tensors=(tensor(at=1),)), "multiple of 32"),
    ("gguf", files.gguf(tensors=(tensor(), tensor())), "twice"),
    ("gguf", files.gguf(tensors=(tensor(), tensor("b"))), "overlaps"),
    ("gguf", files.gguf((value(b"\xff", 4, b"\0" * 4),)), "UTF-8"),
    ("ct2", files.ct2(shape=(10**9, 4)), "not its"),
    ("ct2", files.ct2(size=2**31, shape=(2**29,)), "ends within"),
    ("ct2", files.ct2(count=2**31), "arrays"),
    ("ct2", files.ct2(dtype=9), "unknown type"),
    ("ct2", files.ct2(version=7), "version"),
    ("ct2", files.ct2() + b"more", "follow"),
    ("onnx", onnx(onnx_tensor(dims=(10**9, 10**9))), "not its"),
    ("onnx", onnx(onnx_tensor(dims=(2**50,))), "says to be"),
    ("onnx", onnx(onnx_tensor(dims=(1,) * 40)), "dimensions"),
    ("onnx", onnx(field(1, 10**9) + field(2, 1)), "only 0 bytes"),
    ("onnx", onnx(onnx_tensor(outside={"location": "../../etc/passwd"})), "leads out"),
    ("onnx", onnx(onnx_tensor(outside={"location": "/etc/passwd"})), "leads out"),
    ("onnx", onnx(onnx_tensor(outside={"location": "gone.data"})), "not there"),
    ("onnx", onnx(onnx_tensor(outside={"location": "m", "offset": "10000"})), "beyond"),
    ("onnx", onnx(onnx_tensor(outside={"location": "m", "length": "x"})), "no number"),
    ("onnx", onnx(onnx_tensor(outside={"location": "m", "length": "99"})), "not its"),
    ("onnx", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "ends within"),
    ("onnx", b"\x7f" * 20, "no protobuf"),
    ("onnx", field(1, 9), "no weights"),
]


def shaped(heads=8, shared=8, base=10000.0, tensor="blk.0.attn_q.weight"):
    """A GGUF that says these counts of heads and this base of its rotations."""
    counts = {"head_count": heads, "head_count_kv": shared}
    said = [
        files.value(f"llama.attention.{name}", 4, struct.pack("<I", count))
        for name, count in counts.items()
    ]
    said.append(files.value("llama.rope.freq_base", 6, struct.pack("<f", base)))
    return files.gguf((files.ARCH, *said), tensors=(files.tensor(tensor),))


LIES += [
    ("gguf", shaped(heads=0), "`attention.head_count` is 0"),
    ("gguf", shaped(shared=0), "`attention.head_count_kv` is 0"),
    ("gguf", shaped(shared=3), "8 heads cannot share 3"),
    ("gguf", shaped(base=float("nan")), "`rope.freq_base` is NaN"),
    ("gguf", shaped(base=float("inf")), "`rope.freq_base` is Infinity"),
    ("gguf", shaped(base=-10000.0), "`rope.freq_base` is -10000.0"),
]


@pytest.mark.parametrize(
    "said", [{}, {"shared": 2}, {"heads": 0, "shared": 0, "tensor": "blk.0.ssm_in.weight"}]
)
def test_heads_that_share_and_networks_without_heads_are_read(tmp_path, said):
    path = tmp_path / "m"
    path.write_bytes(shaped(**said))
    assert check("gguf", path).parameters == 64


@pytest.mark.parametrize(("kind", "raw", "reason"), LIES)
def test_a_lie_is_refused_with_its_reason(tmp_path, kind, raw, reason):
    path = tmp_path / "m"
    path.write_bytes(raw)
    with pytest.raises(RefusedFileError, match=reason):
        check(kind, path)


class Evil:
    def __reduce__(self):
        return exec, ("raise SystemExit('executed')",)


def disguises(folder):
    yield from (pickle.dumps(Evil(), protocol) for protocol in range(6))
    archive = folder / "archive.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("archive/data.pkl", pickle.dumps(Evil()))
    yield archive.read_bytes()


@pytest.mark.parametrize("kind", GOOD)
def test_a_pickle_is_refused_whatever_its_name_is(tmp_path, kind):
    path = tmp_path / "model.safetensors"
    for raw in disguises(tmp_path):
        path.write_bytes(raw)
        with pytest.raises(RefusedFileError, match=r"pickle") as caught:
            check(kind, path)
        assert "save_pretrained" in caught.value.advice


def test_good_files_are_not_taken_for_pickles(tmp_path):
    assert [kind for kind, raw in GOOD.items() if seen(raw)] == []
    path = tmp_path / "m"
    padded = files.safetensors(b'{"__metadata__":{"a":"' + b"x" * 615 + b'"}}', b"")
    assert seen(padded), "its length, 640, begins as a pickle does"
    path.write_bytes(padded)
    assert check_safetensors(path).parameters == 0


@pytest.mark.parametrize("kind", GOOD)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_what_is_cut_or_changed_is_refused_or_read_and_nothing_else(tmp_path, kind, data):
    raw = bytearray(GOOD[kind])
    if data.draw(st.booleans()):
        raw = raw[: data.draw(st.integers(0, len(raw) - 1))]
        cut = True
    else:
        cut = False
        for _ in range(data.draw(st.integers(1, 4))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "m"
    path.write_bytes(raw)
    try:
        check(kind, path)
    except RefusedFileError as error:
        assert error.message
        assert "{" not in error.message.split(" is refused: ")[0]
    else:
        assert not cut, "what is cut off anywhere is refused"


@pytest.mark.parametrize("kind", GOOD)
def test_a_lie_takes_no_memory(tmp_path, kind):
    path = tmp_path / "m"
    for of, raw, _ in LIES:
        if of == kind and len(raw) < 10_000:
            path.write_bytes(raw)
            tracemalloc.start()
            try:
                with pytest.raises(RefusedFileError):
                    check(kind, path)
                assert tracemalloc.get_traced_memory()[1] < 2 << 20
            finally:
                tracemalloc.stop()


@pytest.mark.parametrize("kind", ["F64", "F32", "BF16", "F16"])
def test_a_weight_that_is_no_number_is_refused_and_infinity_is_not(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(numbers, "AT_ONCE", 16)
    width, infinity = {
        "F64": (8, 0x7FF << 52),
        "F32": (4, 0x7F80_0000),
        "BF16": (2, 0x7F80),
        "F16": (2, 0x7C00),
    }[kind]
    sign = 1 << (8 * width - 1)
    header = {"a": {"dtype": kind, "shape": [64], "data_offsets": [0, 64 * width]}}
    number = {"F64": 28, "F32": 0, "BF16": 30, "F16": 1}[kind]
    path = tmp_path / "w"

    def written(last):
        data = b"\0" * 63 * width + last.to_bytes(width, "little")
        return files.safetensors(header, data), files.gguf(
            tensors=(files.tensor(shape=(64,), kind=number),), data=data
        )

    for finite in (0, sign, infinity - 1, infinity, infinity | sign):
        for raw, check in zip(written(finite), (check_safetensors, check_gguf), strict=True):
            path.write_bytes(raw)
            check(path)
    for lost in (infinity + 1, infinity | sign | 1, (1 << 8 * width) - 1):
        for raw, check in zip(written(lost), (check_safetensors, check_gguf), strict=True):
            path.write_bytes(raw)
            with pytest.raises(RefusedFileError, match="holds NaN"):
                check(path)
            if check is check_safetensors:
                assert check(path, numbers=False).parameters == 64


def test_weights_beside_an_onnx_model_are_found(tmp_path):
    path, beside = tmp_path / "model.onnx", tmp_path / "w.data"
    beside.write_bytes(b"\0" * 40)
    path.write_bytes(onnx(onnx_tensor(outside={"location": "w.data", "offset": "16"})))
    found = check_onnx(path, files={"model.onnx": path, "w.data": beside})
    assert (found.outside, found.parameters) == ({"w.data"}, 6)


def test_the_block_sizes_are_those_of_gguf():
    known = pytest.importorskip("gguf").GGML_QUANT_SIZES
    assert {kind: (block, size) for kind, (_, block, size) in TYPES.items()} == {
        int(kind): sizes for kind, sizes in known.items()
    }


def test_the_builtin_model_passes():
    from volano.models import builtin

    found = check_gguf(builtin.FOLDER / "model.gguf")
    assert found.of("context_length")
    assert found.parameters > 100_000

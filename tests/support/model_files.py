"""Small files of each kind, and ways to write lying ones."""

import json
import struct


def safetensors(header=None, data=None, length=None):
    if header is None:
        header = {"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    data = b"\0" * 24 if data is None else data
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def text(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(key, kind, raw):
    return text(key) + struct.pack("<I", kind) + raw


def tensor(name="a.weight", shape=(32, 2), kind=0, at=0):
    dims = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return text(name) + dims + struct.pack("<IQ", kind, at)


ARCH = value("general.architecture", 8, text("llama"))


ONE = tensor()


def gguf(values=(ARCH,), tensors=(ONE,), data=b"\0" * 256, version=3, counts=None):
    n = (len(tensors), len(values)) if counts is None else counts
    head = b"GGUF" + struct.pack("<IQQ", version, *n) + b"".join(values) + b"".join(tensors)
    return head + b"\0" * (-len(head) % 32) + data


def ct2_text(value):
    raw = value.encode() + b"\0"
    return struct.pack("<H", len(raw)) + raw


def ct2(shape=(2, 3), dtype=0, size=24, data=b"\0" * 24, count=1, version=6):
    array = ct2_text("w") + struct.pack(f"<B{len(shape)}I", len(shape), *shape)
    array += struct.pack("<BI", dtype, size) + data
    head = struct.pack("<I", version) + ct2_text("TransformerDecoderSpec") + struct.pack("<I", 1)
    return head + struct.pack("<I", count) + array + struct.pack("<I", 0)


def varint(number):
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def onnx_tensor(dims=(2, 3), dtype=1, raw=b"\0" * 24, outside=None):
    parts = b"".join(field(1, dim) for dim in dims) + field(2, dtype)
    if outside is None:
        return parts + field(9, raw)
    pairs = [field(13, field(1, k.encode()) + field(2, v.encode())) for k, v in outside.items()]
    return parts + b"".join(pairs) + field(14, 1)


def onnx(*tensors):
    graph = b"".join(field(5, one) for one in tensors or (onnx_tensor(),))
    return field(1, 9) + field(7, graph)


PICKLE = b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x8c\x06system\x93."

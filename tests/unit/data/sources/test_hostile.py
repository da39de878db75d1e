"""Hostile files: memory stays bounded, what can be read is read. Each runs in a process of its own."""

import gzip
import json
import resource
import subprocess
import sys
import zipfile
import zlib

import pytest
import zstandard

pytestmark = pytest.mark.slow  # seconds each: real processes, or many examples

MIB = 1 << 20
ROOM = 200 * MIB
"""More than the interpreter with its libraries and the largest line that is allowed."""

CHILD = """
import json, resource, sys, collections
from volano.data.sources import open_source
spec, root = json.loads(sys.argv[1]), sys.argv[2]
from pathlib import Path
list(open_source({"files": "warm.*"}, root=Path(root)).rows(print))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
reasons, n = collections.Counter(), 0
for row in open_source(spec, root=Path(root)).rows(lambda one: reasons.update([one.reason])):
    n += 1
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
apart = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps({"rows": n, "reasons": reasons, "grew": (after - before) << 10, "apart": apart << 10}))
"""


@pytest.fixture
def read(folder):
    folder("warm.jsonl", '{"a": 1}\n')
    folder("warm.csv", "a,b\n1,2\n")

    def run(name, **spec):
        done = subprocess.run(
            [sys.executable, "-c", CHILD, json.dumps({"files": name, **spec}), str(folder.root)],
            capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_a_line_of_one_gigabyte_is_skipped_and_the_next_is_read(folder, read):
    path = folder("big.jsonl", b'{"text": "first"}\n{"text": "')
    with path.open("r+b") as file:
        file.truncate(1 << 30)  # sparse
        file.seek(0, 2)
        file.write(b'"}\n{"text": "last"}\n')
    found = read("big.jsonl")
    assert (found["rows"], found["reasons"]) == (2, {"line too long": 1})
    assert found["grew"] < 64 * MIB


@pytest.mark.parametrize("packed", ["gzip", "zstd"])
def test_a_bomb_is_stopped_and_what_it_gave_before_stays(packed, folder, read):
    if packed == "gzip":
        tool = zlib.compressobj(9, wbits=31)
    else:
        tool = zstandard.ZstdCompressor(19).compressobj()
    body = tool.compress(b'{"text": "first"}\n')
    for _ in range(64):
        body += tool.compress(b" " * MIB)
    path = folder(f"bomb.jsonl.{packed}", body + tool.flush())
    assert path.stat().st_size < MIB
    found = read(path.name, format="jsonl", limits={"ratio": 100})
    assert (found["rows"], found["reasons"]) == (1, {"unpacks too far": 1})
    assert found["grew"] < 100 * MIB


def test_a_bomb_of_lines_is_read_in_flat_memory_when_the_ratio_allows(folder, read):
    line = json.dumps({"text": "x" * 1000}).encode() + b"\n"
    with gzip.open(folder.root / "many.jsonl.gz", "wb", compresslevel=1) as file:
        for _ in range(40):
            file.write(line * 500)
    found = read("many.jsonl.gz")
    assert (found["rows"], found["reasons"]) == (20_000, {})
    assert found["grew"] < 32 * MIB


def test_a_quote_that_is_never_closed_in_a_large_file(folder, read):
    rows = b"a,1\n" * 60_000
    folder("open.csv", b'text,n\n"never,1\n' + rows)
    found = read("open.csv")
    assert (found["rows"], found["reasons"]) == (60_000, {"broken quoting": 1})
    assert found["grew"] < 64 * MIB


def test_many_open_quotes_do_not_each_look_through_the_file(folder, read):
    folder("open.csv", b"text,n\n" + b'"",""x,1\n"a\n' * 8_000)
    found = read("open.csv")
    assert sum(found["reasons"].values()) > 4_000


def test_deep_json_and_a_line_of_brackets(folder, read):
    deep = b"[" * (4 * MIB)
    folder("deep.jsonl", b'{"a": ' + deep + b"\n" + b'{"a": 1}\n' + b"{}\n" + deep + b"\n")
    found = read("deep.jsonl")
    assert (found["rows"], found["reasons"]) == (2, {"nested too deeply": 2})
    assert found["grew"] < ROOM


def test_a_docx_that_unpacks_to_gigabytes(folder, read):
    path = folder("bomb.docx", b"")
    archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
    with archive, archive.open("word/document.xml", "w") as part:
        for _ in range(64):
            part.write(b" " * MIB)
    found = read("bomb.docx")
    assert found["reasons"] == {"unpacks too far": 1}
    assert max(found["grew"], found["apart"]) < ROOM


def test_a_zip_that_lies_about_its_size(folder, read):
    path = folder("liar.docx", b"")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * (64 * MIB))
    raw = bytearray(path.read_bytes())
    true = (64 * MIB).to_bytes(4, "little")
    while (at := raw.find(true)) >= 0:
        raw[at : at + 4] = (1000).to_bytes(4, "little")
    path.write_bytes(raw)
    found = read("liar.docx")
    assert found["rows"] == 0
    assert list(found["reasons"].values()) == [1]
    assert max(found["grew"], found["apart"]) < ROOM


def test_a_pdf_and_a_page_that_would_take_gigabytes_or_minutes(folder, read):
    folder("bomb.pdf", pdf(squeezed(b" " * MIB, 400)))
    folder("deep.html", "<div>" * 200_000 + "x" + "</div>" * 200_000)
    folder("fine.html", "<html><body><p>Just a page with a few words.</p></body></html>")
    found = read("*.[ph]*", limits={"memory": 150 * MIB, "seconds": 1})
    assert (found["rows"], found["reasons"]) == (1, {"reader gave up": 2})
    assert found["apart"] < 350 * MIB
    assert found["grew"] < 64 * MIB


def squeezed(piece, times):
    tool = zlib.compressobj(9)
    return b"".join(tool.compress(piece) for _ in range(times)) + tool.flush()


def pdf(stream):
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n" % len(stream) + stream + b"\nendstream",
    ]  # fmt: skip
    out, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(out))
        out += b"%d 0 obj\n" % number + part + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(out)
    return out + b"xref\n0 5\n0000000000 65535 f \n" + table + end


def test_the_limits_of_this_file_are_in_bytes():
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10 > MIB

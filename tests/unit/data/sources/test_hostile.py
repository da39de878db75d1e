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

from volano.data.sources import open_source

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


TYPES = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
LAUGHS = '<!ENTITY a0 "haha">' + "".join(
    f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)
)


def paragraph(text):
    return (
        f"<w:document {WORD}><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>"
    )


def docx(path, body, **parts):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{TYPES}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{MAIN}"/></Types>',
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{TYPES}/relationships">'
            f'<Relationship Id="r1" Type="{OFFICE}" Target="word/document.xml"/></Relationships>',
        )
        archive.writestr("word/document.xml", body)
        for name, content in parts.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (f"<!DOCTYPE x [{LAUGHS}]>" + paragraph("&a9;"), "broken file"),
        (f'<!DOCTYPE x [<!ENTITY a "{"x" * 100_000}">]>' + paragraph("&a;" * 100_000), "broken file"),
        (f"<w:document {WORD}><w:body>{'<w:p>' * 200_000}", "broken file"),
        (paragraph("x").replace("<w:p>", '<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="200000000"/></w:tcPr><w:p>')
         .replace("</w:p>", "</w:p></w:tc></w:tr></w:tbl>"), "reader gave up"),
    ],
    ids=["laughs", "one long entity", "depth", "a cell over all columns"],
)  # fmt: skip
def test_a_docx_whose_xml_swells(body, reason, folder, read):
    path = folder("a.docx", b"")
    docx(path, body)
    docx(path.with_name("b.docx"), paragraph("the next one"))
    found = read("*.docx")
    assert (found["rows"], found["reasons"]) == (1, {reason: 1})
    assert found["grew"] < ROOM


def test_a_docx_reads_no_file_and_writes_none(folder, read, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    path = folder("a.docx", b"")
    out = tmp_path / "out"
    body = f'<!DOCTYPE x [<!ENTITY a SYSTEM "{secret.as_uri()}">]>' + paragraph("[&a;] said")
    docx(path, body, **{"../../../out": "slipped", str(out): "slipped"})
    before = sorted(tmp_path.rglob("*"))
    [row] = open_source({"files": "a.docx"}, root=folder.root).rows(print)
    assert row["text"].startswith("[")
    assert "hunter2" not in json.dumps(row)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "content", "rows", "reasons"),
    [
        ("field", b'text,n\n"' + b"x" * 200 * MIB + b'",1\nok,2\n', 1, {"line too long": 1}),
        ("commas", b"text,n\n" + b"," * 7_000_000 + b"\nok,2\n", 1, {"wrong number of columns": 1}),
        ("nul", b"text,n\nhi\0there,1\nok,2\n", 1, {"NUL byte": 1}),
        ("wide", "text,n\nő,1\r\nok,2\n".encode("utf-16"), 2, {}),
        ("ends", b"text,n\r\na,1\nb,2\r\nc,3\rd,4\n", 2, {"wrong number of columns": 1}),
        ("quotes", b"text,n\n" + b'"a"a,1\n' * 50_000 + b"ok,2\n", 1, {"broken quoting": 50_000}),
    ],
)  # fmt: skip
def test_monsters_of_csv(name, content, rows, reasons, folder, read):
    folder(f"{name}.csv", content)
    found = read(f"{name}.csv")
    assert (found["rows"], found["reasons"]) == (rows, reasons)
    assert found["grew"] < ROOM


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

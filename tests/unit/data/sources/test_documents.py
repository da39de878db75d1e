"""HTML, PDF and DOCX, read in a process of their own."""

import docx
import pytest

from volano.data.sources import documents
from volano.data.sources.apart import Apart
from volano.data.sources.limits import Limits
from volano.data.sources.unpack import BrokenFileError

PAGE = (
    "<html lang='{lang}'><head><meta charset='{charset}'><title> {title} </title></head><body>"
    "<nav><a href='/home'>nav</a></nav><main><h1>{title}</h1><p>{text}</p></main></body></html>"
)


@pytest.mark.parametrize(
    ("charset", "lang", "text"),
    [
        ("utf-8", "hu", "Árvíztűrő tükörfúrógép, hosszú mondat."),
        ("windows-1251", "ru", "Это основной текст страницы."),
        ("gb18030", "zh", "这是页面的正文内容。"),
        ("iso-8859-1", "de", "Größe und Füße in Köln."),
    ],
)
def test_html_in_the_encoding_that_it_states(charset, lang, text, folder, hear):
    page = PAGE.format(charset=charset, lang=lang, title="T", text=text)
    folder("a.html", page.encode(charset))
    heard = hear({"files": "a.html", "links": True})
    assert text in heard.texts[0]
    row = heard.rows[0]
    assert (row["title"], row["lang"]) == ("T", lang)
    assert row["links"] == [{"href": "/home", "text": "nav"}]


def test_html_in_no_known_encoding_or_without_text(folder, hear):
    folder("a.html", "<p>árvíz</p>".encode("iso-8859-2"))
    folder("b.html", "<script>only()</script>")
    heard = hear({"folder": "."})
    assert heard.reasons == ["not in a known encoding", "no text"]
    assert "árvíz" in hear({"files": "a.html", "encoding": "iso-8859-2"}).texts[0]


def test_docx_with_paragraphs_and_tables_in_order(folder, hear):
    document = docx.Document()
    document.core_properties.title = "Titel"
    document.add_paragraph("Első")
    cells = document.add_table(1, 2)
    cells.cell(0, 0).text, cells.cell(0, 1).text = "a", "b"
    document.add_paragraph("最后")
    document.save(folder("a.docx", b""))
    assert hear({"files": "a.docx"}).rows[0]["text"] == "Első\n\na | b\n\n最后"
    heard = hear({"files": "a.docx", "rows": "paragraph"})
    assert heard.texts == ["Első", "a | b", "最后"]
    assert heard.rows[1]["origin"]["paragraph"] == 2
    assert heard.rows[0]["title"] == "Titel"


def pdf(*pages):
    """A PDF with a line of text on each page."""
    kids = " ".join(f"{3 + 2 * n} 0 R" for n in range(len(pages)))
    font = "<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>"
    parts = ["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>"]
    for n, text in enumerate(pages):
        show = f"BT /F1 24 Tf 10 100 Td ({text}) Tj ET" if text else ""
        about = f"/Parent 2 0 R/MediaBox[0 0 300 300]/Resources{font}/Contents {4 + 2 * n} 0 R"
        parts.append(f"<</Type/Page{about}>>")
        parts.append(f"<</Length {len(show)}>>stream\n{show}\nendstream")
    out, places = "%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{part}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(parts) + 1
    end = f"trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{len(out)}\n%%EOF"
    return (out + f"xref\n0 {size}\n0000000000 65535 f \n" + table + end).encode()


def test_pdf_by_page_and_by_file(folder, hear):
    folder("a.pdf", pdf("Page one", "", "Page three"))
    heard = hear({"files": "a.pdf"})
    assert [(r["text"], r["origin"]["page"]) for r in heard.rows] == [
        ("Page one", 1), ("Page three", 3),
    ]  # fmt: skip
    assert heard.aside[0].row["origin"]["page"] == 2
    assert heard.reasons == ["no text"]
    assert hear({"files": "a.pdf", "rows": "file"}).texts == ["Page one\n\nPage three"]


def test_broken_documents_are_set_aside_and_the_next_one_is_read(folder, hear):
    folder("a.pdf", b"%PDF-1.7 nonsense")
    folder("b.docx", b"PK\x03\x04 nonsense")
    folder("c.html", "<p>A page that can be read, with some words.</p>")
    heard = hear({"folder": "."})
    assert heard.reasons == ["broken file", "broken file"]
    assert len(heard.rows) == 1


def test_a_reader_that_dies_is_started_again(tmp_path, monkeypatch):
    script = tmp_path / "dies.py"
    script.write_text("import sys\nsys.stdin.readline()\nsys.exit(9)\n")
    page = tmp_path / "a.html"
    page.write_text("<p>Some words on a page.</p>")
    with Apart() as apart:
        with monkeypatch.context() as patch:
            patch.setattr("volano.data.sources.apart._SCRIPT", script)
            with pytest.raises(BrokenFileError) as caught:
                list(apart.read("html", page, Limits(), encoding="utf-8"))
        assert caught.value.reason == "reader gave up"
        told = list(apart.read("html", page, Limits(), encoding="utf-8"))
    assert told == [{"row": {"text": "Some words on a page."}}]


def test_whoever_stops_in_the_middle_gets_no_rows_of_another_file(tmp_path):
    first, second = tmp_path / "a.pdf", tmp_path / "b.pdf"
    first.write_bytes(pdf(*(f"first {n}" for n in range(50))))
    second.write_bytes(pdf("second"))
    with Apart() as apart:
        rows = apart.read("pdf", first, Limits(), rows="page")
        next(rows)
        rows.close()
        told = list(apart.read("pdf", second, Limits(), rows="page"))
    assert [one["row"]["text"] for one in told] == ["second"]


def test_the_reader_imports_nothing_of_volano():
    with open(documents.__file__) as file:
        assert "from volano" not in file.read()

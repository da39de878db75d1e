"""Rows that fell are links to the console, where somebody else can open it."""

import pytest

from support.workspace import ANNA
from volano.core.manifest import Parent
from volano.evals import Evals
from volano.evals.errors import BadConsoleError
from volano.settings import load


@pytest.fixture
def two(desk, monkeypatch):
    """Reports on forty rows, the second wrong on the fourth."""
    evals = Evals(desk.catalog, None)
    lines = {f"r@{n}": [{"id": f"row{at}", "answer": "a", "scores": {"exact_match": float(at != 3 or n == 1)}}
                        for at in range(40)] for n in (1, 2)}  # fmt: skip
    from volano.evals.compare import Side

    for ref in lines:
        model = desk.catalog.record("model", ref[0] + ref[2], files={"m": ref.encode()}, by=ANNA)
        desk.catalog.record("report", "r", files={"x": ref.encode()},
                            parents=[Parent("subject", model.digest)], by=ANNA)  # fmt: skip
    monkeypatch.setattr(evals, "_side", lambda ref: Side(ref, "m", lines[ref]))
    return evals


def test_rows_that_fell_are_links_where_the_console_is_known(two):
    assert "answers?report" not in two.compare("r@1", "r@2", format="markdown")
    told = two.compare("r@1", "r@2", format="markdown", console="https://v.example/volano/")
    assert "[`row3`](https://v.example/volano/reports/answers?report=r%402&after=3)" in told
    two._console = "http://10.0.0.7:7070"
    assert "](http://10.0.0.7:7070/reports/answers?" in two.compare("r@1", "r@2", format="markdown")


@pytest.mark.parametrize(
    "bad", ["v.example", "javascript:alert(1)", "https://u:pw@v.example", "https://v.example/)[x",
            "https://v.example/ a", "https://v.example\n"],
)  # fmt: skip
def test_what_is_no_address_is_refused(two, bad):
    with pytest.raises(BadConsoleError):
        two.compare("r@1", "r@2", format="markdown", console=bad)


@pytest.mark.parametrize(
    ("host", "outside"),
    [("127.0.0.1", ""), ("localhost", ""), ("::1", ""), ("0.0.0.0", ""), ("10.0.0.7", "http://10.0.0.7:7070")],
)  # fmt: skip
def test_a_console_that_only_this_machine_sees_is_no_address_for_others(tmp_path, host, outside):
    from dataclasses import replace

    assert replace(load(tmp_path), host=host).outside == outside

"""A trace's spans are the same steps whether its rows are hot, sealed, or some of each."""

import json
import sqlite3

import pytest
import zstandard

from volano.traces import HotStore
from volano.traces.spans import Spans

ID = "a" * 32


def attributes(n):
    return zstandard.compress(json.dumps({"attributes": {"n": n}}).encode())


@pytest.fixture
def spans(tmp_path, settle):
    hot = HotStore(tmp_path / "hot.db")
    columns = [row[1:4] for row in hot.conn.execute("PRAGMA table_info(spans)")]
    with hot.transaction() as conn:
        for n in range(60):
            row = {
                name: ("" if kind == "TEXT" else 0) if needed else None
                for name, kind, needed in columns
                if name != "seq"
            } | {
                "id": ID if n % 2 else "b" * 32, "span_id": f"{n:016x}",
                "parent_span_id": None if n < 2 else f"{n % 2:016x}", "name": f"step {n}",
                "kind": "tool", "began_us": 1000 + n, "outcome": "ok", "tags": "{}",
                "attributes": attributes(n), "service": "shop",
            }  # fmt: skip
            names = ", ".join(f'"{name}"' for name in row)
            marks = ", ".join("?" * len(row))
            conn.execute(f"INSERT INTO spans ({names}) VALUES ({marks})", [*row.values()])
    settle(hot)
    hot.close()
    return Spans(tmp_path / "hot.db")


def test_a_trace_is_whole_wherever_its_rows_lie(spans, settle):
    assert spans.count(ID) == 30
    assert [span.name for span in spans.of_trace(ID)] == [f"step {n}" for n in range(1, 60, 2)]
    below = spans.children(ID, f"{1:016x}", limit=5)
    assert [span.name for span in below] == ["step 3", "step 5", "step 7", "step 9", "step 11"]
    last = (below[-1].began_us, below[-1].seq)
    assert spans.children(ID, f"{1:016x}", limit=1, after=last)[0].name == "step 13"
    assert spans.show(ID, f"{3:016x}")["attributes"] == {"n": 3}
    assert [span.name for span in spans.list(limit=2)] == ["step 59", "step 58"]
    assert len(spans.list(service="shop", limit=100)) == 60
    assert spans.list(service="none") == ()
    with sqlite3.connect(spans._path) as conn:
        hot = conn.execute("SELECT count(*) FROM spans").fetchone()[0]
    assert hot == {"hot": 60, "half": 30, "sealed": 1}[settle.state]

import json

import pyarrow.parquet as pq
import pytest

from volano.core.clock import ManualClock
from volano.core.principal import SYSTEM
from volano.store.ledger import Ledger
from volano.traces import Traces
from volano.traces.errors import BadExportError
from volano.traces.export import Exports
from volano.traces.sealed.sealer import Sealer

DAY_US = 86_400_000_000


@pytest.fixture
def exports(sqlite, tmp_path, calls):
    path = tmp_path / "hot.db"
    hot = calls(path, 200, began_us=lambda n: 1_760_000_000_000_000 + n * DAY_US // 10,
                channel=lambda n: "ab"[n % 2], tags=lambda n: {"n": str(n)})  # fmt: skip
    with hot.transaction() as conn:
        conn.execute("UPDATE calls SET response = x'fffe' WHERE seq = 5")
    Sealer(hot, ManualClock(), batch_rows=40).seal_all(keep=50)
    hot.close()
    clock = ManualClock()
    return Exports(Traces(path), Ledger(sqlite, clock), clock)


def test_json_lines_have_all_rows_hot_and_sealed_oldest_first(exports, tmp_path):
    done = exports.write(tmp_path / "x.jsonl", by=SYSTEM)
    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert [row["seq"] for row in rows] == [*range(1, 201)]
    assert (done.calls, done.spans) == (200, 0)
    assert "Frage 7" in rows[7]["request"]
    assert rows[7]["tags"] == {"n": "7"}
    assert rows[4]["response_base64"] == "//4="
    assert "held" not in rows[0]
    assert not list(tmp_path.glob("*.new"))


def test_a_folder_gets_calls_and_spans_narrowed(exports, tmp_path):
    done = exports.write(tmp_path / "out", since="2025-10-15", channel="a", by=SYSTEM)
    table = pq.read_table(tmp_path / "out" / "calls.parquet")
    assert set(table["channel"].to_pylist()) == {"a"}
    assert table.num_rows == done.calls < 100
    assert b"Frage" in table["request"][0].as_py()
    assert not (tmp_path / "out" / "spans.parquet").exists(), "spans have no channel"


def test_where_it_cannot_go_is_said(exports, tmp_path):
    with pytest.raises(BadExportError, match=r"\.txt"):
        exports.write(tmp_path / "x.txt", by=SYSTEM)
    (tmp_path / "file").touch()
    with pytest.raises(BadExportError):
        exports.write(tmp_path / "file" / "x.jsonl", by=SYSTEM)

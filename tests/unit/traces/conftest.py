import pytest

from volano.core.clock import SystemClock
from volano.traces.sealed.sealer import Sealer

STATES = ("hot", "half", "sealed")


@pytest.fixture(params=STATES)
def settle(request):
    """Return what brings rows into one state: all hot, half sealed, all sealed but the newest."""

    def settle(hot):
        if request.param != "hot":
            rows = max(
                hot.conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("calls", "spans")
            )
            sealer = Sealer(hot, SystemClock(), batch_rows=7 if rows < 50 else 40)
            sealer.seal_all(keep=1 if request.param == "sealed" else rows // 2)

    settle.state = request.param
    return settle

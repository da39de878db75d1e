import json

import pytest

from volano.traces import Call, HotStore
from volano.traces.row import Rows
from volano.traces.tables import INSERT_CALL


@pytest.fixture(scope="session")
def calls():
    """Return what writes calls into hot records: their numbers and columns are told by functions."""

    def write(path, count, *, first=0, began_us=lambda n: n * 1000, channel=lambda _: "c", **more):
        hot, rows = HotStore(path), Rows()
        with hot.transaction() as conn:
            for n in range(first, first + count):
                given = {name: of(n) for name, of in more.items()}
                call = Call(
                    id=f"{n + 1:032x}", span_id="1" * 16, began_us=began_us(n),
                    ended_us=began_us(n) + (n + 1) % 7, channel=channel(n),
                    request=json.dumps(
                        {"messages": [{"role": "user", "content": f"Frage {n}: 订单?"}]}
                    ).encode(),
                    response=b'{"usage":{"prompt_tokens":3,"completion_tokens":2}}', **given,
                )  # fmt: skip
                conn.execute(INSERT_CALL, rows.make(call))
        return hot

    return write

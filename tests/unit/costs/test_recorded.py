"""What the treasury reads: copies to a shadow are paid for by nobody's budget."""

from volano.costs.recorded import Recorded
from volano.traces import Call, HotStore, Kind, Recorder, Spool, Traces, encode


def test_copies_are_no_key_s_group_s_or_channel_s_money(tmp_path):
    shared = {"began_us": 1, "ended_us": 2, "channel": "c", "group": "g", "cost_currency": "USD"}
    with Spool(tmp_path / "spool", "w") as spool:
        for n, (key, arm) in enumerate((("k", "stable"), ("shadow", "shadow")), 1):
            call = Call(
                id=f"{n:032x}", span_id="1" * 16, key_id=key, arm=arm, cost_nano=70,
                priced_by="test", **shared,
            )  # fmt: skip
            spool.append(Kind.CALL, encode(call))
    hot = HotStore(tmp_path / "hot.db")
    recorder = Recorder(tmp_path / "spool", hot)
    recorder.drain()
    spent = list(Recorded(Traces(tmp_path / "hot.db"), tmp_path / "spool").spend(0, 1 << 60))
    recorder.close()
    hot.close()
    assert [(one.key_id, one.nano) for one in spent] == [("k", 70)]

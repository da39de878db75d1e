"""Pairs of a copy and the call it copies, hot and sealed."""

import time

from tests.unit.traces.test_keeper import a_call, record

__all__ = ["record"]


def a_copy(n, *, of, span_id="1" * 16, rollout="r1", **more):
    return a_call(n, arm="shadow", rollout=rollout, tags={"shadow": of}, span_id=span_id, **more)


def an_original(n, **more):
    return a_call(n, arm="stable", rollout="r1", **more)


def test_nothing_copied_is_nothing(record):
    traces = record(an_original(0), a_call(1, rollout="r2"))
    assert list(traces.shadows(0, rollout="r1", limit=10)) == []


def test_each_copy_comes_with_the_call_it_copies_in_the_order_of_recording(record):
    ids = [f"{n + 1:032x}" for n in range(4)]
    traces = record(
        an_original(0), an_original(1), a_copy(11, of=ids[1]), an_original(2), a_copy(10, of=ids[0])
    )
    pairs = traces.shadows(0, rollout="r1", limit=10)
    assert [(copy.copied, original.id) for copy, original in pairs] == [
        (ids[1], ids[1]), (ids[0], ids[0])
    ]  # fmt: skip
    assert all(copy.shadowed and not original.shadowed for copy, original in pairs)


def test_it_goes_on_after_a_seq_and_keeps_to_its_limit_and_rollout(record):
    copies = [a_copy(10 + n, of=f"{n + 1:032x}") for n in range(5)]
    traces = record(
        *map(an_original, range(5)), *copies, a_copy(20, of=f"{1:032x}", rollout="other")
    )
    first = traces.shadows(0, rollout="r1", limit=3)
    rest = traces.shadows(first[-1][0].seq, rollout="r1", limit=3)
    assert [copy.id for copy, _ in (*first, *rest)] == [copy.id for copy in copies]
    assert list(traces.shadows(rest[-1][0].seq, rollout="r1", limit=3)) == []


def test_calls_of_one_trace_are_told_apart_by_their_span(record):
    spans = ["a" * 16, "b" * 16]
    both = [an_original(0, span_id=span) for span in spans]
    traces = record(*both, *(a_copy(10 + n, of=both[0].id, span_id=s) for n, s in enumerate(spans)))
    pairs = traces.shadows(0, rollout="r1", limit=10)
    assert [original.span_id for _, original in pairs] == spans


def test_without_its_original_a_copy_stands_alone(record):
    traces = record(a_copy(10, of="f" * 32), a_call(11, arm="shadow", rollout="r1", tags={}))
    assert [original for _, original in traces.shadows(0, rollout="r1", limit=10)] == [None, None]


def test_the_tag_of_a_call_that_is_no_copy_means_nothing(record):
    traces = record(an_original(0, tags={"shadow": "f" * 32}))
    assert traces.last().copied == ""
    assert list(traces.shadows(0, rollout="r1", limit=10)) == []


def both(*, cost=0):
    """Two calls of users, and a copy of each: one went well, one failed."""
    calls = [an_original(n, channel="c", key_id="k", release="r@1") for n in range(2)]
    copies = [
        a_copy(10 + n, of=calls[n].id, channel="c", key_id="shadow", release="r@2", outcome=outcome,
               cost_nano=cost, cost_currency="USD")
        for n, outcome in enumerate(("ok", "error"))
    ]  # fmt: skip
    return *calls, *copies


def test_copies_are_not_counted_as_users_calls(record):
    traces = record(*both())
    assert traces.counts().calls == 2
    assert [(stat.release, stat.calls) for stat in traces.stats()] == [("r@1", 2)]
    assert [(one.name, one.calls, one.errors) for one in traces.traffic("channel", 0)] == [
        ("c", 2, 0)
    ]
    assert sum(stretch.calls for stretch in traces.stretches(0, 10**6)) == 2
    assert sum(used.calls for used in traces.used(since_us=0)) == 2


def test_the_sums_have_copies_apart(record):
    now = time.time_ns() // 1000
    at = {"began_us": now - 1000, "ended_us": now}
    ids = [f"{n + 1:032x}" for n in range(2)]
    traces = record(*(an_original(n, **at) for n in range(2)), a_copy(10, of=ids[0], **at))
    window = {"since_us": now - 60_000_000, "until_us": now + 1_000_000}
    by_source = {one.by: one.count for one in traces.sums(by=["source"], **window)}
    assert by_source == {("call",): 2, ("shadow",): 1}
    record.conn.execute(
        "UPDATE calls SET cost_nano = 7, cost_currency = 'USD' WHERE arm = 'shadow'"
    )
    record.conn.commit()
    by_source = {one.by: one.nano for one in traces.sums(by=["source"], **window)}
    assert by_source[("call",)] == {}


def test_what_copies_cost_is_a_line_of_its_own(record):
    traces = record(*both(cost=70))
    by_arm = {by: spent.nano for by, spent in traces.spend(by=["arm", "currency"])}
    assert by_arm[("shadow", "USD")] == 140
    by_key = {by: spent.nano for by, spent in traces.spend(by=["key_id", "currency"])}
    assert by_key[("shadow", "USD")] == 140
    [part] = traces.copied(0, rollout="r1")
    assert (part.currency, part.calls, part.failed, part.nano) == ("USD", 2, 1, 140)
    assert traces.copied(part.seq, rollout="r1") == []


def test_they_are_found_by_their_arm(record):
    traces = record(*both())
    assert {trace.arm for trace in traces.list(where="arm = shadow")} == {"shadow"}
    assert len(traces.list(where="arm = shadow")) == 2

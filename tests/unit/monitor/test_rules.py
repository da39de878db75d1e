"""What files say: every wrong line is named, and what was meant."""

import pytest

from support.workspace import ANNA
from volano.adapters.notify import receiver
from volano.monitor.amount import BadAmountError, amount, shown, span
from volano.monitor.errors import (
    BadRulesError,
    BadSLOError,
    NoRulesError,
    SLOInUseError,
    UnknownMeasureError,
)
from volano.monitor.kpi import KPIS, kpi
from volano.monitor.rule import KINDS, SRE_PAIRS, read_rule
from volano.monitor.rulebook import read_rules

GOOD = """
rules:
  - name: failing   # a comment
    measure: error_rate
    above: 5%
    where: {channel: [support, 客服]}
"""


def problems(folder, text):
    path = folder / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return [(one.line, one.why) for one in read_rules(path, receivers=receiver, slos=[]).problems]


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("rules:\n  - name: a\n    measure: eror_rate\n    above: 1%", 3, "did you mean `error_rate`"),
        ("rules:\n  - name: a\n    measure: error_rate\n    above: 2s", 4, "a share such as 5%"),
        ("rules:\n  - name: a\n    measure: error_rate", 2, "needs `above` or `below`"),
        ("rules:\n  - name: a\n    kind: treshold", 3, "did you mean `threshold`"),
        ("rules:\n  - name: a\n    kind: burn\n    slo: up", 4, "no SLO `up`"),
        ("rules:\n  - name: a\n    kind: absence\n    by: [chanel]", 4, "did you mean `channel`"),
        ("rules:\n  - name: a\n    kind: absence\n    widnow: 5m", 4, "did you mean `window`"),
        ("rules:\n  - name: a\n    kind: absence\n    window: 5 min", 4, "a time from 10s to 400d"),
        ("rules:\n  - name: a\n    kind: absence\n    receivers: [slak]\nreceivers:\n  slack: {kind: slack, url: 'https://x'}",
         4, "did you mean `slack`"),
        ("rules:\n  - kind: absence\n  - 5", 2, "needs a `name`"),
        ("rules:\n  - name: a\n    kind: absence\n  - name: a\n    kind: absence", 4, "there twice"),
        ("rules:\n  - name: a\n    name: b", 3, "there twice"),
        ("rule:\n  - name: a", 1, "did you mean `rules`"),
        ("rules: [\n", 2, "expected"),
        ("- a", 1, "needs `rules:`"),
        ("rules: &a\n  - *a", 1, "alias"),
        ("rules: !!python/object/apply:os.system [x]", 1, "plain values"),
        ("receivers:\n  hook:\n    kind: slak", 2, "slack"),
        ("rules:\n  - name: a\n    measure: cost\n    kind: cost\n    above: 1", 3, "says nothing"),
        ("rules: 5\n", 1, "is a list"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_named(tmp_path, text, line, why):
    found = problems(tmp_path, text)
    assert any(at == line and why in told for at, told in found), found


def test_a_folder_is_taken_whole_and_what_is_gone_goes(post):
    folder = post.folder / "alerts"
    folder.mkdir()
    with pytest.raises(NoRulesError):
        post.alerts.apply(folder, by=ANNA)
    (folder / "a.yaml").write_text("rules: 5")
    with pytest.raises(BadRulesError, match=r"a\.yaml:1: `rules` is a list"):
        post.alerts.apply(folder, by=ANNA)
    (folder / "a.yaml").write_text(GOOD)
    (folder / "b.yml").write_text(GOOD.replace("failing", "other"))
    assert post.alerts.apply(folder, by=ANNA)["rules"] == 2
    (folder / "b.yml").unlink()
    assert post.alerts.apply(folder, by=ANNA)["gone"] == ["other"]
    (post.folder / "c.yaml").write_text(GOOD)
    with pytest.raises(BadRulesError, match="stands in"):
        post.alerts.apply(post.folder / "c.yaml", by=ANNA)
    assert [row["name"] for row in post.alerts.rules()] == ["failing"]


def test_the_rules_to_begin_with_are_well(post):
    post.alerts.init(by=ANNA)
    assert [one["why"] for one in post.alerts.check(post.folder / "alerts")] == ["well"]
    assert post.alerts.apply(post.folder / "alerts", by=ANNA)["rules"] >= 4
    post.call(1)
    post.tick()
    assert not any(row["trouble"] for row in post.alerts.rules())


def test_a_watched_slo_is_not_cleared(post):
    post.slos.set("up", target="99.9%", channel="support", by=ANNA)
    post.rules({"name": "b", "kind": "burn", "slo": "up"})
    with pytest.raises(SLOInUseError):
        post.slos.clear("up", by=ANNA)


def test_slos_of_time(post):
    for wrong in ({"target": "100%"}, {"target": "x"}, {"target": "9%", "measure": "latency"},
                  {"target": "9%", "within": "2s"}, {"target": "9%", "window": "3x"}):  # fmt: skip
        with pytest.raises(BadSLOError):
            post.slos.set("s", **wrong, by=ANNA)
    made = post.slos.set("fast", measure="latency", within="2s", target="90%", by=ANNA)
    assert made["left_text"] == "no calls yet"
    assert made["says"] == "90% of the answers take at most 2s over 28d"
    post.call(95, latency_us=1_000_000)
    post.call(5, latency_us=3_000_000)
    post.clock.advance(1)
    [one] = post.slos.list()
    assert (one["calls"], one["bad"], one["left_text"]) == (100, 5, "50.0%")
    assert one["burn_rate_1h"] == pytest.approx(0.5)


def test_a_rule_says_what_the_workbook_says_where_it_says_nothing():
    rule = read_rule({"name": "b", "kind": "burn", "slo": "up"})
    assert [limit for _, _, limit in rule.pairs] == [14.4, 6.0, 1.0]
    assert rule.pairs is SRE_PAIRS


def test_amounts_and_their_units():
    assert amount("5%", "share") == amount("0.05", "share") == 0.05
    assert amount("1.5s", "us") == 1_500_000
    assert amount("2 EUR", "money") == 2e9
    for text, unit in (
        ("5", "us"),
        ("-1", "count"),
        ("101%", "share"),
        ("1e999", "count"),
        (True, "count"),
    ):
        with pytest.raises(BadAmountError):
            amount(text, unit)
    assert [shown(0.051, "share"), shown(1.5e6, "us"), shown(2e9, "money", "USD")] == [
        "5.1%",
        "1.5s",
        "2 USD",
    ]
    assert [span(90_000_000), span(3_600_000_000), span(28 * 86_400_000_000)] == [
        "90s",
        "1h",
        "28d",
    ]


def test_every_kpi_is_whole_and_says_itself(post):
    post.call(4, latency_us=2_000_000, first_us=post.clock.now_us() - 1_500_000, streamed=True)
    post.call(1, outcome="error")
    post.call(1, outcome="refused")
    post.clock.advance(1)
    now = post.clock.now_us()
    for name, one in KPIS.items():
        assert name == one.name
        assert one.says.endswith(".")
        [point] = post.series.ask(name, since_us=now - 60_000_000, until_us=now + 1)
        assert point.value is not None or one.unit == "money"
    shares = {n: post.series.ask(n, since_us=now - 60_000_000, until_us=now + 1)[0].value
              for n in ("error_rate", "availability", "refusal_rate", "ttft_p50")}  # fmt: skip
    assert shares == pytest.approx(
        {"error_rate": 0.2, "availability": 0.8, "refusal_rate": 1 / 6, "ttft_p50": 500_000},
        rel=0.01,
    )
    rows = post.series.ask(
        "requests", by=["outcome"], where={"channel": "support"}, since_us=now - 3_600_000_000,
        until_us=now + 1, each_us=60_000_000,
    )  # fmt: skip
    assert sum(row.value for row in rows) == 6
    with pytest.raises(UnknownMeasureError):
        kpi("x")
    assert set(KINDS) == {"threshold", "ratio", "burn", "absence", "anomaly", "drift", "cost"}

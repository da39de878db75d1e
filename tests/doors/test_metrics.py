"""`GET /metrics`: who may read it, and that it is what Prometheus reads."""

import json
import re

from support.pages import ROOT
from support.prometheus import parse
from volano.core.principal import SYSTEM


def bearer(app, *scopes):
    _, text = app.keys.create("scraper", scopes=scopes, by=SYSTEM)
    return f"Bearer {text}"


def test_a_key_that_may_read_scrapes(relay, app):
    answer = relay.with_(authorization=bearer(app, "read")).get("/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = parse(answer.body.decode())
    assert found["volano_info"].sum() == 1
    assert found["volano_spool_waiting_bytes"].value() == 0
    assert found["volano_workers"].value() == 0


def test_the_owner_and_the_console_may_read_it(local, console):
    assert local.get("/metrics").status == 200
    assert console.get("/metrics").status == 200


def test_nobody_else_may(relay, app):
    told = relay.get("/metrics")
    assert told.status == 401
    assert "a key with the scope `read`" in told.error["message"]
    assert relay.with_(authorization="Bearer vk_wrong").get("/metrics").status == 401
    answer = relay.with_(authorization=bearer(app, "chat:*")).get("/metrics")
    assert (answer.status, answer.error["code"]) == (403, "not_for_key")
    key = bearer(app, "read")
    assert relay.with_(authorization=key, host="evil.example").get("/metrics").status == 403


def form(door, target, turn):
    typed = door.with_(content_type="application/x-www-form-urlencoded")
    return typed.post("/traffic/target?since=15m", f"target={target}&turn={turn}".encode())


def test_the_switch_of_a_target_is_the_owners(relay, console, app):
    app.targets.add(
        "far", provider="compatible", url="http://127.0.0.1:9/v1", plain_http=True, by=SYSTEM
    )
    answer = form(console, "far", "disable")
    assert (answer.status, answer.headers["location"]) == (303, "/traffic?since=15m")
    assert not app.targets.get("far").enabled
    assert b"switched off" in console.get("/traffic").body
    assert form(console, "far", "enable").status == 303
    assert app.targets.get("far").enabled
    key = relay.with_(authorization=bearer(app, "chat:*", "read"))
    cross = console.with_(sec_fetch_site="cross-site")
    for door, status in ((relay, 401), (key, 403), (cross, 403)):
        assert form(door, "far", "disable").status == status
    assert form(console, "nobody", "disable").status == 404
    for wrong in (("far", "sideways"), ("", "disable"), ("x" * 5000, "disable")):
        assert form(console, *wrong).status == 400
    assert app.targets.get("far").enabled


def test_it_tells_of_alerts_and_error_budgets(local, app, tmp_path):
    app.slos.set("up", target="99%", by=SYSTEM)
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules:\n  - {name: quiet, kind: absence}\nreceivers: {}\n")
    app.alerts.apply(rules, by=SYSTEM)
    found = parse(local.get("/metrics").body.decode())
    assert found["volano_slo_target_ratio"].value(slo="up") == 0.99
    assert found["volano_alert_rule_trouble"].value(rule="quiet") == 0
    assert found["volano_alerts"].samples == {}


def test_the_dashboard_asks_for_what_there_is(local):
    """Each metric that Grafana's file names is exposed, and each label that it sums by is known."""
    found = parse(local.get("/metrics").body.decode())
    known = {f"{name}{end}" for name, family in found.items()
             for end in (("_bucket", "_sum", "_count") if family.kind == "histogram" else ("",))}  # fmt: skip
    dashboard = json.loads((ROOT / "docs/grafana/volano.json").read_text("utf-8"))
    asked = [t["expr"] for panel in dashboard["panels"] for t in panel["targets"]]
    asked += [v["query"]["query"] for v in dashboard["templating"]["list"] if v["type"] == "query"]
    named = {name for text in asked for name in re.findall(r"volano_\w+", text)}
    assert len(named) > 10
    assert named <= known, named - known
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])

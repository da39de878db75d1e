"""`GET /metrics`: who may read it, and that it is what Prometheus reads."""

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
    assert relay.get("/metrics").status == 401
    assert relay.with_(authorization="Bearer vk_wrong").get("/metrics").status == 401
    answer = relay.with_(authorization=bearer(app, "chat:*")).get("/metrics")
    assert (answer.status, answer.error["code"]) == (403, "not_for_key")
    key = bearer(app, "read")
    assert relay.with_(authorization=key, host="evil.example").get("/metrics").status == 403

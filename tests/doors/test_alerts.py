"""The forms of the Alerts page, and who may press them."""

from volano.core.principal import SYSTEM
from volano.monitor.alert import Alert


def press(door, number, turn):
    typed = door.with_(content_type="application/x-www-form-urlencoded")
    return typed.post("/alerts/care", f"id={number}&turn={turn}".encode())


def test_an_alert_is_acknowledged_and_silenced_by_forms(relay, console, app):
    now = app.clock.now_us()
    alert = Alert(0, "failing", {"channel": "客服"}, "critical", "firing", 0.5, "bad", now - 9, now)
    app.alerts._book.write([alert], [], [], now_us=now, tell=None)
    assert "客服" in console.get("/alerts").body.decode()
    answer = press(console, 1, "silence")
    assert (answer.status, answer.headers["location"]) == (303, "/alerts")
    [silence] = app.alerts.silences()
    assert (silence.rule, silence.labels) == ("failing", {"channel": "客服"})
    assert press(console, silence.id, "unsilence").status == 303
    assert app.alerts.silences() == []
    _, text = app.keys.create("reader", scopes=("read",), by=SYSTEM)
    key = relay.with_(authorization=f"Bearer {text}")
    for door, status in (
        (relay, 401),
        (key, 403),
        (console.with_(sec_fetch_site="cross-site"), 403),
    ):
        assert press(door, 1, "ack").status == status
    assert app.alerts.list()[0].state == "firing"
    assert press(console, 1, "ack").status == 303
    assert app.alerts.list()[0].state == "acknowledged"
    for number, turn, status in (
        (9, "ack", 404),
        ("x", "ack", 400),
        (1, "burn", 400),
        (9, "unsilence", 404),
    ):
        assert press(console, number, turn).status == status
    assert key.get("/api/v1/alerts").json[0]["acked_by"]

"""Receivers, told over real sockets."""

import base64
import email
import email.policy
import hmac
import json
import sys

import pytest

from simulators.receivers import Hook, Mailbox
from volano.adapters.notify import receiver
from volano.core.errors import UnavailableError
from volano.core.ports.notify import BadReceiverError, Change, Notice


def change(n=1, state="firing", burning=1, rule="failing"):
    return Change(
        n, rule, state, "critical", {"channel": f"客服-{n}"}, "error_rate is 100% <now> & then", 5, 4,
        f"http://here/alerts#alert-{n}", burning,
    )  # fmt: skip


def notice(*changes):
    return Notice("n-1", "shop", list(changes or [change()]), "http://here/alerts")


@pytest.fixture
def hook():
    made = Hook()
    yield made
    made.close()


@pytest.fixture
def mailbox():
    made = Mailbox()
    yield made
    made.close()


def test_a_webhook_is_signed_so_that_the_receiver_can_tell(hook, monkeypatch):
    secret = "whsec_" + base64.b64encode(b"0" * 32).decode()
    monkeypatch.setenv("HOOK_SECRET", secret)
    receiver({"kind": "webhook", "url": hook.url, "secret_env": "HOOK_SECRET"})(notice())
    [(path, headers, body)] = hook.seen
    assert path == "/hook"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    true = base64.b64encode(hmac.digest(b"0" * 32, signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{true}"
    assert json.loads(body)["changes"][0]["labels"] == {"channel": "客服-1"}


def test_what_is_not_taken_is_said_without_the_address(hook, monkeypatch):
    monkeypatch.setenv("SLACK_URL", hook.url)
    hook.answers = [500]
    tell = receiver({"kind": "slack", "url_env": "SLACK_URL"})
    with pytest.raises(UnavailableError, match="the answer was 500") as error:
        tell(notice())
    assert hook.url not in str(error.value)
    monkeypatch.delenv("SLACK_URL")
    with pytest.raises(UnavailableError, match="SLACK_URL"):
        tell(notice())
    gone = receiver({"kind": "webhook", "url": "http://127.0.0.1:9/"})
    with pytest.raises(UnavailableError, match="no answer"):
        gone(notice())


def test_slack_gets_a_few_lines_and_no_marks_of_strangers(hook):
    receiver({"kind": "slack", "url": hook.url})(notice(*map(change, range(27))))
    text = hook.bodies[0]["text"]
    assert text.startswith("shop: 27 firing\n")
    assert "&lt;now&gt; &amp; then" in text
    assert text.count("•") == 11
    assert "and 17 more" in text


def test_pagerduty_has_one_incident_a_rule(hook, monkeypatch):
    monkeypatch.setenv("PD_KEY", "r0uting")
    tell = receiver({"kind": "pagerduty", "key_env": "PD_KEY", "url": hook.url})
    tell(notice(change(1), change(2), change(3, rule="slow")))
    tell(notice(change(1, "resolved", burning=1)))
    tell(notice(change(2, "resolved", burning=0)))
    said = [(b["event_action"], b["dedup_key"], b["routing_key"]) for b in hook.bodies]
    failing, slow = ("volano/shop/failing", "r0uting"), ("volano/shop/slow", "r0uting")
    assert said == [
        ("trigger", *failing), ("trigger", *slow), ("trigger", *failing), ("resolve", *failing),
    ]  # fmt: skip
    assert hook.bodies[0]["payload"]["severity"] == "critical"
    assert hook.bodies[0]["payload"]["summary"].endswith("and 1 more")


def test_mail(mailbox):
    said = {"kind": "smtp", "host": "127.0.0.1", "port": str(mailbox.port), "tls": False,
            "from": "volano@shop.example", "to": ["ops@shop.example", "anna@shop.example"]}  # fmt: skip
    receiver(said)(notice())
    [(sender, to, text)] = mailbox.mails
    assert (sender, to) == ("volano@shop.example", ["ops@shop.example", "anna@shop.example"])
    mail = email.message_from_string(text, policy=email.policy.default)
    assert mail["subject"] == "shop: 1 firing"
    assert "channel=客服-1" in mail.get_content()
    with pytest.raises(UnavailableError, match="mail server"):
        receiver({**said, "tls": True})(notice())


def test_a_command_reads_the_notice(tmp_path):
    out = tmp_path / "out"
    code = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())"
    receiver({"kind": "command", "run": [sys.executable, "-c", code, str(out)]})(notice())
    assert json.loads(out.read_text())["title"] == "shop: 1 firing"
    with pytest.raises(UnavailableError, match="ended with 3"):
        receiver({"kind": "command", "run": [sys.executable, "-c", "exit(3)"]})(notice())


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"kind": "slak"}, "slack"),
        ({"kind": "slack"}, "`url` or `url_env`"),
        ({"kind": "slack", "url": "x"}, "https"),
        ({"kind": "webhook", "url": "https://x", "secret": "s3cr3t"}, "did you mean `secret_env`"),
        ({"kind": "command", "run": "rm"}, "list"),
        ({"kind": "smtp", "host": "h", "from": "a", "to": "b", "port": "x"}, "number"),
        ({"kind": "smtp", "host": "h", "from": "a", "to": "b", "tls": "no", "password_env": "P"}, "TLS"),
    ],
)  # fmt: skip
def test_what_makes_no_receiver_is_said_before_it_is_needed(said, why):
    with pytest.raises(BadReceiverError, match=why):
        receiver(said)

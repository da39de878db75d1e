"""Targets: what the owner connects to, what workers get of it, and what is never shown."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlalchemy import select

from support.workspace import ANNA
from volano.core.plugins import UnknownPluginError
from volano.core.ref import BadRefError
from volano.gateway.errors import (
    BadTargetError,
    BadTargetKeyError,
    NoChatError,
    TargetAwayError,
    TargetConfusedError,
    TargetInUseError,
    TargetRefusedError,
    TargetTakenError,
    UnknownTargetError,
)
from volano.gateway.probe import names
from volano.gateway.target import check_address
from volano.store.metadata import METADATA

SECRET = "sk-very-secret-1"


@pytest.fixture
def targets(desk):
    return desk.targets


def add(targets, name="openai", provider="openai", **given):
    return targets.add(name, provider=provider, by=ANNA, **given)


def test_a_target_is_shown_with_its_address_and_without_its_keys(desk, targets):
    desk.environment["OPENAI_API_KEY"] = SECRET
    made = add(targets)
    targets.keep_key("openai", f"{SECRET}-2\n", by=ANNA)
    shown = targets.show("openai")
    assert made["address"] == shown["address"] == "https://api.openai.com/v1"
    assert shown["keys"] == ["OPENAI_API_KEY: set", "vault: 1"]
    assert (shown["enabled"], shown["used_by"]) == (True, [])
    assert [target.name for target in targets.list()] == ["openai"]
    assert SECRET not in json.dumps(shown)
    assert SECRET not in repr(targets.keys(targets.get("openai")))


def test_no_key_is_in_catalog_or_ledger(desk, targets):
    desk.environment["OPENAI_API_KEY"] = SECRET
    add(targets)
    targets.keep_key("openai", f"{SECRET}-2", by=ANNA)
    with desk.db.read() as conn:
        told = [conn.execute(select(table)).all() for table in METADATA.tables.values()]
    assert len(told) > 5
    assert SECRET not in repr(told)
    for path in desk.folder.rglob("*"):
        if path.is_file() and path.name != "vault.json":
            assert SECRET.encode() not in path.read_bytes(), path
    assert {event.verb for event in desk.ledger.list()} == {"add", "key"}


def test_keys_come_from_the_environment_then_from_the_vault(desk, targets):
    add(targets, key_env=["K1", "K2", "K3"])
    desk.environment |= {"K1": " one\n", "K3": "three"}
    targets.keep_key("openai", "four", by=ANNA)
    found = targets.resolve("openai", "gpt-5")
    assert [lines["authorization"] for lines in found.keys] == [
        "Bearer one", "Bearer three", "Bearer four",
    ]  # fmt: skip
    assert found.headers == found.keys[0]
    targets.keep_key("openai", "five", replace=True, by=ANNA)
    assert len(targets.resolve("openai", "gpt-5").keys) == 3
    assert targets.forget_keys("openai", by=ANNA)["forgotten"] == 1
    assert len(targets.resolve("openai", "gpt-5").keys) == 2


def test_the_usual_key_goes_to_the_usual_address_only(desk, targets):
    desk.environment["OPENAI_API_KEY"] = SECRET
    add(targets, "mine", url="https://proxy.example/v1")
    add(targets, "same", url="https://api.openai.com/v1/")
    add(targets, "read", url="http://api.openai.com/v1", plain_http=True)
    assert targets.resolve("read", "m").headers == {}
    assert targets.resolve("mine", "m").headers == {}
    assert targets.resolve("same", "m").headers == {"authorization": f"Bearer {SECRET}"}


def test_a_target_without_the_key_it_should_have_says_so(desk, targets):
    add(targets)
    add(targets, "gpu", "vllm")
    add(targets, "named", "vllm", key_env=["K", "L"])
    add(targets, "mine", "azure", url="https://r.openai.azure.com")
    lacks = {name: targets.resolve(name, "m").lacks for name in ("openai", "gpu", "named", "mine")}
    assert lacks == {
        "openai": "OPENAI_API_KEY", "gpu": "", "named": "K", "mine": "AZURE_OPENAI_API_KEY",
    }  # fmt: skip
    desk.environment["L"] = "x"
    targets.keep_key("openai", "y", by=ANNA)
    assert (targets.resolve("named", "m").lacks, targets.resolve("openai", "m").lacks) == ("", "")


def test_a_key_may_be_made_of_several_variables(desk, targets):
    add(targets, "aws", "bedrock", region="eu-west-1")
    desk.environment |= {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "se"}
    (sign,) = targets.resolve("aws", "m").signs
    assert (sign.access_key, sign.secret_key, sign.session_token) == ("AKIA", "se", None)
    desk.environment["AWS_SESSION_TOKEN"] = "tok"
    assert [one.session_token for one in targets.resolve("aws", "m").signs] == ["tok"]
    del desk.environment["AWS_SECRET_ACCESS_KEY"]
    assert targets.resolve("aws", "m").signs == ()


@pytest.mark.parametrize("key", ["a\nb", "a b", "ключ", "", "a\x7f", "x" * 5000])
def test_a_key_that_cannot_be_a_header_is_refused_without_telling_it(desk, targets, key):
    add(targets, key_env=["K"])
    with pytest.raises(BadTargetKeyError) as told:
        targets.keep_key("openai", key, by=ANNA)
    assert not key or key not in told.value.message
    desk.environment["K"] = "a\r\nb: c"
    with pytest.raises(BadTargetKeyError, match="from K"):
        targets.resolve("openai", "m")


ACCESS = "AKIAIOSFODNN7EXAMPLE"


@pytest.mark.parametrize(
    "key", ["garbage", f"{ACCESS}:", ":secret", f"{ACCESS}:secret:", "key:secret", "sk-secret-1"]
)
def test_what_cannot_be_a_key_of_bedrock_is_refused_with_the_form(targets, key):
    add(targets, "bed", "bedrock", region="eu-west-1")
    with pytest.raises(BadTargetKeyError) as told:
        targets.keep_key("bed", key, by=ANNA)
    assert "ACCESS_KEY:SECRET_KEY:SESSION_TOKEN" in told.value.advice
    assert key not in told.value.message + told.value.advice
    assert targets.keys(targets.get("bed")) == []


@pytest.mark.parametrize(
    "key",
    [f"{ACCESS}:se/c+ret=", f"{ACCESS}:secret:to:ken", "ABSKQmVkcm9jaw==", "bedrock-api-key-YmVk"],
)
def test_each_form_of_a_key_of_bedrock_is_kept(targets, key):
    add(targets, "bed", "bedrock")
    targets.keep_key("bed", key, by=ANNA)
    assert [one.text for one in targets.keys(targets.get("bed"))] == [key]


def test_what_stands_in_front_of_bedrock_may_have_keys_of_its_own(targets):
    add(targets, "bed", "bedrock", url="https://bedrock.example")
    targets.keep_key("bed", "own-token", by=ANNA)
    targets.keep_key("bed", "test:test", by=ANNA)
    with pytest.raises(BadTargetKeyError):
        targets.keep_key("bed", "test:", by=ANNA)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x", "x", "https://", "https://u:p@x/v1", "https://@x", "https://x/v1?key=1", "https://x/v1?",
        "https://x/#a", "https://[::1", "https://x:99999", "https://x/\r\nx: y", "https://x y/",
        "https://x/\ud800", "http://x.example/v1", "http://8.8.8.8", "http://169.254.169.254",
        "https://169.254.169.254/v1", "http://[fe80::1]", "http://0.0.0.0:80", "http://224.0.0.1",
        "http://127.0.0.1:", "https://x:/v1", "http://[::1]:",
    ],
    ids=ascii,
)  # fmt: skip
def test_an_address_that_may_not_be_asked_is_refused(targets, url):
    with pytest.raises(BadTargetError) as told:
        add(targets, "t", "compatible", url=url)
    assert "u:p" not in told.value.message
    assert targets.list() == []


@pytest.mark.parametrize(
    "url",
    ["https://x.example", "http://127.0.0.1:8000/v1", "http://[::1]:1", "http://localhost",
     "http://10.1.2.3:8000", "http://192.168.0.9/v1", "http://[fd00::7]", "https://8.8.8.8"],
)  # fmt: skip
def test_addresses_that_may_be_asked(url):
    check_address(url)


def test_plain_http_to_the_world_needs_the_owners_word(targets):
    add(targets, "t", "compatible", url="http://gpu.example:8000", plain_http=True)
    with pytest.raises(BadTargetError, match="readable") as told:
        targets.update("t", plain_http=False, by=ANNA)
    assert "say --plain-http if" in told.value.advice


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"provider": "openia"}, UnknownPluginError),
        ({"name": "a:b"}, BadRefError),
        ({"name": "a@b"}, BadRefError),
        ({"key_env": ["sk-123"]}, BadTargetError),
        ({"key_env": ["A:"]}, BadTargetError),
        ({"region": "eu/../x"}, BadTargetError),
        ({"version": "a&b"}, BadTargetError),
        ({"provider": "azure"}, BadTargetError),
    ],
)
def test_what_cannot_be_a_target(targets, given, error):
    with pytest.raises(error):
        targets.add(given.pop("name", "t"), **{"provider": "openai", "by": ANNA, **given})


def test_names_are_taken_once_and_guessed(targets):
    add(targets)
    with pytest.raises(TargetTakenError):
        add(targets)
    with pytest.raises(UnknownTargetError, match=r"`opnai` \(did you mean `openai`\?\)\.$"):
        targets.get("opnai")


def test_a_change_goes_out_at_once_and_into_the_ledger(desk, targets):
    add(targets)
    before = len(desk.published)
    assert targets.update("openai", region="eu", by=ANNA)["region"] == "eu"
    assert not targets.disable("openai", why="it errs", by=ANNA)["enabled"]
    assert not targets.resolve("openai", "m").enabled
    assert targets.enable("openai", by=ANNA)["enabled"]
    assert targets.update("openai", url="https://x.example", by=ANNA)["region"] == "eu"
    assert len(desk.published) == before + 4
    assert {"update", "disable", "enable"} <= {event.verb for event in desk.ledger.list()}


def test_a_target_in_use_stays(desk, targets):
    add(targets)
    targets.keep_key("openai", SECRET, by=ANNA)
    model = desk.models.add_pointer("big", at=["openai:gpt-5"], by=ANNA)
    flow = desk.flows.compose("help", model=model.ref, by=ANNA)
    release = desk.releases.cut("help", flow=flow.ref, by=ANNA)
    assert targets.used_by("openai") == []
    rollout = desk.releases.promote(release.ref, channel="help", plan="100%", by=ANNA)
    with pytest.raises(TargetInUseError, match=r"channel help \(help@1, model big@1\)"):
        targets.remove("openai", by=ANNA)
    desk.releases.end(rollout, "aborted", {}, by=ANNA)
    targets.remove("openai", by=ANNA)
    assert targets.list() == []
    assert desk.models.get("big@1") == model
    add(targets)
    assert targets.show("openai")["keys"] == ["OPENAI_API_KEY: not set"]


def test_an_evaluation_asks_a_target_that_chats(desk, targets):
    add(targets, "claude", "anthropic")
    add(targets, "own", "compatible", url="http://127.0.0.1:9/v1")
    with pytest.raises(NoChatError):
        targets.chat("claude", "m")
    with targets.chat("own", "m") as chat:
        assert (chat.address, chat.model, chat._path) == (
            "http://127.0.0.1:9", "m", "/v1/chat/completions",
        )  # fmt: skip


# asked whether it is well


class Vendor:
    """An API that lists models to those who have the key `good`; `act` may do otherwise."""

    def __init__(self):
        vendor = self
        self.seen = []
        self.answer = (200, b'{"data": [{"id": "small"}, {"id": "big"}]}')

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                vendor.seen.append((self.path, dict(self.headers)))
                good = self.headers.get("authorization") in {"Bearer good", "Bearer good2"}
                status, body = vendor.answer if good else (401, b"no")
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                if status == 302:
                    self.send_header("location", "http://127.0.0.1:9/")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def vendor():
    vendor = Vendor()
    yield vendor
    vendor.stop()


def test_a_target_that_is_well_tells_its_models(desk, targets, vendor):
    desk.environment["K"] = "good"
    add(targets, "v", "vllm", url=vendor.url, key_env=["K"])
    targets.keep_key("v", "good2", by=ANNA)
    told = targets.check("v")
    assert told["models"] == ["big", "small"]
    assert told["keys_accepted"] == ["K", "the vault (1)"]
    assert [path for path, _ in vendor.seen] == ["/v1/models", "/v1/models"]
    assert vendor.seen[0][1]["anthropic-version"] == "2023-06-01"


def test_each_key_is_tried(desk, targets, vendor):
    desk.environment |= {"K": "good", "L": "stale-secret"}
    add(targets, "v", "compatible", url=vendor.url, key_env=["K", "L"])
    with pytest.raises(TargetRefusedError, match="from L: status 401") as told:
        targets.check("v")
    assert "stale" not in told.value.message
    add(targets, "none", "compatible", url=vendor.url)
    with pytest.raises(TargetRefusedError, match="it has none"):
        targets.check("none")


@pytest.mark.parametrize(
    "answer",
    [(404, b""), (500, b""), (302, b""), (200, b"<html>"), (200, b'{"a": 1}'), (200, b"[1]")],
)
def test_a_server_of_another_kind_is_told_from_a_target(desk, targets, vendor, answer):
    desk.environment["K"] = "good"
    vendor.answer = answer
    add(targets, "v", "compatible", url=vendor.url, key_env=["K"])
    with pytest.raises(TargetConfusedError, match="/models"):
        targets.check("v")


def test_a_target_that_is_away(desk, targets):
    desk.environment["K"] = SECRET
    add(targets, "v", "compatible", url="http://127.0.0.1:9/v1", key_env=["K"])
    with pytest.raises(TargetAwayError, match=r"at http://127\.0\.0\.1:9") as told:
        targets.check("v")
    assert SECRET not in told.value.message


def test_an_api_that_lists_nothing_is_only_reached(desk, targets, vendor):
    desk.environment["K"] = "AKIA:se"
    add(targets, "aws", "bedrock", url=vendor.url, key_env=["K"])
    told = targets.check("aws")
    assert (told["models"], told["keys_accepted"], told["keys_not_proven"]) == ([], [], ["K"])


def test_lists_of_models_as_vendors_write_them():
    assert names({"models": [{"name": "models/gemini-3"}]}) == {"gemini-3"}
    assert names([{"id": "a/b"}]) == {"a/b"}
    assert names({"data": None}) == set()

"""Loopback's names and no others: DNS rebinding and its relatives stay outside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.access.errors import ForbiddenHostError, ForbiddenOriginError
from volano.access.hosts import NAMES, check_host, check_origin

OURS = ["127.0.0.1:7070", "localhost:7070", "[::1]:7070", "LOCALHOST:7070", "LocalHost:7070"]
STRANGE = [
    "", " ", "evil.example", "evil.example:7070", "127.0.0.1", "localhost", "[::1]",
    "127.0.0.1:7071", "127.0.0.1:07070", "127.0.0.1:", "127.0.0.1:7070:7070",
    "localhost.:7070", "127.0.0.1.:7070", "localhost.evil.example:7070", "127.0.0.1.nip.io:7070",
    "evil.example#localhost:7070", "evil@localhost:7070", "localhost:7070@evil.example",
    "user:pass@127.0.0.1:7070", "localhost:7070/", "localhost:7070\\@evil.example",
    "127.0.0.2:7070", "127.1:7070", "2130706433:7070", "0x7f000001:7070", "0177.0.0.1:7070",
    "0.0.0.0:7070", "[::]:7070", "[::ffff:127.0.0.1]:7070", "[0:0:0:0:0:0:0:1]:7070", "::1:7070",
    "[::1%25lo]:7070", "localhost:7070, evil.example", "localhost:7070 evil", " localhost:7070",
    "localhost:7070\n", "localhoſt:7070", "ⓛocalhost:7070", "１２７.0.0.1:7070",
    "localhost\x00:7070", "xn--localhost:7070", "*.localhost:7070", "app.localhost:7070",
]  # fmt: skip


@pytest.mark.parametrize("host", OURS)
def test_our_own_names_pass(host: str) -> None:
    check_host(host, 7070)
    check_origin(f"http://{host}", 7070)


@pytest.mark.parametrize("host", STRANGE)
def test_strange_names_do_not(host: str) -> None:
    with pytest.raises(ForbiddenHostError) as caught:
        check_host(host, 7070)
    assert caught.value.advice == "Open http://127.0.0.1:7070 instead."
    with pytest.raises(ForbiddenOriginError):
        check_origin(f"http://{host}", 7070)


def test_a_missing_host_does_not_pass() -> None:
    with pytest.raises(ForbiddenHostError):
        check_host(None, 7070)


def test_a_missing_origin_passes_because_only_browsers_send_one() -> None:
    check_origin(None, 7070)


@pytest.mark.parametrize(
    "origin",
    [
        "null", "", "https://127.0.0.1:7070", "file://", "http://", "http:127.0.0.1:7070",
        "127.0.0.1:7070", "http://127.0.0.1:7070/", "http://127.0.0.1:7070.evil.example",
        "chrome-extension://127.0.0.1:7070", "http://http://127.0.0.1:7070",
    ],
)  # fmt: skip
def test_other_origins_do_not_pass(origin: str) -> None:
    with pytest.raises(ForbiddenOriginError):
        check_origin(origin, 7070)


def test_only_http_s_own_port_may_be_left_out() -> None:
    for name in NAMES:
        check_host(name, 80)
        check_host(f"{name}:80", 80)
        check_origin(f"http://{name}", 80)
    with pytest.raises(ForbiddenHostError):
        check_host("localhost", 443)


def test_where_the_port_speaks_https_pages_are_those_of_https() -> None:
    for name in NAMES:
        check_host(name, 443, tls=True)
        check_origin(f"https://{name}", 443, tls=True)
        check_origin(f"https://{name}:7070", 7070, tls=True)
    for origin in ("http://127.0.0.1:7070", "http://localhost", "https://evil.example:7070"):
        with pytest.raises(ForbiddenOriginError) as caught:
            check_origin(origin, 7070, tls=True)
        assert "https://127.0.0.1:7070" in caught.value.advice
    with pytest.raises(ForbiddenHostError):
        check_host("localhost", 80, tls=True)


@given(st.text())
def test_nothing_else_passes_and_nothing_breaks(host: str) -> None:
    if host.lower() not in {name.lower() for name in OURS}:
        with pytest.raises(ForbiddenHostError) as caught:
            check_host(host, 7070)
        assert caught.value.message.isascii()
        assert caught.value.message.isprintable()

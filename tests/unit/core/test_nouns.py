"""The small nouns: digests, ids, clocks, money, verdicts, principals, plugins."""

import dataclasses
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.core.clock import ManualClock, SystemClock
from volano.core.digest import BadDigestError, Digest
from volano.core.ids import is_trace_id, span_id, trace_id, uuid7
from volano.core.money import MixedCurrencyError, Money
from volano.core.plugins import PluginTakenError, Registry, UnknownPluginError
from volano.core.principal import SYSTEM, Principal
from volano.core.score import Score
from volano.core.text import nfc
from volano.core.verdict import Verdict

ABC = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_digest_is_that_of_fips_180() -> None:
    digest = Digest.of(b"abc")
    assert digest == ABC
    assert (digest.hex, digest.short) == (ABC[7:], "ba7816bf8f01")
    assert Digest.of(memoryview(b"abc")) == Digest.of(bytearray(b"abc")) == digest


@pytest.mark.parametrize(
    "text", ["", ABC[7:], ABC[:-1], ABC + "0", ABC.upper(), ABC + "\n", "md5:1"]
)
def test_what_is_no_digest(text: str) -> None:
    with pytest.raises(BadDigestError):
        Digest(text)


MICROS = st.integers(0, 2**48 * 1000 - 2)


@given(MICROS, st.binary(min_size=8, max_size=8))
def test_an_id_is_a_uuid_of_version_7(now_us: int, random: bytes) -> None:
    made = uuid.UUID(uuid7(now_us, random))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == now_us // 1000
    assert str(made) == uuid7(now_us, random)


@given(MICROS, MICROS)
def test_ids_sort_by_time_down_to_the_microsecond(one: int, other: int) -> None:
    early, late = sorted({one, other}) if one != other else (one, one + 1)
    assert uuid7(early, b"\xff" * 8) < uuid7(late, b"\0" * 8)


def test_ids_of_one_moment_differ() -> None:
    assert len({uuid7(0) for _ in range(1000)}) == 1000


def test_trace_ids_are_those_of_the_w3c() -> None:
    assert is_trace_id(trace_id())
    assert len(span_id()) == 16
    for wrong in ("", "0" * 32, "a" * 31, "a" * 33, "A" * 32, "g" * 32, "a" * 32 + "\n"):
        assert not is_trace_id(wrong)


def test_the_clocks() -> None:
    clock = ManualClock(5)
    clock.advance(1.5)
    assert clock.now_us() == clock.monotonic_us() == 1_500_005
    system = SystemClock()
    assert system.now_us() > 1_700_000_000_000_000
    assert system.monotonic_us() <= system.monotonic_us()


def test_money_is_exact_and_does_not_mix() -> None:
    total = Money(0)
    for _ in range(10):
        total += Money(100_000_000)
    assert total == Money(10**9)
    assert str(Money(-1_500_000_001, "EUR")) == "-1.500000001 EUR"
    assert (str(Money(0)), str(Money(210_000))) == ("0.00 USD", "0.00021 USD")
    with pytest.raises(MixedCurrencyError, match="EUR"):
        Money(1) + Money(1, "EUR")


def test_only_a_pass_is_true() -> None:
    assert Verdict("pass", "enough evidence")
    assert not Verdict("fail", "worse")
    assert not Verdict("wait", "needs 40 more")


def test_a_principal_prints_as_the_ledger_writes_it() -> None:
    assert str(Principal("person", "Anna")) == "person:Anna"
    assert str(SYSTEM) == "service:volano"


def test_a_score_shows_its_interval() -> None:
    score = Score("exact_match", 0.8, 0.75, 0.84, 200)
    assert str(score) == "0.800 [0.750, 0.840] n=200"
    assert Score(**score.to_dict()) == score


def test_values_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Money(1).nano = 2


@given(st.text())
def test_nfc_is_a_fixed_point(text: str) -> None:
    assert nfc(nfc(text)) == nfc(text)


def test_a_registry_keeps_one_thing_a_name() -> None:
    scorers: Registry[object] = Registry("scorer")
    first = scorers.register("exact")(object())
    assert scorers.register("exact")(first) is first
    assert scorers.get("exact") is first
    assert list(scorers) == ["exact"]
    with pytest.raises(PluginTakenError, match="already is a scorer called `exact`"):
        scorers.register("exact")(object())
    with pytest.raises(UnknownPluginError) as caught:
        scorers.get("exakt")
    assert caught.value.advice == "Known: exact."

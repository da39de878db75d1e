"""Keys take turns; one that is refused or at its limit rests while another is there."""

from volano.core.clock import SystemClock
from volano.gateway import keyring as k
from volano.gateway.health import Health
from volano.gateway.keyring import Keyring
from volano.gateway.routes import Way
from volano.gateway.snapshot import Sign, Target

A, B, C = ({"authorization": f"Bearer {text}"} for text in "abc")


def test_keys_take_turns_and_one_that_rests_is_passed_over():
    keys = Keyring([A, B, C])
    assert [keys.next(0.0) for _ in range(6)] == [0, 1, 2, 0, 1, 2]
    keys.rests(1, 10.0, 401, 0.0)
    assert [keys.next(10.0) for _ in range(4)] == [0, 2, 0, 2]
    assert keys.resting(10.0) == 1
    assert {keys.next(10.0 + k.REFUSED_S) for _ in range(3)} == {0, 1, 2}
    assert keys.resting(10.0 + k.REFUSED_S) == 0


def test_a_limit_lasts_as_long_as_it_says_else_a_moment():
    keys = Keyring([A, B])
    keys.rests(0, 100.0, 429, 20.0)
    assert keys.next(119.9) == keys.next(119.9) == 1
    keys.rests(1, 100.0, 429, 0.0)
    assert keys.rest(100.0) == (k.LIMITED_S, False)
    assert keys.next(100.0) == 1  # all rest: the one that is due first
    keys.rests(1, 105.0, 429, 30.0)
    assert keys.rest(110.0) == (10.0, True)
    assert keys.next(110.0) == 0
    assert keys.rest(120.0)[0] == 0.0


def test_a_rest_is_neither_nothing_nor_for_ever():
    keys = Keyring([A, B])
    keys.rests(0, 0.0, 429, 0.001)
    keys.rests(1, 0.0, 429, 1e9)
    assert keys.resting(0.5) == 2
    assert keys.resting(2.0) == 1
    assert keys.resting(301.0) == 0


def test_a_call_asks_each_key_once():
    keys = Keyring([A, B])
    first = keys.next(0.0)
    assert keys.another(0.0, 1 << first)
    assert keys.next(0.0, 1 << first) == 1 - first
    assert not keys.another(0.0, 0b11)
    keys.rests(1 - first, 0.0, 429, 9.0)
    assert not keys.another(0.0, 1 << first)


def test_a_key_that_is_new_rests_not_and_the_others_go_on():
    before = Keyring([A, B])
    before.rests(0, 0.0, 401, 0.0)
    before.rests(1, 0.0, 429, 20.0)
    assert before.has([A, B])
    assert not before.has([B, A])
    now = Keyring([C, B], before)
    assert now.resting(1.0) == 1
    assert now.next(1.0) == now.next(1.0) == 0


def way(health: Health, *keys: dict[str, str], signs: tuple[Sign | None, ...] = ()) -> Way:
    target = Target(
        name="t", url="http://t", model="m", keys=keys, signs=signs,
        dialects={"bedrock.converse": "/model/m/converse"},
    )  # fmt: skip
    return Way(target, origin(), health)


def origin():
    class Origin:
        host = "t"

    return Origin()


def test_a_new_snapshot_with_the_same_keys_forgets_nothing():
    health = Health()
    first = way(health, A, B)
    assert first.keys is not None
    assert way(health, A, B).keys is first.keys is health.keys
    first.keys.rests(0, 0.0, 401, 0.0)
    after = way(health, A, C).keys
    assert after is health.keys is not first.keys
    assert after is not None
    assert after.resting(1.0) == 1


def test_another_key_need_not_keep_the_rest_of_the_one_before():
    health = Health()
    way(health, A)
    for keys in ((A,), (B,), (A, B)):
        health.began(0.0)
        health.rests(0.0, 20.0, spared=True)
        way(health, *keys)
        assert (health.spared_s(1.0), health.takes(1.0)) == (
            (19.0, False) if keys == (A,) else (0.0, True)
        )


def test_one_key_takes_no_turns():
    health = Health()
    assert way(health, A, B).keys is not None
    assert way(health, A).keys is None
    assert way(health).keys is None
    assert way(health, {}, signs=(Sign("eu", "i", "s"),)).keys is None


def test_keys_that_sign_take_turns_like_others():
    first, second = Sign("eu", "AKIA1", "one"), Sign("eu", "AKIA2", "two", "token")
    health = Health()
    found = way(health, {}, {}, {"authorization": "Bearer ABSK"}, signs=(first, second, None))
    keys = found.keys
    assert keys is not None
    heads = [
        found.head("bedrock.converse", b"{}", streamed=False, clock=SystemClock(), key=at)
        for at in range(3)
    ]
    for head, said in zip(heads, (b"AKIA1/", b"AKIA2/", b"Bearer ABSK\r"), strict=True):
        assert head.count(b"authorization: ") == head.count(said) == 1
    assert [b"x-amz-security-token: token" in head for head in heads] == [False, True, False]
    keys.rests(0, 0.0, 403, 0.0)
    assert {keys.next(1.0) for _ in range(4)} == {1, 2}
    changed = way(health, {}, {}, signs=(Sign("eu", "AKIA1", "new secret"), second)).keys
    assert changed is not None
    assert changed.resting(1.0) == 0

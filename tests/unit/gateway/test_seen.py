"""What is remembered of requests: bounded, and never another door's."""

from hypothesis import given
from hypothesis import strategies as st

from volano.gateway.door import CHAT
from volano.gateway.seen import MAX_BODY_BYTES, OVERHEAD_BYTES, Known, Seen
from volano.wire.peek import Peek

KNOWN = Known(CHAT, Peek("m"), False, b"digest")


@given(st.lists(st.binary(max_size=900)))
def test_there_is_never_more_than_there_is_room_for(bodies):
    seen = Seen(5000)
    for body in bodies:
        seen.put(body, KNOWN)
        assert seen.bodies[body] is KNOWN
        assert sum(len(known) + OVERHEAD_BYTES for known in seen.bodies) <= seen.most


def test_what_is_too_long_is_not_remembered():
    seen = Seen(1 << 20)
    seen.put(b"x" * (MAX_BODY_BYTES + 1), KNOWN)
    assert seen.bodies == {}
    none = Seen(0)
    none.put(b"x", KNOWN)
    assert none.bodies == {}

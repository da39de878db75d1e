"""Which release of its channel a call goes to: the same for a new one and for one that is asked again."""

from volano.gateway.call import Call
from volano.gateway.routes import Route, RoutedChannel


def place(call: Call, channel: RoutedChannel) -> Route:
    """Return the route of a call on a channel; the call knows its unit there from now on.

    Of its user, before sessions or single calls make the unit, it is said who is left out.
    """
    if channel.plain:
        return channel.arms[0]
    key = call.key
    assert key is not None
    excludes = channel.excludes
    aside = excludes is not None and excludes(key, call.unit, call.tags)
    if channel.within is not None:
        aside = aside or not channel.within(key, call.tags, lambda: language(call))
    if channel.by_request:
        call.unit = call.trace
    elif channel.by_session:
        call.unit = call.session or call.unit
    route = channel.aside if aside else channel.arm_of(call.unit)
    if call.replayed:
        route = channel.named(call.request.fields.get(b"x-volano-ask-release")) or route
    return route


def user_of(call: Call) -> str:
    """Return whose call it is, as it says itself; its trace where it says nothing."""
    return call.given_unit or call.peek.user or call.trace


def language(call: Call) -> str:
    """In which language is it? Nothing where that cannot be told."""
    fields = call.request.fields
    return call.state.languages.of(call.tags, fields, call.door, call.peek, call.body)

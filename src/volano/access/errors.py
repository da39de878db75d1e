"""What access says no to, and why."""

from volano.core.errors import (
    ConflictError,
    ForbiddenError,
    IntegrityError,
    InvalidError,
    NotFoundError,
    UnauthenticatedError,
)


class MalformedKeyError(UnauthenticatedError):
    """This is not a key of volano."""

    hint = "A key begins with `vk_`. Make one with `volano key create NAME`."


class MistypedKeyError(UnauthenticatedError):
    """This key was mistyped or cut off: its checksum does not fit."""

    hint = "Copy it again, whole, from where it was kept."


class UnknownKeyError(UnauthenticatedError):
    """This key is not known here."""

    hint = "It may belong to another workspace. See the keys with `volano key list`."


class RevokedKeyError(UnauthenticatedError):
    """The key {id} was revoked."""

    hint = "Make another with `volano key create NAME`."


class ExpiredKeyError(UnauthenticatedError):
    """The key {id} has expired."""

    hint = "Make another with `volano key create NAME`."


class NoSuchKeyError(NotFoundError):
    """There is no key with the id `{id}`."""

    hint = "See the keys with `volano key list`."


class EndedKeyError(ConflictError):
    """The key {id} has ended (revoked or expired): it cannot be {done}."""

    hint = "Make another with `volano key create NAME`."


class BadScopeError(InvalidError):
    """`{scope}` is not a scope."""

    hint = (
        "Scopes are `chat:CHANNEL`, `door:DOOR` (both may end with `*`: `chat:support/*`, `chat:*`), "
        "`approve`, `data`, `feedback`, `prompts`, `read`, `replay` and `traces`."
    )


class BadRangeError(InvalidError):
    """`{text}` is not an address or a range of addresses{why}."""

    hint = "Write `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`, or `any` for everywhere."


class ForbiddenAddressError(ForbiddenError):
    """The key {id} may not be used from {address}."""

    hint = "It has IP ranges: see them with `volano key show {id}`."


class BadDurationError(InvalidError):
    """`{text}` is not a duration."""

    hint = "Write a number with s, m, h, d or w: `90s`, `12h`, `7d`."


class BadMomentError(InvalidError):
    """`{text}` is neither a duration nor a date."""

    hint = "Write `30d`, `12h`, `2027-01-01`, `2027-01-01T12:00Z` (UTC), or `never`."


class TwoExpiriesError(InvalidError):
    """`expires` and `expires_us` were both given."""

    hint = "Give one of them."


class NothingToUpdateError(InvalidError):
    """Nothing was said to change of the key {id}."""

    hint = "Give --name, --group, --scopes, --ips or --expires: see `volano key update --help`."


class BadSubjectError(InvalidError):
    """`{text}` cannot have a limit."""

    hint = "Write `key/ID`, `group/TEAM/PROJECT` or `channel/NAME`."


class BadLimitError(InvalidError):
    """{measure} cannot be {value}."""

    hint = (
        "Give a whole number from 1 to 1000000000, or take it away with `volano gateway unlimit`."
    )


class EmptyLimitError(InvalidError):
    """No limit was said for {subject}."""

    hint = "Give --rpm, --tpm or --concurrency: see `volano gateway limit --help`."


class UnknownMeasureError(InvalidError):
    """`{measure}` is not a measure of a limit."""

    hint = "Measures are rpm, tpm and concurrency."


class NoSuchLimitError(NotFoundError):
    """{subject} has no limit{of}."""

    hint = "See all limits with `volano gateway limits`."


class TooManyLimitsError(ConflictError):
    """There are {most} limits already, which is all that the gateway's counters hold."""

    hint = "Take some away with `volano gateway unlimit`; a group's limit holds for all its keys."


class BadGroupError(InvalidError):
    """`{group}` cannot be the group of a key."""

    hint = (
        "A group is a path of team and project, such as `shop/support`: letters and digits of any "
        "language, `.`, `_`, `-` and single `/` between them, at most 100 characters."
    )


class UnknownDoorError(InvalidError):
    """There is no door `{door}`."""

    hint = "The doors are {known}; `openai.*` is all that begin so, and a key without `door:` may use every one."


class BadKeyNameError(InvalidError):
    """`{name}` cannot be the name of a key."""

    hint = "Give it 1 to 100 printable characters that say who uses it."


class PastExpiryError(InvalidError):
    """The key would have expired before it was made."""

    hint = "Give a moment in the future."


class ExposedSecretError(ConflictError):
    """{path} can be read or replaced by other users of this machine (mode {mode})."""

    hint = "Run `chmod {wanted} {path}`; if others may have read it, make a new one."


class DamagedSecretError(IntegrityError):
    """{path} does not hold a {what}."""

    hint = "Restore it from a backup. Without it, what was made with it is not valid any more."


class SecretFileError(ConflictError):
    """{path} cannot be read or made: {why}."""

    hint = "Check who owns this folder: volano must run as its owner."


class ForbiddenHostError(ForbiddenError):
    """The host `{host}` is not a name of this machine."""

    hint = "Open {scheme}://127.0.0.1:{port} instead."


class ForbiddenOriginError(ForbiddenError):
    """A page of `{origin}` may not call this."""

    hint = "Only the console's own pages may: {scheme}://127.0.0.1:{port}."


class NotPermittedError(ForbiddenError):
    """{principal} may not {verb} {thing}."""

    hint = "The owner lets them in with `volano data grant {name} {principal} {verb}`."


class NotClearedError(ForbiddenError):
    """{principal} has no clearance for columns of {thing}: {columns}."""

    hint = (
        "A Run gets all of a dataset or nothing. The owner clears it with "
        "`volano data grant {name} {principal} read --classes {classes}`."
    )


class OpenToMoreError(ForbiddenError):
    """{thing} is open to more than {of}, of which this version is made."""

    hint = (
        "Choose a new name, which is then for those only who may read {of}, or ask the owner: "
        "`volano data restrict {name}` and, for columns, `volano data classify {name}`."
    )


class BadPrincipalError(InvalidError):
    """`{principal}` names nobody."""

    hint = (
        "Write person:anna, service:key/ci (a gateway key), service:schedule/nightly or group:team."
    )


class BadClassError(InvalidError):
    """`{name}` is no class of columns."""

    hint = "The classes are public, internal, personal and secret."


class NoPermissionError(NotFoundError):
    """{principal} has no permission to {verb} {thing} that could be taken away."""

    hint = "See who may what with `volano data permissions {name}`."

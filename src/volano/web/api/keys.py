"""`volano key …`: who may call the gateway."""

from volano.web.api.verb import NAME, Param, Verb

_ID = Param("id", "the key's id: the part between vk_ and the next _", first=True, required=True)
_SCOPES = (
    "what it may do: chat:CHANNEL, door:DOOR (both may end with *), feedback, read, data, prompts, "
    "traces, approve"
)
_IPS = "addresses and ranges it may be used from, such as 10.0.0.0/8; any is everywhere"

VERBS = (
    Verb(
        "key", "create", "create_key", "/keys",
        "Make a key. Its text is shown once, now.",
        (
            NAME,
            Param("group", "path of team and project, such as shop/support", default=""),
            Param("scopes", _SCOPES, "list", default=("chat:*", "feedback")),
            Param("ips", _IPS, "list", default=()),
            Param("expires", "when it ends: 30d, 12h, 2027-01-01 (UTC); never where not given"),
            Param("expires_us", "the same for programs: microseconds UTC", "int"),
        ),
        changes=True, done="{text}\n{name} may {scopes}. This is the only time the key is shown.",
    ),
    Verb(
        "key", "list", "keys.list", "/keys", "List keys.",
        columns=("id", "name", "group", "scopes", "created_us", "expires_us", "revoked_us"),
    ),
    Verb("key", "show", "keys.get", "/keys/{id}", "Show a key.", (_ID,)),
    Verb(
        "key", "update", "update_key", "/keys/{id}/update",
        "Change what a key may do; what is not given stays.",
        (
            _ID,
            Param("name", "who uses it"),
            Param("group", "path of team and project; empty for none"),
            Param("scopes", _SCOPES, "list"),
            Param("ips", _IPS, "list"),
            Param("expires", "when it ends: 30d, 12h, 2027-01-01 (UTC), never"),
        ),
        changes=True, done="Key {id} is changed: {name} may {scopes}.", next="volano key show {id}",
    ),
    Verb(
        "key", "rotate", "rotate_key", "/keys/{id}/rotate",
        "Give a key a new text, shown once; the old text ends after the overlap.",
        (
            _ID,
            Param("overlap", "how long the old text goes on, such as 7d; 0 ends it now", default="7d"),
        ),
        changes=True,
        done="{text}\nThis is the only time the new text of {id} is shown. {old}",
        next="volano key show {id}",
    ),
    Verb(
        "key", "revoke", "keys.revoke", "/keys/{id}/revoke", "Refuse a key from now on.",
        (_ID,),
        changes=True, done="Key {id} is revoked.", next="volano key list",
    ),
)  # fmt: skip

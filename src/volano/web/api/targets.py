"""`volano target …`: connections to provider accounts and servers."""

from volano.web.api.verb import Param, Verb

_NAME = Param("name", "the target's name", first=True, required=True)
_URL = "its address, such as https://api.example.com/v1; the provider's own when not given"
_KEY_ENV = "environment variable that holds a key; several take turns"
_PLAIN = "allow http to a public address, readable on the way"

_AUTHORITIES = (
    "a PEM file of the authorities that vouch for its certificate, for a server of your own"
)
VERBS = (
    Verb(
        "target", "add", "targets.add", "/targets/{name}/add",
        "Connect to a provider account or a server.",
        (
            _NAME,
            Param("provider", "openai, anthropic, gemini, azure, bedrock, mistral, vllm, compatible …",
                  required=True),
            Param("url", _URL, default=""),
            Param("key_env", _KEY_ENV, "list", default=()),
            Param("region", "its region, such as eu-west-1", default=""),
            Param("version", "the API version, where the API has dated ones", default=""),
            Param("plain_http", _PLAIN, "flag", default=False),
            Param("ca_file", _AUTHORITIES, default=""),
        ),
        changes=True, done="{name}  {provider} at {address}", next="volano target check {name}",
    ),
    Verb(
        "target", "list", "targets.list", "/targets", "List targets.",
        columns=("name", "provider", "url", "region", "enabled"),
    ),
    Verb(
        "target", "show", "targets.show", "/targets/{name}",
        "Show a target: its address, which keys it has, who uses it.", (_NAME,),
    ),
    Verb(
        "target", "update", "targets.update", "/targets/{name}/update",
        "Change where or how a target is asked, at once.",
        (
            _NAME,
            Param("url", _URL),
            Param("key_env", _KEY_ENV, "list"),
            Param("region", "its region"),
            Param("version", "the API version"),
            Param("plain_http", _PLAIN, "flag"),
            Param("ca_file", _AUTHORITIES),
        ),
        changes=True, done="{name}  {provider} at {address}", next="volano target check {name}",
    ),
    Verb(
        "target", "disable", "targets.disable", "/targets/{name}/disable",
        "Ask a target no more, from now on.",
        (_NAME, Param("why", "the reason, for the record", default="")),
        changes=True, done="{name} is not asked any more.", next="volano target enable {name}",
    ),
    Verb(
        "target", "enable", "targets.enable", "/targets/{name}/enable", "Ask a target again.",
        (_NAME,), changes=True, done="{name} is asked again.", next="volano target check {name}",
    ),
    Verb(
        "target", "remove", "targets.remove", "/targets/{name}/remove",
        "Forget a target and its keys; refused while a channel uses it.",
        (_NAME,), changes=True, done="{name} is forgotten.", next="volano target list",
    ),
    Verb(
        "target", "key", "targets.keep_key", "/targets/{name}/key",
        "Keep a key in the vault file; it is read from the standard input and never shown. "
        "Of bedrock it is ACCESS_KEY:SECRET_KEY[:SESSION_TOKEN], or a Bedrock API key.",
        (
            _NAME,
            Param("key", "the key", "secret", required=True),
            Param("replace", "forget those kept before", "flag", default=False),
        ),
        changes=True, done="{name} has {kept} in the vault.", next="volano target check {name}",
    ),
    Verb(
        "target", "forget", "targets.forget_keys", "/targets/{name}/forget",
        "Forget the keys that the vault has of a target.",
        (_NAME,), changes=True, done="{name}: {forgotten} forgotten.", next="volano target show {name}",
    ),
    Verb(
        "target", "check", "targets.check", "/targets/{name}/check",
        "Ask a target, with each of its keys, which models it has.", (_NAME,),
    ),
)  # fmt: skip

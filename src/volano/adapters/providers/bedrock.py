"""Amazon Bedrock's Converse: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html.

A key is `ACCESS_KEY:SECRET_KEY` or `ACCESS_KEY:SECRET_KEY:SESSION_TOKEN`, with which
each request is signed, or a Bedrock API key, which is sent as it is
(https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html). The
runtime does not list models, and sends no headers about limits.
"""

import re

from volano.gateway.provider import Lines, Provider, bearer, registered
from volano.gateway.snapshot import Sign

_ACCESS_KEY = re.compile(r"\w{16,128}", re.ASCII)
"""https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html."""
_API_KEYS = ("ABSK", "bedrock-api-key-")
"""How Amazon's API keys begin: long-lived ones, and those of some hours."""


def misfit(key: str, own_address: bool) -> str:
    """Return why this cannot be a key; empty where it can.

    What stands in front of Bedrock, at another address than Amazon's, may have keys of its own.
    """
    access, colon, rest = key.partition(":")
    if not colon:
        known = key.startswith(_API_KEYS) or not own_address
        return "" if known else "it is neither a pair nor an API key of Bedrock"
    if not access or not all(rest.split(":", 1)):
        return "a part of it is empty"
    if own_address and not _ACCESS_KEY.fullmatch(access):
        return "what stands before the first colon is no access key"
    return ""


def sign(key: str, region: str) -> Sign | None:
    """Return how requests are signed with this key; None for a Bedrock API key."""
    if ":" not in key:
        return None
    access, secret, *token = key.split(":", 2)
    return Sign(region, access, secret, token[0] if token else None)


def lines(key: str) -> Lines:
    """Return the header line of a Bedrock API key; a signature is made for each request."""
    return {} if ":" in key else bearer(key)


BEDROCK = registered(
    Provider(
        "bedrock",
        {"bedrock.converse": "/model/{model}/converse"},
        stream_paths={"bedrock.converse": "/model/{model}/converse-stream"},
        url="https://bedrock-runtime.{region}.amazonaws.com",
        prefix="",
        key_env="AWS_ACCESS_KEY_ID:AWS_SECRET_ACCESS_KEY:AWS_SESSION_TOKEN",
        auth=lines,
        sign=sign,
        models="",
        region="us-east-1",
        key_form=(
            "ACCESS_KEY:SECRET_KEY, ACCESS_KEY:SECRET_KEY:SESSION_TOKEN, "
            "or a Bedrock API key (ABSK… or bedrock-api-key-…)"
        ),
        misfit=misfit,
    )
)

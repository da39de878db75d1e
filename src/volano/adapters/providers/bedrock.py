"""Amazon Bedrock's Converse: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html.

A key is `ACCESS_KEY:SECRET_KEY` or `ACCESS_KEY:SECRET_KEY:SESSION_TOKEN`, with which
each request is signed, or a Bedrock API key, which is sent as it is
(https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html). The
runtime does not list models, and sends no headers about limits.
"""

from volano.gateway.provider import Lines, Provider, bearer, registered
from volano.gateway.snapshot import Sign


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
    )
)

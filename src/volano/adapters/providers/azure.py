"""Azure OpenAI and Foundry, in two ways; every resource has an address of its own.

`azure` is the v1 API, where `model` is the deployment's name in the body:
https://learn.microsoft.com/en-us/azure/foundry/openai/api-version-lifecycle.
`azure-deployments` has the deployment in the path, and a dated `api-version`:
https://learn.microsoft.com/en-us/azure/foundry/openai/reference.
"""

from volano.adapters.providers import openai
from volano.gateway.provider import Lines, Provider, registered

_VERSION = "?api-version={version}"
_DEPLOYMENT = "/deployments/{model}"


def api_key(key: str) -> Lines:
    """Return Azure's line for a key."""
    return {"api-key": key}


AZURE = registered(
    Provider(
        "azure",
        {**openai.CHAT, **openai.RESPONSES, **openai.COMPLETIONS, **openai.EMBEDDINGS},
        prefix="/openai/v1",
        key_env="AZURE_OPENAI_API_KEY",
        auth=api_key,
        limits=openai.LIMITS,
    )
)

DEPLOYMENTS = registered(
    Provider(
        "azure-deployments",
        {
            name: f"{_DEPLOYMENT}{path}{_VERSION}"
            for name, path in {
                **openai.CHAT,
                **openai.COMPLETIONS,
                **openai.EMBEDDINGS,
            }.items()
        },
        prefix="/openai",
        key_env="AZURE_OPENAI_API_KEY",
        auth=api_key,
        models=f"/models{_VERSION}",
        limits=openai.LIMITS,
        version="2024-10-21",  # the last dated version that is not a preview
    )
)

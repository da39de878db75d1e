"""`volano flow …`: how a prompt and a model answer one request."""

from volano.web.api.verb import ARTIFACT, LIMIT, NAME, Param, Verb, ref

VERBS = (
    Verb(
        "flow", "compose", "flows.compose", "/flows/{name}/compose",
        "Join a model and a prompt into the next version of a flow.",
        (NAME, Param("model", "the model", required=True), Param("prompt", "the prompt")),
        changes=True, done="{ref}", next="volano release cut NAME --flow {ref}",
    ),
    Verb("flow", "list", "flows.list", "/flows", "List flows.", (LIMIT,), columns=ARTIFACT),
    Verb("flow", "show", "flows.get", "/flows/{ref}", "Show a flow.", (ref(),)),
)  # fmt: skip

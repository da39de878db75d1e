"""`volano prompt …`: what is said around the user's words."""

from volano.web.api.verb import ARTIFACT, LIMIT, NAME, Param, Verb, ref

VERBS = (
    Verb(
        "prompt", "save", "prompts.save", "/prompts/{name}/save",
        "Save the next version of a prompt.",
        (
            NAME,
            Param("template", "the user message; {{input}} stands for the user's words", default="{{input}}"),
            Param("system", "a system message before it", default=""),
            Param("settings", 'settings as JSON, such as {"max_tokens": 64}', "json"),
        ),
        changes=True, done="{ref}", next="volano flow compose NAME --model MODEL --prompt {ref}",
    ),
    Verb("prompt", "list", "prompts.list", "/prompts", "List prompts.", (LIMIT,), columns=ARTIFACT),
    Verb("prompt", "show", "prompts.get", "/prompts/{ref}", "Show a prompt.", (ref(),)),
)  # fmt: skip

"""`volano prompt …`: what is said around the user's words."""

from volano.web.api.verb import LIMIT, NAME, Param, Verb, ref

_LABEL = Param("label", "such as production", first=True, required=True)


def ref_named(name: str, what: str) -> Param:
    """Return a positional parameter that names a version."""
    return Param(name, what, first=True, required=True)


VERBS = (
    Verb(
        "prompt", "save", "save_prompt", "/prompts/{name}/save",
        "Save the next version of a prompt.",
        (
            NAME,
            Param("template", "the user message; {{input}} stands for the user's words", default="{{input}}"),
            Param("system", "a system message before it", default=""),
            Param("settings", 'settings as JSON, such as {"max_tokens": 64}', "json"),
            Param("messages", "instead of template and system: a list of role and content, as JSON", "json"),
            Param("variables", 'what its variables are, as JSON: {"tone": {"type": "text", "default": "kind"}}', "json"),
            Param("examples", 'rows to show, as JSON: {"from": "tickets", "rule": "similar", "n": 4}', "json"),
            Param("schema", "the JSON schema that answers keep", "json"),
            Param("file", "a YAML file that says all of it", "path"),
            Param("why", "why there is a new version", default=""),
        ),
        changes=True, done="{ref}", next="volano flow compose NAME --model MODEL --prompt {ref}",
    ),
    Verb(
        "prompt", "list", "prompts.list", "/prompts", "List prompts: versions, who made them and why.",
        (Param("name", "only the versions of this one"), LIMIT),
        columns=("ref", "labels", "why", "created_us", "created_by"),
    ),
    Verb(
        "prompt", "diff", "prompts.diff", "/prompts/{a}/diff",
        "Say what differs between two versions, word by word, and in what is sent.",
        (
            ref_named("a", "the older: name@3"), ref_named("b", "the newer: name@4"),
            Param("values", "values of the variables, as JSON: compare what is sent", "json"),
            Param("over", "a dataset whose first rows are rendered with both"),
            Param("split", "of that dataset", default="test"),
            Param("rows", "how many of its rows", "int", default=3, least=1, most=100),
        ),
        reads=True,
    ),
    Verb(
        "prompt", "export", "prompts.export", "/prompts/{ref}/export",
        "Write a prompt as YAML, as `volano apply` reads it.", (ref(),),
    ),
    Verb("prompt", "show", "prompts.get", "/prompts/{ref}", "Show a prompt.", (ref(),)),
    Verb(
        "prompt", "fetch", "prompts.fetch", "/prompts/{ref}/fetch",
        "Say what a prompt says: its messages and settings, as applications read it.", (ref(),),
        scope="prompts",
    ),
    Verb(
        "prompt", "try", "playground.ask", "/prompts/{ref}/try",
        "Ask a prompt of several models side by side, or of the first rows of a dataset.",
        (
            ref(),
            Param("model", "a channel, a model, a flow or TARGET:MODEL; once for each", "list",
                  required=True),
            Param("var", "a variable's value: name=value", "list", default=()),
            Param("data", "a dataset: its rows give the values"),
            Param("split", "which split of it", default="test"),
            Param("limit", "how many rows", "int", default=8, least=1, most=200),
            Param("scorer", "with --data: what scores the answers", default="exact_match"),
        ),
        changes=True, done="{prompt} was asked", next="volano prompt show {prompt}",
    ),
    Verb(
        "prompt", "label", "prompts.label", "/prompts/{ref}/label",
        "Let a label name this version, and no other one from now on.", (ref(), _LABEL),
        changes=True, done="{ref} is labelled", next="volano prompt fetch {ref}",
    ),
    Verb(
        "prompt", "unlabel", "prompts.unlabel", "/prompts/{ref}/unlabel",
        "Take a label away; who asks for it finds nothing.", (ref("the label: name:label"),),
        changes=True, done="The label is taken from {ref}", next="volano prompt show {ref}",
    ),
)  # fmt: skip

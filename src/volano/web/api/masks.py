"""`volano trace mask …`: what is hidden in calls and spans before they are recorded."""

from volano.web.api.verb import Param, Verb

_NAME = Param("name", "the rule's name; email, phone, iban, card and secret are built in",
              first=True, required=True)  # fmt: skip
_COLUMNS = ("name", "kind", "finds", "replace", "where", "channel", "set_by", "set_us")

VERBS = (
    Verb(
        "trace", "mask add", "masks.add", "/traces/masks/{name}/add",
        "Hide something in all that is recorded from now on.",
        (
            _NAME,
            Param("regex", "what this regular expression (RE2) fits", default=""),
            Param("attribute", "the value of the attribute, tag or field of this name; NAME* begins so",
                  default=""),
            Param("replace", "what stands there then; else the rule's name in brackets", default=""),
            Param("channel", "only in calls of this channel", default=""),
            Param("where", "in which part", default="all",
                  choices=("all", "texts", "bodies", "attributes")),
        ),
        changes=True, done="{name} hides {finds} as {replace} in what is recorded from now on.",
        next="volano trace mask test --text 'some text'",
    ),
    Verb(
        "trace", "mask list", "masks.list", "/traces/masks",
        "List the rules of masking, in the order in which they are applied.", columns=_COLUMNS,
    ),
    Verb(
        "trace", "mask remove", "masks.remove", "/traces/masks/{name}/remove",
        "Hide this no longer in what is recorded from now on.", (_NAME,),
        changes=True, done="{name} hides nothing any more.", next="volano trace mask list",
    ),
    Verb(
        "trace", "mask test", "masks.test", "/traces/masks/test",
        "Show what would be recorded of a text.",
        (
            Param("text", "any text", required=True),
            Param("channel", "as in a call of this channel", default=""),
        ),
    ),
)  # fmt: skip

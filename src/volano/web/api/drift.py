"""`volano drift …`: has the traffic moved since a pinned window, and what of it?"""

from volano.web.api.verb import Param, Verb

_NAME = Param("name", "the reference's name", first=True, required=True)
_LOOK = Param(
    "id", "a look's id, or a reference's name for its last look", first=True, required=True
)
_SINCE = Param("since", "from this day or moment, UTC")
_UNTIL = Param("until", "until this day or moment, UTC; now otherwise")

VERBS = (
    Verb(
        "drift", "pin", "drift.pin", "/drift/{name}/pin",
        "Freeze a sample of a window's calls, to compare later windows with.",
        (
            _NAME,
            Param("channel", "only calls of this channel"),
            Param("release", "only calls of this release"),
            _SINCE,
            _UNTIL,
            Param("last", "without `since`: this long, such as 7d", default="7d"),
            Param("n", "how many calls to draw", "int", default=2000, least=20, most=10_000),
            Param("slices", "what to look at by parts: channel, release, key, language, tag:NAME",
                  "list", default=("channel", "release", "language")),
            Param("shift", "share of the traffic that must not move unseen", "float", default=0.25),
            Param("window", "how long a later window is", default="1d"),
            Param("every", "look by itself this often, such as 1d; never otherwise"),
            Param("alpha", "looks that may cry without a cause in a period, on average", "float",
                  default=0.05),
            Param("period", "of `alpha`", default="30d"),
        ),
        changes=True, done="{ref} holds {n} calls of {units} users, sessions or lone calls.",
        next="volano drift check {name}",
    ),
    Verb(
        "drift", "list", "drift.list", "/drift", "List references, and what was last seen.",
        columns=("name", "ref", "channel", "n", "units", "state", "moved", "looked_us"),
    ),
    Verb(
        "drift", "check", "drift.check", "/drift/{name}/check",
        "Compare a window of now with its reference.",
        (
            _NAME,
            _SINCE,
            _UNTIL,
            Param("last", "without `since`: this long, such as 6h; as pinned otherwise"),
            Param("n", "how many calls to draw", "int", default=500, least=20, most=5_000),
        ),
        changes=True, done="{state}", next="volano drift show {id}",
    ),
    Verb(
        "drift", "show", "drift.show", "/drift/{id}", "Show what a look found, and what moved.",
        (_LOOK,),
    ),
    Verb(
        "drift", "dataset", "drift.dataset", "/drift/{id}/dataset",
        "Make a dataset of the calls in what grew.",
        (
            _LOOK,
            Param("name", "the dataset's name", required=True),
            Param("signal", "texts of which side", default="input", choices=("input", "output")),
            Param("topic", "only this topic", "int", default=0, least=0),
            Param("test_share", "share of rows split off for tests", "float", default=0.2),
        ),
        changes=True, done="{ref}  {meta[counts][train]} train, {meta[counts][test]} test rows",
        next="volano data rows {ref}",
    ),
    Verb(
        "drift", "unpin", "drift.unpin", "/drift/{name}/unpin",
        "Compare nothing with a reference any more.",
        (_NAME,),
        changes=True, done="{ref} is no reference any more.", next="volano drift list",
    ),
)  # fmt: skip

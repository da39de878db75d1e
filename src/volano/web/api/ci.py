"""`volano ci`: a change in a repository, judged against its base."""

from volano.web.api.verb import Param, Verb

VERBS = (
    Verb(
        "registry", "check", "checks.check", "/registry/check",
        "Judge what a repository says against its base, as a Run. `volano ci` does it here.",
        (
            Param("repo", "the folder of a Git repository", "folder", first=True, required=True),
            Param("base", "what to compare with; default: the remote's main branch"),
            Param("rules", "the file that says the checks", default="ci.yaml"),
            Param("everything", "run what the change does not affect, too", "flag", default=False),
            Param("mode", "ask; ask and record; or ask nobody", default="live",
                  choices=("live", "record", "replay")),
            Param("allow_missing", "in a replay, what is not recorded is unmeasured", "flag",
                  default=False),
            Param("allow", "servers that may be asked though the base does not: URL or URL=VARIABLE",
                  "list", default=()),
            Param("console", "keep the answers as reports; in the comment rows that fell are links to this console",
                  default=""),
            Param("register", "apply the files where every gate holds", "flag", default=False),
        ),
        changes=True, waits=True,
    ),
)  # fmt: skip

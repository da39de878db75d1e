"""`volano plan`, `volano apply`: what files say, and the registry, in step."""

from volano.web.api.verb import Param, Verb

_FILES = Param(
    "files",
    'as JSON: [{"path": "prompts/support.yaml", "text": "kind: Prompt…"}]',
    "json",
    required=True,
)
_PRUNE = Param(
    "prune",
    "also what was applied before and stands in no file any more: its labels go",
    "flag",
    default=False,
)

VERBS = (
    Verb(
        "registry", "plan", "declarations.plan", "/registry/plan",
        "Say what files would change here; change nothing. `volano plan -f FOLDER` reads them.",
        (_FILES, _PRUNE), changes=True, gate=True,
    ),
    Verb(
        "registry", "apply", "declarations.apply", "/registry/apply",
        "Save what differs from files. `volano apply -f FOLDER` reads them.",
        (
            _FILES, Param("why", "why there are new versions", default=""),
            Param("overwrite", "where the registry holds something newer, the files are right", "flag", default=False),
            _PRUNE,
        ),
        changes=True, gate=True,
    ),
)  # fmt: skip

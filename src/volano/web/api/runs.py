"""`volano run …`: durable jobs."""

from volano.web.api.verb import LIMIT, Param, Verb

_ID = Param("run_id", "the Run's id", first=True, required=True)

VERBS = (
    Verb(
        "run", "list", "runs.list", "/runs", "List Runs, the newest first.", (LIMIT,),
        columns=("id", "kind", "name", "state", "attempt", "created_us"),
    ),
    Verb("run", "show", "runs.get", "/runs/{run_id}", "Show a Run.", (_ID,)),
    Verb(
        "run", "wait", "runs.wait", "/runs/{run_id}/wait",
        "Wait until a Run has ended; end with 1 when it failed, was cancelled or measured nothing, with 3 when a gate or guard said no.",
        (_ID, Param("timeout_s", "seconds at most", "float", default=600.0)), awaits=True,
    ),
    Verb("run", "log", "runs.log", "/runs/{run_id}/log", "Show what a Run's job and steps said.", (_ID,)),
    Verb(
        "run", "progress", "runs.progress", "/runs/{run_id}/progress",
        "Show all that a Run's stages said of their progress.", (_ID,),
        columns=("at_us", "stage", "step", "of", "metrics"),
    ),
    Verb(
        "run", "cancel", "runs.cancel", "/runs/{run_id}/cancel", "Stop a Run.", (_ID,),
        changes=True, done="Run {id} is {state}.", next="volano run retry {id}",
    ),
    Verb(
        "run", "retry", "runs.retry", "/runs/{run_id}/retry",
        "Start a failed or cancelled Run again from its last checkpoint.", (_ID,),
        changes=True, done="Run {id} is {state}, attempt {attempt}.", next="volano run show {id}",
    ),
)  # fmt: skip

"""`volano schedule …`: Runs that start by themselves."""

from volano.web.api.verb import Param, Verb

_NAME = Param("name", "the schedule's name", first=True, required=True)

VERBS = (
    Verb(
        "schedule", "add", "schedules.add", "/schedules/{name}/add",
        "Start Runs of a kind at times, or when something happens.",
        (
            _NAME,
            Param("cron", "the times: minute hour day month weekday, such as '0 3 * * *'"),
            Param("tz", "the time zone of the times, such as Europe/Budapest", default="UTC"),
            Param("on", "instead of times: files:/in/*.jsonl, feedback:CHANNEL, drift:REFERENCE or dataset:NAME"),
            Param("count", "how many must be new for that", "int", default=1, least=1),
            Param("settle_s", "seconds for which nothing may move before it counts (files: 10)", "float"),
            Param("kind", "the kind of Run, such as model.train"),
            Param("inputs", "the Run's inputs, a JSON object; ${date} and ${time} are filled in", "json"),
            Param("recipe", "a recipe's file, instead of kind and inputs", "path"),
            Param("catch_up", "which missed times are made up", default="last", choices=("none", "last", "all")),
            Param("max_active", "Runs of it at the same time", "int", default=1, least=1, most=64),
            Param(
                "busy", "what becomes of a time when so many are active", default="skip",
                choices=("skip", "queue", "cancel-older"),
            ),
            Param("retries", "how often a failed Run is tried again", "int", default=0, least=0, most=20),
            Param("retry_wait_s", "seconds before that; they double each time", "float", default=60.0),
            Param("replace", "change the schedule of this name, if there is one", "flag"),
        ),
        changes=True, done="{name} starts {kind}, next: {next}.",
        next="volano schedule show {name}",
    ),
    Verb(
        "schedule", "list", "schedules.list", "/schedules", "List schedules.",
        columns=("name", "kind", "on", "zone", "next", "problem"),
    ),
    Verb(
        "schedule", "show", "schedules.show", "/schedules/{name}",
        "Show a schedule and what came of it, the newest first.",
        (_NAME, Param("limit", "how many firings", "int", default=20, least=1, most=1000)),
    ),
    Verb(
        "schedule", "pause", "schedules.pause", "/schedules/{name}/pause", "Let a schedule rest.",
        (_NAME,), changes=True, done="{name} rests.", next="volano schedule resume {name}",
    ),
    Verb(
        "schedule", "resume", "schedules.resume", "/schedules/{name}/resume",
        "Let a schedule go on from now.", (_NAME,),
        changes=True, done="{name} goes on.", next="volano schedule show {name}",
    ),
    Verb(
        "schedule", "remove", "schedules.remove", "/schedules/{name}/remove",
        "Take a schedule away; its Runs stay.", (_NAME,),
        changes=True, done="{name} is gone.",
    ),
    Verb(
        "schedule", "run-now", "schedules.run_now", "/schedules/{name}/run-now",
        "Fire a schedule once, now; when it is busy, the Run waits for room.", (_NAME,),
        changes=True, done="{schedule}: Run {id} is {state}.", next="volano schedule show {schedule}",
    ),
    Verb(
        "schedule", "backfill", "schedules.backfill", "/schedules/{name}/backfill",
        "Fire for the times of a span that was not fired for yet.",
        (
            _NAME,
            Param("since", "the first date or moment, in the schedule's zone", required=True),
            Param("until", "the last one, which is left out", required=True),
            Param("again", "also for times that were fired for", "flag", default=False),
        ),
        changes=True, done="{schedule}: {fired} of {times} times fired, {there} were there already.",
        next="volano schedule show {schedule}",
    ),
)  # fmt: skip

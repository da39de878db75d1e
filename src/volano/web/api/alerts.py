"""`volano alert …`, `volano slo …`: what is promised, who is told when it goes wrong."""

from volano.web.api.verb import LIMIT, Param, Verb

_ID = Param("id", "the alert's number", "int", first=True, required=True)
_SILENCE = Param("id", "the silence's number", "int", first=True, required=True)
_PATH = Param("path", "a YAML file, or a folder of them", "folder", first=True, required=True)
_WHERE = Param("where", "filters such as channel=support", "list", default=())

VERBS = (
    Verb(
        "alert", "list", "alerts.list", "/alerts", "List what burns and what is pending.",
        (Param("all", "also what is over", "flag", default=False), LIMIT),
        columns=("id", "rule", "labels", "severity", "state", "told", "fired_us"), scope="read",
    ),
    Verb(
        "alert", "show", "alerts.show", "/alerts/{id}", "Show an alert, and the rule behind it.",
        (_ID,), scope="read",
    ),
    Verb(
        "alert", "ack", "alerts.ack", "/alerts/{id}/ack",
        "Say that you care: nobody is told of it again until it is over.",
        (_ID,), changes=True, done="Alert {id} ({rule}) is {state}.", next="volano alert show {id}",
    ),
    Verb(
        "alert", "silence", "alerts.silence", "/alerts/silences",
        "Tell nobody of some alerts for a while; their states go on.",
        (
            Param("rule", "of this rule; * is any"),
            Param("where", "with these values, such as channel=support", "list", default=()),
            Param("until", "for how long, such as 30m, 2h, 7d", default="1h"),
            Param("why", "for those who wonder"),
        ),
        changes=True, done="Silence {id}: nobody is told of {rule} {labels} for {for}.",
        next="volano alert silences",
    ),
    Verb(
        "alert", "silences", "alerts.silences", "/alerts/silences", "List the silences that go on.",
        columns=("id", "rule", "labels", "why", "until_us", "set_by"), scope="read",
    ),
    Verb(
        "alert", "unsilence", "alerts.unsilence", "/alerts/silences/{id}/end", "End a silence.",
        (_SILENCE,), changes=True, done="Silence {id} is over.", next="volano alert list",
    ),
    Verb(
        "alert", "init", "alerts.init", "/alerts/init",
        "Write a file of rules to begin with: alerts/gateway.yaml.",
        changes=True, done="{path} is written. Nothing is watched yet.",
        next="volano alert apply alerts",
    ),
    Verb(
        "alert", "check", "alerts.check", "/alerts/check",
        "Say what is wrong with files of rules, line by line.",
        (_PATH,), columns=("file", "line", "why"),
    ),
    Verb(
        "alert", "apply", "alerts.apply", "/alerts/apply",
        "Take over the rules and receivers of a file or folder; what it has no more goes.",
        (_PATH,), changes=True, done="{rules} rules and {receivers} receivers apply.",
        next="volano alert rules",
    ),
    Verb(
        "alert", "rules", "alerts.rules", "/alerts/rules",
        "List the rules, and whether each can be judged.",
        columns=("name", "kind", "severity", "burning", "state"), scope="read",
    ),
    Verb(
        "alert", "receivers", "alerts.receivers", "/alerts/receivers",
        "List whom alerts are told, and what waits for them.",
        columns=("name", "kind", "waiting", "given_up", "error"),
    ),
    Verb(
        "alert", "test", "alerts.test", "/alerts/receivers/{receiver}/test",
        "Tell a receiver something harmless, now.",
        (Param("receiver", "its name, from `volano alert receivers`", first=True, required=True),),
        changes=True, done="{receiver} has taken it.",
    ),
    Verb(
        "slo", "set", "slos.set", "/slos/{name}/set",
        "Promise that a share of calls goes well; the rest is the error budget.",
        (
            Param("name", "what it is called", first=True, required=True),
            Param("target", "the share, such as 99.5%", required=True),
            Param("measure", "what goes well", default="availability",
                  choices=("availability", "latency", "ttft")),
            Param("window", "over which time, such as 28d", default="28d"),
            Param("within", "for latency and ttft: no longer than this, such as 2s"),
            Param("channel", "only calls of this channel"),
            _WHERE,
        ),
        changes=True, done="{name}: {says}. Left of the error budget: {left_text}.",
        next="volano slo list",
    ),
    Verb(
        "slo", "list", "slos.list", "/slos", "List what is promised, and what is left of each budget.",
        columns=("name", "says", "calls", "bad", "left_text", "burn_rate_1h"), scope="read",
    ),
    Verb(
        "slo", "clear", "slos.clear", "/slos/{name}/clear", "Promise it no more.",
        (Param("name", "the SLO", first=True, required=True),),
        changes=True, done="{name} is promised no more.", next="volano slo list",
    ),
)  # fmt: skip

"""`volano judge …`: models that score answers, checked against people."""

from volano.web.api.verb import LIMIT, Param, Verb, ref

VERBS = (
    Verb(
        "judge", "save", "judges.save", "/judges/save",
        "Save the next version of a judge, from a YAML file.",
        (
            Param("path", "the judge in YAML", "path", first=True),
            Param("text", "the YAML itself, in place of a file"),
            Param("name", "its name; the file's when not given"),
        ),
        changes=True, done="{ref}", next="volano judge check {ref} --data DATA",
    ),
    Verb(
        "judge", "list", "judges.list", "/judges",
        "List judges: the model that each asks, and how far people agree with it.", (LIMIT,),
        columns=("ref", "model", "pinned", "trusted", "agreement", "check"),
    ),
    Verb(
        "judge", "show", "judges.show", "/judges/{ref}",
        "Show what a judge asks, which model, and how it agreed with people.", (ref(),),
    ),
    Verb(
        "judge", "standing", "judges.standing", "/judges/{ref}/standing",
        "Say whether a judge may be trusted alone.", (ref(),),
    ),
    Verb(
        "judge", "check", "checker.check", "/judges/{ref}/check",
        "Ask a judge what people were asked, and say how far it agrees with them, as a Run.",
        (
            ref(),
            Param("data", "rows that people labelled: text, answer, label"),
            Param("split", "which split of them", default="train"),
            Param("feedback", "a metric by which people judged traces, in place of a dataset"),
            Param("again", "so many rows are asked twice", "int", default=50, least=0, most=10_000),
            Param("at_once", "calls in flight", "int", default=4, least=1, most=64),
        ),
        changes=True, may_wait=True, done="Run {id}  {kind} {name} {state}", next="volano run wait {id}",
    ),
    Verb(
        "judge", "compare", "contests.compare", "/judges/{ref}/compare",
        "Ask a pairwise judge which reports' answers are better, in both orders, as a Run.",
        (
            ref(),
            Param("reports", "two reports or more on the same rows, with commas", "list",
                  required=True),
            Param("limit", "the first rows only", "int", least=1, most=1_000_000),
            Param("at_once", "calls in flight", "int", default=4, least=1, most=64),
        ),
        changes=True, may_wait=True, done="Run {id}  {kind} {name} {state}", next="volano run wait {id}",
    ),
    Verb(
        "judge", "report", "judges.report", "/judge-reports/{ref}",
        "Show what a check or a comparison by a judge found.", (ref(),),
    ),
    Verb(
        "judge", "correct", "judges.correct", "/judges/{ref}/correct",
        "Say what people would have given to a report's answers, from a judge's scores and its check.",
        (
            ref(),
            Param("report", "the report with the judge's scores", required=True),
            Param("against", "another one on the same rows: the difference is corrected"),
            Param("check", "the check to go by; the newest of this version when not given"),
            Param("score", "one of the judge's criteria, such as helpful/tone"),
        ),
    ),
)  # fmt: skip

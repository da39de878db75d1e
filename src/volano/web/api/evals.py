"""`volano eval …`: scores with intervals, and comparisons on the same rows."""

from volano.web.api.verb import ARTIFACT, LIMIT, Param, Verb, ref

FORMS = ("f32", "q8_0", "q6_k", "q5_1", "q5_0", "q4_k", "q4_1", "q4_0", "q3_k", "q2_k")
CUTS = ("0", "0.3", "0.5", "neurons:0.25", "neurons:0.5")

VERBS = (
    Verb(
        "eval", "run", "examiner.run", "/evals/run",
        "Ask a flow every row of a dataset's split and score the answers, as a Run.",
        (
            Param("flow", "the flow to ask", first=True, required=True),
            Param("data", "the dataset", required=True),
            Param("split", "which split", default="test", choices=("train", "test")),
        ),
        changes=True, done="Run {id}  {kind} {name} {state}", next="volano run show {id}",
    ),
    Verb(
        "eval", "compare", "evals.compare", "/evals/compare",
        "Compare reports on the same rows: paired differences with intervals, and the rows that fell.",
        (
            Param("report_a", "the older report", first=True, required=True),
            Param("report_b", "the newer report", first=True, required=True),
            Param("others", "further reports, compared with the older one", "list", first=True),
            Param("margin", "what counts as not worse: 0.02 are two points", "float", default=0.02),
            Param("format", "how it is written", default="json",
                  choices=("json", "text", "markdown", "junit")),
        ),
    ),
    Verb(
        "eval", "plan", "evals.plan", "/evals/plan",
        "Say which difference a dataset's rows would find, and how many rows a margin takes.",
        (
            Param("data", "the dataset", required=True),
            Param("split", "which split", default="test"),
            Param("margin", "the difference to find: 0.02 are two points", "float", default=0.02),
            Param("report", "how scores vary, from this report; else the worst is assumed"),
        ),
        reads=True,
    ),
    Verb(
        "eval", "seen", "evals.seen", "/reports/{ref}/seen",
        "Find the rows of a report that its subject learned from, and the scores without them.",
        (ref(),), reads=True,
    ),
    Verb(
        "eval", "advise", "adviser.advise", "/evals/advise",
        "Ask candidates the same rows and recommend one under a target, as a Run.",
        (
            Param("data", "the dataset", required=True),
            Param("candidates", "models and flows of ours, and TARGET:MODEL, with commas", "list",
                  required=True),
            Param("target", 'limits and one wish: "score>=98%, latency<=300ms, cheapest"',
                  default="best"),
            Param("split", "which split", default="test"),
            Param("prompt", "what models are asked that know no wording of their own"),
            Param("limit", "the first rows only", "int", least=1, most=1_000_000),
            Param("at_once", "calls in flight", "int", default=4, least=1, most=64),
            Param("name", "the report's name", default="advice"),
        ),
        changes=True, done="Run {id}  {kind} {name} {state}", next="volano run show {id}",
    ),
    Verb(
        "eval", "search", "searcher.search", "/models/{ref}/search",
        "Try forms of a model, and make the one that keeps a target best, as a Run.",
        (
            ref(),
            Param("data", "the dataset: what chooses (split dev), recovers (train), judges (test)",
                  required=True),
            Param("target", 'limits and one wish: "size<=100KB, score>=98%, fastest"', required=True),
            Param("name", "the new model's name", required=True),
            Param("trials", "how many forms are tried; a third of all when not given", "int", least=3,
                  most=2000),
            Param("forms", "which forms", "list", default=FORMS),
            Param("prune", "shares of weights to cut, or of neurons (neurons:0.5)", "list",
                  default=CUTS),
            Param("recovery", "steps of tuning after a cut, one or several", "list", default=("300",)),
            Param("slices", "the field of labels whose values are looked at one by one"),
            Param("seed", "seed of the search and of recovery", "int", default=0),
        ),
        changes=True, done="Run {id}  {kind} {name} {state}", next="volano run show {id}",
    ),
    Verb(
        "eval", "improve", "improver.improve", "/prompts/{ref}/improve",
        "Search better words for a prompt on train rows, and judge them once on held-out rows, as a Run.",
        (
            ref(),
            Param("data", "the dataset: train rows search and choose, held-out rows judge",
                  required=True),
            Param("model", "who is asked: a model of ours, or TARGET:MODEL", required=True),
            Param("budget_calls", "calls that may be made, all of them counted", "int", required=True,
                  least=1, most=10_000_000),
            Param("budget_money", "money that may be spent, such as 0.50, where prices are known"),
            Param("method", "where candidates come from", default="few-shot",
                  choices=("few-shot", "nearest", "bootstrap", "rewrite", "settings", "gepa")),
            Param("reflect", "who writes for rewrite and gepa: a model of ours, or TARGET:MODEL"),
            Param("scorers", "what answers are worth; the first decides", "list",
                  default=("exact_match", "valid_json", "field_accuracy")),
            Param("split", "the held-out split that judges", default="test"),
            Param("judge_rows", "held-out rows that are asked at most", "int", least=50, most=1_000_000),
            Param("cluster", "the column that names what rows share: a user, a document"),
            Param("trials", "candidates at most", "int", default=24, least=1, most=1000),
            Param("shots", "examples in a prompt at most", "int", default=8, least=1, most=32),
            Param("at_once", "calls in flight", "int", default=4, least=1, most=64),
            Param("seed", "seed of the cut and of the search", "int", default=0),
            Param("name", "the better prompt's name; the next version of the same when not given"),
        ),
        changes=True, done="Run {id}  {kind} {name} {state}", next="volano run show {id}",
    ),
    Verb(
        "eval", "table", "evals.table", "/reports/{ref}/table",
        "Show what a search or an advice measured, as a table in Markdown.", (ref(),),
    ),
    Verb("eval", "list", "evals.list", "/reports", "List reports.", (LIMIT,), columns=ARTIFACT),
    Verb("eval", "show", "evals.get", "/reports/{ref}", "Show a report.", (ref(),)),
)  # fmt: skip

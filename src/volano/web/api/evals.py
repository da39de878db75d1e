"""`volano eval …`: scores with intervals, and comparisons on the same rows."""

from volano.web.api.verb import ARTIFACT, LIMIT, Param, Verb, ref

FORMS = ("f32", "q8_0", "q6_k", "q5_1", "q5_0", "q4_k", "q4_1", "q4_0", "q3_k", "q2_k")
CUTS = ("0", "0.3", "0.5", "neurons:0.25", "neurons:0.5")

VERBS = (
    Verb(
        "eval", "run", "suites.run", "/evals/run",
        "Ask somebody a suite and keep a report, as a Run; or a flow every row of --data.",
        (
            Param("what", "a suite's file or name; with --data a flow", "document", first=True,
                  required=True),
            Param("on", "whom to ask: a flow, model, channel, prompt, TARGET:MODEL or URL#MODEL"),
            Param("data", "instead of a suite: the dataset whose labels a flow should say"),
            Param("split", "which split of --data", default="test", choices=("train", "test")),
            Param("model", "the model, where a prompt is asked"),
            Param("key_env", "the variable that holds the key of URL#MODEL"),
            Param("fresh", "ask again what was answered before", "flag", default=False),
        ),
        changes=True, waits=True, done="Run {id}  {kind} {name} {state}",
        next="volano run show {id}",
    ),
    Verb(
        "eval", "suite save", "suites.save", "/suites/save",
        "Keep a suite as the next version of its name; the same twice is one version.",
        (Param("suite", "the suite's YAML file", "document", first=True, required=True),),
        changes=True, done="{ref}", next="volano eval run {ref} --on NAME",
    ),
    Verb(
        "eval", "suite list", "suites.list", "/suites", "List suites.", (LIMIT,), columns=ARTIFACT,
    ),
    Verb("eval", "suite show", "suites.read", "/suites/{ref}", "Show what a suite says.", (ref(),)),
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
        "eval", "table", "evals.table", "/reports/{ref}/table",
        "Show what a search or an advice measured, as a table in Markdown.", (ref(),),
    ),
    Verb("eval", "list", "evals.list", "/reports", "List reports.", (LIMIT,), columns=ARTIFACT),
    Verb("eval", "show", "evals.get", "/reports/{ref}", "Show a report.", (ref(),)),
)  # fmt: skip

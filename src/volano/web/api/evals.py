"""`volano eval …`: scores with intervals, and comparisons on the same rows."""

from volano.web.api.verb import ARTIFACT, LIMIT, Param, Verb, ref

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
        "Compare two reports on the same rows: paired differences with intervals.",
        (
            Param("report_a", "the older report", first=True, required=True),
            Param("report_b", "the newer report", first=True, required=True),
        ),
    ),
    Verb("eval", "list", "evals.list", "/reports", "List reports.", (LIMIT,), columns=ARTIFACT),
    Verb("eval", "show", "evals.get", "/reports/{ref}", "Show a report.", (ref(),)),
)  # fmt: skip

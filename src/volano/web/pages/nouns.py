"""The nouns of the console in the order of the loop: their words, lists and detail pages."""

from volano.core.errors import NotFoundError
from volano.web.pages import (
    artifacts,
    feedback,
    kinds,
    model_list,
    model_page,
    prompt_list,
    prompt_page,
    reviews,
    rollouts,
    runs,
    sessions,
    trace_list,
    traces,
)  # fmt: skip
from volano.web.pages.i18n import N_
from volano.web.pages.release_page import release_sections
from volano.web.pages.view import Noun


class UnknownNounError(NotFoundError):
    """There is no page for `{noun}`."""

    hint = "Go back to the loop: every station of the wheel leads to its list."


NOUNS: dict[str, Noun] = {
    noun.key: noun
    for noun in (
        Noun(
            "datasets", "dataset", N_("Datasets"), "d", "workshop",
            N_("What do we learn and test from?"),
            N_("No dataset yet. Rows with a text and a label make one."),
            "volano data add tickets tickets.jsonl",
            artifacts.listing("dataset", kinds.dataset_telling),
            artifacts.item("dataset", kinds.dataset_telling, kinds.dataset_rows), page="/data",
        ),
        Noun(
            "prompts", "prompt", N_("Prompts"), "p", "workshop",
            N_("What do we ask the models?"),
            N_("No prompt yet. A template with its variables makes one."),
            "volano prompt save answer --template 'Answer in one line: {{{{input}}}}'",
            prompt_list.listing, prompt_page.item,
        ),
        Noun(
            "models", "model", N_("Models"), "m", "workshop",
            N_("What answers?"),
            N_("No model yet. Train one from a dataset, or point to one that runs elsewhere."),
            "volano model train router --data tickets@1",
            model_list.listing, model_page.item, ("state",),
        ),
        Noun(
            "flows", "flow", N_("Flows"), "w", "workshop",
            N_("How do prompts and models join?"),
            N_("No flow yet. A prompt and a model make one."),
            "volano flow compose support --model router@1 --prompt answer@1",
            artifacts.listing("flow", kinds.flow_telling),
            artifacts.item("flow", kinds.flow_telling, kinds.nothing),
        ),
        Noun(
            "reports", "report", N_("Evals"), "e", "workshop",
            N_("How good is it?"),
            N_("No report yet. A model or a flow, asked all rows of a dataset, makes one."),
            "volano eval run support@1 --data tickets@1",
            artifacts.listing("report", kinds.report_telling),
            artifacts.item("report", kinds.report_telling, kinds.report_scores),
        ),
        Noun(
            "releases", "release", N_("Releases"), "r", "street",
            N_("What may serve?"),
            N_("No release yet. It pins a flow with all it needs, and is signed."),
            "volano release cut support --flow support@1",
            artifacts.listing("release", kinds.release_telling),
            artifacts.item("release", kinds.release_telling, release_sections),
        ),
        Noun(
            "rollouts", "rollout", N_("Rollouts"), "o", "street",
            N_("What is moving, and what was taken back?"),
            N_("No rollout yet. Moving a channel to a release makes one."),
            "volano release promote support@1 --channel support --plan 5%,25%,100%",
            rollouts.listing, rollouts.item, ("channel", "state"),
        ),
        Noun(
            "traces", "trace", N_("Traces"), "t", "street",
            N_("What was asked, and what was answered?"),
            N_("No trace yet. Every request through the gateway leaves one."),
            'curl http://{address}/v1/chat/completions -H "Authorization: Bearer $VOLANO_KEY" '
            """-d '{{"model": "support", "messages": [{{"role": "user", "content": "Hello"}}]}}'""",
            trace_list.listing, traces.item,
            ("channel", "release", "outcome", "since", "key", "target"), "traces.html",
        ),
        Noun(
            "sessions", "session", N_("Sessions"), "s", "street",
            N_("How do conversations go?"),
            N_("No session yet. A call that names its conversation begins one."),
            'curl http://{address}/v1/chat/completions -H "Authorization: Bearer $VOLANO_KEY" '
            "-H 'x-volano-session: chat-1' "
            """-d '{{"model": "support", "messages": [{{"role": "user", "content": "Hello"}}]}}'""",
            sessions.listing, sessions.item,
        ),
        Noun(
            "feedback", "feedback", N_("Feedback"), "f", "street",
            N_("What do people say about the answers?"),
            N_("No feedback yet. A score, a comment or a correction on a trace makes one."),
            "volano feedback add TRACE --value 1",
            feedback.listing, feedback.item, ("name", "by", "source", "since", "waits"),
        ),
        Noun(
            "reviews", "queue", N_("Reviews"), "v", "street",
            N_("Which answers wait for a person’s eyes?"),
            N_("No review queue yet. A sample of traces and a metric make one."),
            "volano review queue create first --metric thumbs --sample 20",
            reviews.listing, reviews.item,
        ),
        Noun(
            "runs", "run", N_("Runs"), "u", "works",
            N_("What is being worked on?"),
            N_("No run yet. Training and evaluating are runs: they survive a restart."),
            "volano demo",
            runs.listing, runs.item, ("state",),
        ),
    )
}  # fmt: skip


def noun(key: str) -> Noun:
    """Return the noun with this key.

    Raises:
        UnknownNounError: the console has no such noun.
    """
    if key not in NOUNS:
        raise UnknownNounError(noun=key[:60])
    return NOUNS[key]

"""`volano cost …`: what calls cost, what may be spent, what models cost."""

from volano.web.api.verb import Param, Verb

_OF = Param("of", "only these: channel:NAME, group:PATH (with all below it), key:ID, model:NAME, "
            "release:REF, target:NAME, tag:NAME=VALUE")  # fmt: skip
_SINCE = Param("since", "from this day or moment, UTC, or 30d; the month's beginning otherwise")
_UNTIL = Param("until", "until this day or moment, UTC; now otherwise")
_DIMENSIONS = (
    "key, group, group-tree (with all below it), channel, release, model, target, provider, "
    "environment, user, arm, region, day, hour or tag:NAME"
)

VERBS = (
    Verb(
        "cost", "show", "spending.show", "/costs", "Show what calls cost, this month by channel.",
        (
            Param("by_what", f"summed by {_DIMENSIONS}", first=True, default="channel"),
            Param("then", "and by this too"),
            _OF, _SINCE, _UNTIL,
        ),
        scope="read",
    ),
    Verb(
        "cost", "reported", "spending.reported", "/costs/reported",
        "Show what applications reported by OTLP that they spent past the gateway.",
        (
            Param("by_what", "summed by service, model, provider, key, group, release, environment, "
                  "user, region, day or tag:NAME", first=True, default="service"),
            Param("since", "from this day, moment, or so long ago", default="30d"), _UNTIL,
        ),
        scope="read",
    ),
    Verb(
        "cost", "forecast", "spending.forecast", "/costs/forecast",
        "Forecast the rest of the month and the next 30 days, with bounds.",
        (Param("by_what", "for each of these: channel, model, key …; all together otherwise",
               first=True), _OF),
        columns=("what", "span", "spent", "low", "expected", "high", "answer"), scope="read",
    ),
    Verb(
        "cost", "anomalies", "spending.anomalies", "/costs/anomalies",
        "Show which channels, models and keys cost more or less in the last day than usual.",
        columns=("what", "kind", "cost", "expected", "since", "until"), scope="read",
    ),
    Verb(
        "cost", "what-if", "spending.what_if", "/costs/what-if",
        "Show what recorded calls would have cost on another model, if it counted and answered alike.",
        (
            Param("model", "provider:model, such as openai:gpt-5-mini", required=True),
            Param("since", "from this day or moment, UTC, or so long ago", default="30d"), _UNTIL, _OF,
            Param("token_ratio", "its tokens for one of now: tokenizers differ", "float", default=1.0),
        ),
        columns=("channel", "was", "would", "uncached", "change", "calls", "compared", "unpriced",
                 "no_usage", "too_long"),
        scope="read",
    ),
    Verb(
        "cost", "energy", "spending.energy", "/costs/energy",
        "Show energy (Wh) and CO2e (g) of calls, as ranges.",
        (
            Param("by_what", "summed by what", first=True, default="channel",
                  choices=("channel", "release", "model", "provider", "target")),
            _OF, _SINCE, _UNTIL,
        ),
        scope="read",
    ),
    Verb(
        "cost", "budgets", "costs.budgets", "/costs/budgets", "List budgets, and where each stands.",
        columns=("id", "subject", "amount", "window", "spent", "held", "left", "until", "empty"),
    ),
    Verb(
        "cost", "budget", "costs.set_budget", "/costs/budgets/{subject}/set",
        "Let a key, group or channel spend no more than this in each window.",
        (
            Param("subject", "key:ID, group:PATH, channel:NAME; group:* is the whole workspace",
                  first=True, required=True),
            Param("amount", "such as 50 or 12.50 EUR", required=True),
            Param("window", "calendar, UTC", default="month",
                  choices=("day", "week", "month", "total")),
        ),
        changes=True, done="{subject} may spend {amount} ({window}), {left} is left.",
        next="volano cost budgets",
    ),
    Verb(
        "cost", "clear", "costs.clear_budget", "/costs/budgets/{id}/clear",
        "Take a budget away.",
        (Param("id", "the budget's id, from `volano cost budgets`", first=True, required=True),),
        changes=True, done="The budget {id} of {subject} is cleared.", next="volano cost budgets",
    ),
    Verb(
        "cost", "prices", "costs.prices", "/costs/prices",
        "List own prices; the providers' list stands behind them.",
        columns=("where", "model", "from", "input", "output", "more", "currency"),
    ),
    Verb(
        "cost", "price", "set_price", "/costs/prices/{model}/set",
        "Say what a model costs from a moment on, for a million tokens.",
        (
            Param("model", "the model's name there, or * for all", first=True, required=True),
            Param("target", "at this target"),
            Param("provider", "or at this provider, such as openai"),
            Param("input", "for a million tokens of input", default="0"),
            Param("output", "for a million tokens of output", default="0"),
            Param("since", "from this day or moment, UTC; now otherwise"),
            Param("currency", "ISO 4217", default="USD"),
            Param("second", "for each second of a call, on own machines", default="0"),
            Param("request", "for each call", default="0"),
            Param("more", 'other rates, such as {"cached": "0.075", "reasoning": "3"}', "json"),
        ),
        changes=True, done="{model} at {where} has a price from {from} on.",
        next="volano cost prices",
    ),
    Verb(
        "cost", "reprice", "costs.reprice", "/costs/reprice",
        "Price recorded calls anew, when a price was wrong or not known.",
        (
            Param("since", "calls from this day or moment on, UTC", first=True, required=True),
            Param("until", "until this day or moment, UTC; now otherwise"),
            Param("target", "only those at this target"),
            Param("model", "only those of this model"),
        ),
        changes=True, done="Calls from {since} until {until} are priced anew.",
        next="volano cost show",
    ),
)  # fmt: skip

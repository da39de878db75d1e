"""`volano cost …`: what calls cost, what may be spent, what models cost."""

from volano.web.api.verb import Param, Verb

VERBS = (
    Verb(
        "cost", "show", "costs.show", "/costs", "Show what calls cost, this month by channel.",
        (
            Param("by_what", "summed by what", first=True, default="channel",
                  choices=("key", "group", "channel", "release", "model", "day")),
            Param("since", "from this day or moment, UTC; the month's beginning otherwise"),
            Param("until", "until this day or moment, UTC"),
        ),
        scope="read",
    ),
    Verb(
        "cost", "budgets", "costs.budgets", "/costs/budgets", "List budgets, and where each stands.",
        columns=("id", "subject", "amount", "window", "spent", "held", "left", "until"),
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
        columns=("where", "model", "from", "input", "output", "currency"),
    ),
    Verb(
        "cost", "price", "costs.set_price", "/costs/prices/{model}/set",
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

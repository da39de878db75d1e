"""The constants of energy and CO2e, each a range with its source. Data: change them here.

No provider tells what a call of its models takes. These ranges are wide because knowledge is:
`low` and `high` are meant to hold the truth for nearly all set-ups, `central` is one good guess.
"""

from typing import NamedTuple


class Range(NamedTuple):
    """Low, central, high: bounds of what is plausible, no statistical interval."""

    low: float
    central: float
    high: float

    def __mul__(self, other: "Range | float") -> "Range":  # type: ignore[override]
        """Multiply bound by bound: both are taken to be low, or high, at once. Never below zero."""
        of = other if isinstance(other, Range) else Range(other, other, other)
        return Range(self.low * of.low, self.central * of.central, self.high * of.high)

    def plus(self, other: "Range") -> "Range":
        """Add bound by bound."""
        return Range(self.low + other.low, self.central + other.central, self.high + other.high)


class Factor(NamedTuple):
    """A constant with its unit and where it is from."""

    value: Range
    unit: str
    source: str


_ML_ENERGY = (
    "ML.ENERGY leaderboard v2 and v3 (Sept 2024, Dec 2025): Llama 3.1 8B, batch 64 on H100, 0.20 and "
    "0.12 J a token of GPU alone (0.03 to 0.06 Wh per 1,000)"
)
_EPOCH = (
    "Epoch AI, How much energy does ChatGPT use? (Feb 2025): 0.3 Wh for 500 tokens of GPT-4o, so "
    "0.6 Wh per 1,000; 2.5 Wh with 10,000 tokens of input"
)
_GOOGLE = (
    "Elsworth et al., arXiv 2508.15734 (Aug 2025): 0.24 Wh for the median Gemini prompt with idle "
    "machines, hosts and data centre, 0.10 Wh for accelerators alone"
)

OUTPUT = {
    "small": Factor(Range(0.01, 0.06, 0.3), "Wh per 1,000 tokens", f"{_ML_ENERGY}; x 0.3 to 5 for use and hosts"),
    "medium": Factor(Range(0.05, 0.2, 1.0), "Wh per 1,000 tokens", f"between small and large; {_GOOGLE}"),
    "large": Factor(Range(0.15, 0.6, 3.0), "Wh per 1,000 tokens", f"{_EPOCH}; {_GOOGLE}"),
    "unknown": Factor(Range(0.01, 0.3, 3.0), "Wh per 1,000 tokens", "from small's low to large's high"),
}  # fmt: skip
"""Energy of the machines for tokens written, thought ones too, by the model's size."""

INPUT_SHARE = Factor(
    Range(0.02, 0.1, 0.4), "of an output token",
    f"prefill reads all tokens at once; high from {_EPOCH} ((2.5 - 0.3) / 10,000 to 0.6 / 1,000)",
)  # fmt: skip
CACHED_SHARE = Factor(
    Range(0.0, 0.01, 0.04), "of an output token", "a tenth of other input, as providers' prices say"
)

PROVIDER_PUE = Factor(
    Range(1.08, 1.2, 1.56), "kWh at the meter per kWh of machines",
    "Google's fleet 1.09 (arXiv 2508.15734); Uptime Institute Global Survey 2024: mean 1.56",
)  # fmt: skip
OWN_PUE = Factor(
    Range(1.0, 1.3, 1.6), "kWh at the meter per kWh of machines",
    "a machine in a room without cooling has 1; Uptime Institute 2024: mean 1.56",
)  # fmt: skip
CORE_WATTS = Factor(
    Range(3.0, 8.0, 20.0), "W per busy thread, with memory and supply",
    "server processors of 2019 to 2024: 150 to 400 W for 32 to 96 cores, desktop ones to 20 W a core",
)  # fmt: skip

SIZES = (
    ("small", ("-nano-", "-haiku-", "-lite-", "-ministral-")),
    ("medium", ("-mini-", "-flash-", "-mixtral-", "-mistral-small-", "-gpt-3.5-")),
    ("large", ("-gpt-4", "-gpt-5", "-o1-", "-o3-", "-o4-", "-opus-", "-sonnet-", "-pro-", "-grok-", "-deepseek-", "-mistral-large-", "-kimi-", "-glm-")),
)  # fmt: skip
"""Guesses from names, the first that fits: providers do not say how large their models are."""
SMALL_MOST_B, MEDIUM_MOST_B = 10, 40
"""A name that tells its billions of parameters (`8b`) is small, medium or large by them."""

GRID_YEAR = 2023
GRID_SOURCE = "Our World in Data from Ember and the Energy Institute: lifecycle gCO2e per kWh generated in 2023"
GRID = {
    "world": 481, "AR": 354, "AT": 111, "AU": 549, "BD": 691, "BE": 138, "BG": 335, "BR": 98,
    "CA": 170, "CL": 291, "CN": 582, "CO": 260, "CY": 534, "CZ": 450, "DE": 381, "DK": 152,
    "EE": 417, "EG": 570, "FI": 79, "FR": 56, "GB": 238, "GR": 337, "HR": 205, "HU": 204,
    "IE": 291, "IN": 713, "JP": 485, "NO": 30, "PL": 662, "SE": 41, "US": 369,
}  # fmt: skip
GRID_SPREAD = Range(0.7, 1.0, 1.3)
"""A year's mean says little of an hour, a region of the country, or a contract."""
WORLD = Range(30.0, 481.0, 713.0)
"""Where nobody knows where: from Norway's grid to India's, the world's mean in between."""

"""Settings: the sections of a training recipe, one frozen dataclass each."""

from dataclasses import dataclass

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
LINEAR = (*ATTENTION, "gate_proj", "up_proj", "down_proj")
"""The layers of a Llama-like network that LoRA is put on, unless the recipe says others."""


@dataclass(frozen=True, slots=True)
class Dev:
    """How the run is measured while it learns.

    `split` names a split of the dataset; where the dataset has none of that
    name, `share` of the learned rows is set aside (by their content, so that the same
    rows are set aside in every run). `rows` limits what one measurement costs.
    `every` counts steps. After `patience` measurements without a better one
    training stops; 0 means never.
    """

    split: str = "dev"
    share: float = 0.0
    rows: int = 200
    metric: str = "exact_match"
    every: int = 0
    patience: int = 0


@dataclass(frozen=True, slots=True)
class Lora:
    """LoRA (Hu et al. 2021, arXiv:2106.09685). `merge`: the result is a whole model, no adapter."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    targets: tuple[str, ...] = LINEAR
    merge: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    """Old rows learned again beside the new ones, against forgetting.

    `share` of what is learned is old; `data` names the dataset that the old
    rows come from (default: rows of this dataset that the base has seen, else
    those without an origin).
    """

    share: float = 0.0
    data: str | None = None


@dataclass(frozen=True, slots=True)
class Dpo:
    """Preference by pairs (Rafailov et al. 2023, arXiv:2305.18290).

    `loss` and `weights` as in TRL: `sft` beside `sigmoid` keeps small models alive.
    """

    beta: float = 0.3
    loss: tuple[str, ...] = ("sigmoid", "sft")
    weights: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Distill:
    """A student learns from a teacher: its answers, or its logits (Hinton et al. 2015).

    `unlabelled` names a dataset whose texts the teacher answers. Where the student's dev metric
    stays more than `behind` worse than its teacher's, all `steps` are taken again from where it is,
    at most `rounds` times in all, and as long as a round brings something better.
    """

    teacher: str | None = None
    on: str = "logits"
    temperature: float = 2.0
    unlabelled: str | None = None
    rounds: int = 3
    behind: float = 0.02


@dataclass(frozen=True, slots=True)
class Private:
    """DP-SGD (Abadi et al. 2016, arXiv:1607.00133). `epsilon` is aimed at, or `noise` is given."""

    epsilon: float | None = None
    noise: float | None = None
    clip: float = 1.0
    delta: float = 1e-5
    adapter: bool = True


@dataclass(frozen=True, slots=True)
class Federated:
    """Federated averaging (McMahan et al. 2017, arXiv:1602.05629). `by` is the column of the site.

    A round may take `round_hours`: when a site has not answered by then, the run fails. 0 waits for ever.
    """

    by: str = "site"
    sites: int = 3
    rounds: int = 2
    local_steps: int = 40
    round_hours: float = 12.0


@dataclass(frozen=True, slots=True)
class Guards:
    """What a run refuses. `leakage_limit` is the share of dev or test rows that may be learned too.

    `swaps` says what happens when labels were exchanged by rule: refuse, warn, or off (not
    looked for). `collapse` is how far the dev metric may fall below its start.
    """

    leakage_limit: float = 0.01
    swaps: str = "refuse"
    collapse: float = 0.05


@dataclass(frozen=True, slots=True)
class Price:
    """What an hour of the device costs; nothing is reckoned where nobody says."""

    an_hour: float | None = None
    currency: str = "USD"

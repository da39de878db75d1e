"""Incompatible: what does not go together, as a table that is looked at before anything is spent.

Each entry has a condition, a sentence, and what to do. Errors stop a run before
it starts; warnings are told. A condition looks at the plan and at what is known
of base, data and machine; what is not known (None) never makes an error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from volano.models.training.methods import METHODS, NEEDS_BASE
from volano.models.training.plan import BATCH, HERE, RAY, SHARED, Plan
from volano.models.training.recipe import TEXT
from volano.models.training.settings import Lora, Private

TINY = 20_000_000
METRICS = ("exact_match", "loss")
OWN_ONLY = ("private", "federated", "distill")
"""Methods whose loops know our own small networks only."""
TUNED = ("full", "lora", "private", "dpo")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known before a run; None where nobody knows.

    `base_format` is that of the artifact's meta; `base_ours` says that it is one of our small
    networks; `shape` what rows are: text, chat, pairs.
    """

    base_format: str | None = None
    base_ours: bool | None = None
    base_weights: bool | None = None
    base_context: int | None = None
    base_parameters: int | None = None
    base_chat: bool | None = None
    base_data: bool | None = None
    shape: str | None = None
    gpus: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry: when `when` is true, `sentence` is told, and `remedy` says what to do."""

    name: str
    level: Literal["error", "warning"]
    when: Callable[[Plan, Facts], bool]
    sentence: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found."""

    level: str
    name: str
    sentence: str
    remedy: str


def check(plan: Plan, facts: Facts) -> list[Finding]:
    """Return what does not go together; errors first."""
    found = [
        Finding(one.level, one.name, one.sentence, one.remedy)
        for one in RULES
        if one.when(plan, facts)
    ]
    return sorted(found, key=lambda one: one.level != "error")


def _foreign(p: Plan, f: Facts) -> bool:
    return p.method in ("full", "lora", "dpo") and (
        f.base_ours is False or f.shape in ("chat", "pairs")
    )


def _own(p: Plan, f: Facts) -> bool:
    return p.method == "scratch" or (
        p.method in TUNED and f.base_ours is True and f.shape == "text"
    )


RULES: tuple[Rule, ...] = (
    Rule("unknown-method", "error", lambda p, _: p.method not in METHODS,
         "There is no such method.", f"Say one of {', '.join(METHODS)}."),
    Rule("no-data", "error", lambda p, _: p.data is None,
         "The recipe names no dataset.", "Say `data: NAME`, or --data NAME."),
    Rule("no-base", "error", lambda p, _: p.method in NEEDS_BASE and p.base is None,
         "This method starts from trained weights, and the recipe names no base.",
         "Say `base: MODEL`, or `method: scratch`."),
    Rule("scratch-with-base", "error", lambda p, _: p.method == "scratch" and p.base is not None,
         "Training from scratch does not start from a base.",
         "Say `method: full` or `method: lora`, or leave `base` out."),
    Rule("tokenizer-on-tuning", "error", lambda p, _: p.tokenizer is not None and p.method != "scratch",
         "A tuned model keeps its base's tokenizer: with new words its weights would mean nothing.",
         "Leave `tokenizer` out, or train from scratch."),
    Rule("gguf-only-base", "error", lambda _, f: f.base_format == "gguf" and f.base_weights is False,
         "The base is GGUF only: its weights are rounded for an engine, and cannot be trained.",
         "Import the model's safetensors, or name a model that was trained here."),
    Rule("pointer-base", "error", lambda _, f: f.base_format == "pointer",
         "The base lives at a provider: its weights are not here.",
         "Import weights, or distil it: `method: distill` with it as `teacher`."),
    Rule("engine-base", "error", lambda _, f: f.base_format in ("onnx", "ct2", "litert", "executorch"),
         "The base is in the form of an engine, which cannot be trained.",
         "Name the model that it was converted from."),
    Rule("adapter-base", "error", lambda p, f: f.base_format == "adapter" and p.method != "scratch",
         "The base is an adapter, which is worth nothing without its own base.",
         "Train it again with `lora: {merge: true}`, and tune the merged model."),
    Rule("context-too-long", "error",
         lambda p, f: p.method != "scratch" and bool(p.context and f.base_context and p.context > f.base_context),
         "The context is longer than the base was made for: positions it never saw give noise.",
         "Lower `context` to the base's, or leave it out."),
    Rule("chat-without-template", "error",
         lambda p, f: f.base_chat is False and (p.template == "chat" or (f.shape == "chat" and p.template == "auto")),
         "Rows are conversations, or are wanted as such, and the base has no chat template.",
         "Say `template: plain`, or put a chat template into the base's folder before importing it."),
    Rule("chat-from-scratch", "error", lambda p, f: p.method == "scratch" and f.shape in ("chat", "pairs"),
         "A small model from scratch learns rows of `text` and `label` only.",
         "Make such rows, or tune a base."),
    Rule("prompt-without-text", "error", lambda p, _: p.prompt is not None and p.prompt.count(TEXT) != 1,
         "The prompt does not hold `{text}` exactly once.", "Put `{text}` where the row's text goes."),
    Rule("completion-without-border", "error",
         lambda p, f: p.loss == "completion" and p.template == "plain" and f.shape == "chat" and p.packing,
         "Conversations packed as plain text have no border between question and answer.",
         "Say `template: chat`, or `loss: all`."),
    Rule("unknown-template", "error", lambda p, _: p.template not in ("auto", "chat", "plain"),
         "There is no such template.", "Say auto, chat or plain."),
    Rule("unknown-loss", "error", lambda p, _: p.loss not in ("completion", "all"),
         "There is no such loss.", "Say completion or all."),
    Rule("unknown-precision", "error", lambda p, _: p.precision not in ("auto", "f32", "bf16"),
         "There is no such precision.", "Say auto, f32 or bf16."),
    Rule("unknown-metric", "error", lambda p, _: p.dev.metric not in METRICS,
         "There is no such metric for the dev rows.", f"Say one of {', '.join(METRICS)}."),
    Rule("unknown-hardware", "error",
         lambda p, _: p.hardware not in ("auto", "cpu", "gpu") and not p.gpus,
         "There is no such hardware.", "Say auto, cpu, gpu, or a number of GPUs."),
    Rule("unknown-place", "error", lambda p, _: p.on not in (HERE, RAY),
         "There is no such place to train at.", f"Say `on: {HERE}` or `on: {RAY}`."),
    Rule("ray-address-unused", "warning", lambda p, _: p.on != RAY and p.ray_address is not None,
         "The recipe has the address of a Ray cluster, and is trained here.", "Say `on: ray`."),
    Rule("federated-on-ray", "error", lambda p, _: p.on == RAY and p.method == "federated",
         "The sites of a federation are processes of one machine so far.", "Leave `on` out."),
    Rule("no-gpu", "error",
         lambda p, f: f.gpus is not None and ((p.hardware == "gpu" and f.gpus < 1)
                                              or (p.gpus or 0) > f.gpus),
         "The recipe wants more GPUs than this machine has.",
         "Say `hardware: auto`, which takes a GPU where there is one, or train where they are: `on: ray`."),
    Rule("several-own", "error", lambda p, f: p.devices > 1 and (p.method not in SHARED or _own(p, f)),
         "Our own small networks, and the methods private, federated and distill, are trained by loops of one core.",
         "Leave `hardware` and `processes` out."),
    Rule("processes-on-gpu", "error", lambda p, _: p.processes > 1 and p.hardware != "cpu",
         "Processes are for the cores of a CPU; GPUs have one each.",
         "Say `hardware: cpu` beside them, or how many GPUs instead: `hardware: 2`."),
    Rule("batch-not-shared", "error",
         lambda p, _: p.devices > 1 and p.method in SHARED and (p.batch or BATCH) % p.devices > 0,
         f"The batch (rows in a step; {BATCH} when not said) cannot be split evenly over so many devices.",
         "Say a `batch` that is a multiple of the devices."),
    Rule("steps-and-epochs", "error", lambda p, _: p.steps is not None and p.epochs is not None,
         "The recipe says both steps and epochs.", "Say one of them."),
    Rule("counts", "error",
         lambda p, _: any(n is not None and n < 1 for n in (p.steps, p.batch, p.context))
         or min(p.accumulate, p.processes, p.lora.rank, p.checkpoint_every) < 1
         or min(p.dev.every, p.dev.patience, p.dev.rows) < 0 or (p.epochs or 1) <= 0 or (p.lr or 1) <= 0,
         "Counts and rates are positive.", "Leave out what you do not want to choose."),
    Rule("distill-rounds", "error", lambda p, _: p.distill.rounds < 1 or p.distill.behind < 0,
         "A student learns for one round or more, and cannot be asked to be less than not behind.",
         "Say `distill: {rounds: 1}` for one round, whatever it brings; 3 when not said."),
    Rule("round-hours", "error", lambda p, _: p.federated.round_hours < 0,
         "A round of a federation cannot take less than no time.",
         "Say `federated: {round_hours: 12}`, or 0 to wait for the slowest site however long it takes."),
    Rule("shares", "error", lambda p, _: not (0 <= p.replay.share < 1 and 0 <= p.dev.share < 1),
         "Shares lie between 0 and 1.", "A replay share of 0.2 means: one row in five is old."),
    Rule("packing-own", "error", lambda p, f: p.packing and (p.method == "scratch" or (p.method in ("full", "lora") and f.base_ours is True and f.shape == "text")),
         "Our own small networks are not packed: their loop keeps each row apart.",
         "Leave `packing` out; short rows are cheap here."),
    Rule("accumulate-own", "error", lambda p, f: p.accumulate > 1 and _own(p, f),
         "Our own small networks take no gradient accumulation.", "Raise `batch` instead."),
    Rule("loss-all-own", "error", lambda p, f: p.loss == "all" and _own(p, f),
         "Our own small networks learn answers only.", "Leave `loss` out."),
    Rule("bf16-own", "error", lambda p, f: p.precision == "bf16" and _own(p, f),
         "Our own small networks are trained in f32, bit by bit the same everywhere.",
         "Leave `precision` out."),
    Rule("gpu-own", "warning", lambda p, f: p.hardware not in ("auto", "cpu") and f.gpus != 0 and _own(p, f),
         "Our own small networks are trained on one core of a CPU, whatever `hardware` says.",
         "Leave `hardware` out."),
    Rule("own-only", "error", lambda p, f: p.method in OWN_ONLY and (f.base_ours is False or f.shape in ("chat", "pairs")),
         f"The methods {', '.join(OWN_ONLY)} work on small networks that were trained here, with rows of `text` and `label`.",
         "Tune others by `method: lora` or `method: full`."),
    Rule("adapter-past-template", "warning",
         lambda p, f: p.method in ("lora", "dpo") and not p.lora.merge and p.template == "plain" and f.base_chat is True and _foreign(p, f),
         "An adapter is asked by its base's chat template, which `template: plain` passes by.",
         "Say `lora: {merge: true}`, or `template: chat`."),
    Rule("dpo-packing", "error", lambda p, _: p.method == "dpo" and p.packing,
         "Pairs are not packed: each is weighed against its own prompt.", "Leave `packing` out."),
    Rule("dp-packing", "error", lambda p, _: p.method == "private" and p.packing,
         "Private training counts rows: packed ones cannot be clipped one by one.",
         "Leave `packing` out."),
    Rule("dp-accumulate", "error", lambda p, _: p.method == "private" and p.accumulate > 1,
         "Private training draws each batch by itself; accumulating would break the accounting of epsilon.",
         "Raise `batch` instead."),
    Rule("dp-merge", "error", lambda p, _: p.method == "private" and p.lora.merge,
         "Additions that are merged into the weights have no gradient of their own to clip.",
         "Leave `lora: {merge}` out; the result is merged after training."),
    Rule("dp-replay", "error", lambda p, _: p.method == "private" and p.replay.share > 0,
         "Replayed rows would be paid for a second time in epsilon.", "Leave `replay` out."),
    Rule("dp-budget", "error",
         lambda p, _: p.method == "private" and p.private.epsilon is not None and p.private.noise is not None,
         "The recipe says both epsilon and noise; each decides the other.", "Say one of them."),
    Rule("dp-nothing", "error", lambda p, _: p.method == "private" and any(
             n is not None and n <= 0 for n in (p.private.clip, p.private.epsilon, p.private.noise)),
         "The private settings clip, epsilon and noise must be above 0.",
         "Say `private: {epsilon: 8}`, or more for a weaker promise."),
    Rule("private-unused", "warning", lambda p, _: p.method != "private" and p.private != Private(),
         "The recipe has private settings, and its method does not use them: nothing is private.",
         "Say `method: private`."),
    Rule("lora-unused", "warning", lambda p, _: p.method in ("scratch", "full") and p.lora != Lora(),
         "The recipe has LoRA settings, and its method does not use them.", "Say `method: lora`."),
    Rule("checkpointing-dropout", "warning", lambda p, _: p.gradient_checkpointing and p.lora.dropout > 0,
         "With gradient checkpointing dropout is drawn twice; the same seed gives the same draw, slower.",
         "Leave `dropout` out for speed."),
    Rule("incremental-without-base", "error", lambda p, _: p.incremental and p.base is None,
         "Only what a base has not seen can be learned incrementally, and there is no base.",
         "Say `base: NAME`."),
    Rule("incremental-unknown", "error", lambda p, f: p.incremental and f.base_data is False,
         "It is not known on which rows the base was trained: which are new cannot be told.",
         "Leave `incremental` out, or name a model that was trained here."),
    Rule("replay-without-origin", "error",
         lambda p, f: p.replay.share > 0 and p.replay.data is None and (p.base is None or f.base_data is False),
         "It is not known which rows the base has seen, so that none can be replayed.",
         "Say `replay: {share: 0.2, data: DATASET}`."),
    Rule("patience-without-dev", "error", lambda p, _: p.dev.patience > 0 and p.dev.every == 0,
         "Patience counts measurements, and the recipe says no `dev: {every}`.",
         "Say `dev: {every: 50, patience: 3}`."),
    Rule("every-too-late", "warning", lambda p, _: bool(p.steps and p.dev.every > p.steps),
         "The dev rows are measured later than the run ends: only its end is measured.",
         "Lower `dev: {every}`."),
    Rule("bf16-cpu", "warning",
         lambda p, f: p.precision == "bf16" and (p.hardware == "cpu" or f.gpus == 0) and not _own(p, f),
         "bf16 on a CPU is slower than f32 on most, and loses digits that tiny models need.",
         "Leave `precision` out."),
    Rule("low-rate-tiny", "warning",
         lambda p, f: p.method == "lora" and bool(f.base_parameters and f.base_parameters < TINY) and p.lr is not None and p.lr < 5e-4,
         "LoRA on a tiny model hardly moves at this rate: about 4e-3 was measured to work.",
         "Raise `lr`, and watch the dev metric."),
    Rule("high-rate-large", "warning",
         lambda p, f: bool(f.base_parameters and f.base_parameters > 50 * TINY) and p.lr is not None and p.lr > 2e-3,
         "At this rate models of this size forget more than they learn.", "Try 2e-4 for LoRA, 2e-5 for full."),
    Rule("full-forgets", "warning",
         lambda p, f: p.method == "full" and p.replay.share == 0 and _foreign(p, f),
         "Full tuning without replay forgets what the rows do not show.",
         "Say `replay: {share: 0.2}`, or `method: lora`."),
    Rule("multi-turn", "warning", lambda p, f: p.loss == "completion" and f.shape == "chat" and p.method in ("full", "lora"),
         "Of a conversation with several turns only the last answer is learned.",
         "Make one row of each turn to learn them all."),
)  # fmt: skip

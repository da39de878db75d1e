"""`volano model …`: train, tune, point at models elsewhere."""

from volano.web.api.verb import ARTIFACT, LIMIT, NAME, Param, Verb, ref

STRATEGIES = (
    "ordered", "weighted", "least-busy", "fastest", "cheapest", "region-first", "sticky",
)  # fmt: skip
_SEED = Param("seed", "seed of weights and batches", "int", default=0)
_FORMS = (
    "f32",
    "f16",
    "bf16",
    "q8_0",
    "q6_k",
    "q5_k",
    "q5_1",
    "q5_0",
    "q4_k",
    "q4_1",
    "q4_0",
    "iq4_nl",
    "q3_k",
    "q2_k",
    "onnx",
    "onnx-int8",
    "onnx-int4",
    "ct2",
    "ct2-int8",
    "litert",
    "executorch",
)
_ASKED = "dataset whose test rows compare it with its parent; the parent's own when not given"
_RUN = "Run {id}  {kind} {name} {state}"

VERBS = (
    Verb(
        "model", "train", "trainer.train", "/models/{name}/train",
        "Train a small model from scratch, as a Run.",
        (
            NAME,
            Param("data", "the dataset to learn", required=True),
            Param("steps", "optimizer steps; the recipe's own when not given", "int"),
            _SEED,
        ),
        changes=True, done=_RUN, next="volano run show {id}",
    ),
    Verb(
        "model", "tune", "trainer.tune", "/models/{name}/tune",
        "Tune a model with LoRA on a dataset, as a Run.",
        (
            NAME,
            Param("base", "the model to tune", required=True),
            Param("data", "the dataset to learn", required=True),
            Param("steps", "optimizer steps; the recipe's own when not given", "int"),
            _SEED,
        ),
        changes=True, done=_RUN, next="volano run show {id}",
    ),
    Verb(
        "model", "compress", "compressor.compress", "/models/{ref}/compress",
        "Make a smaller or faster form of a model, measured against it, as a Run.",
        (
            ref(),
            Param("to", "the form", required=True, choices=_FORMS),
            Param("name", "the name to version", required=True),
            Param("prune", "share of the layers' weights to take away first", "float", default=0.0),
            Param("structured", "prune whole feed-forward neurons, so that every engine gains", "flag"),
            Param("data", _ASKED + "; its train rows are what recovery learns"),
            Param("recovery_steps", "steps of tuning after pruning", "int", default=300, least=0),
            _SEED,
        ),
        changes=True, done=_RUN, next="volano run show {id}",
    ),
    Verb(
        "model", "convert", "compressor.convert", "/models/{ref}/convert",
        "Write a model in another engine's format, and prove that it answers the same, as a Run.",
        (
            ref(),
            Param("to", "the format", required=True,
                  choices=("gguf", "onnx", "ct2", "litert", "executorch")),
            Param("name", "the name to version", required=True),
            Param("data", _ASKED),
        ),
        changes=True, done=_RUN, next="volano run show {id}",
    ),
    Verb(
        "model", "add", "add_model", "/models/{name}/add",
        "Point at models of providers and at our own, asked in an order.",
        (
            NAME,
            Param("at", "where it is asked: TARGET:MODEL, or router@1 for a model of ours", "list",
                  default=()),
            Param("strategy", "in which order", default="ordered", choices=STRATEGIES),
            Param("weights", "a share for each --at", "list", default=()),
            Param("fallback", "asked when none of those answers, one after the other", "list",
                  default=()),
            Param("latency_ms", "with --strategy cheapest: among those whose first words come within "
                  "this time, if any", "int", least=1, most=3_600_000),
            Param("url", "instead of --at: an OpenAI-compatible server's address"),
            Param("model", "with --url: its name there"),
            Param("key_env", "with --url: environment variable that holds its key"),
        ),
        changes=True, done="{ref}", next="volano flow compose NAME --model {ref}",
    ),
    Verb(
        "model", "keys", "provider_keys", "/provider-keys",
        "Show which models want a key of their provider, and whether volano has it.",
        columns=("model", "key_env", "set", "channels"),
    ),
    Verb(
        "model", "wording", "wording", "/models/{ref}/wording",
        "Show the prompt that a model was trained with: how its flow should ask.", (ref(),),
        done="{template}",
        next="volano prompt save NAME --template \"$(volano model wording MODEL)\" --settings '{settings}'",
    ),
    Verb("model", "list", "models.list", "/models", "List models.", (LIMIT,), columns=ARTIFACT),
    Verb("model", "show", "models.get", "/models/{ref}", "Show a model.", (ref(),)),
)  # fmt: skip

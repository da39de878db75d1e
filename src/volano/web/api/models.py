"""`volano model …`: train, tune, point at models elsewhere; import, export, life, card."""

from volano.web.api.verb import LIMIT, NAME, Param, Verb, ref

STRATEGIES = (
    "ordered", "weighted", "least-busy", "fastest", "cheapest", "region-first", "sticky",
)  # fmt: skip
_SEED = Param("seed", "seed of weights and batches", "int", default=0)
_ASKED_SEED = Param("seed", "seed of weights and batches; the recipe's own when not given", "int")
_RECIPE = Param("recipe", "the file of a training recipe in YAML", "path")
_PLAN = Param("plan", "a training recipe as JSON, instead of a file", "json")
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
        "Train a model from scratch, or as a recipe says, as a Run; `builtin` makes the ticket router again.",
        (
            NAME,
            Param("data", "the dataset to learn; the recipe's own when not given"),
            _RECIPE,
            _PLAN,
            Param("steps", "optimizer steps; the recipe's own when not given", "int"),
            _ASKED_SEED,
        ),
        changes=True, may_wait=True, done=_RUN, next="volano run wait {id}",
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
            Param("adapter", "keep what is learned apart from the base: one loaded base serves many",
                  "flag", default=False),
        ),
        changes=True, may_wait=True, done=_RUN, next="volano run wait {id}",
    ),
    Verb(
        "model", "preflight", "trainer.preflight", "/models/preflight",
        "Check a training recipe, its rows and this machine; train nothing.",
        (
            _RECIPE,
            _PLAN,
            Param("data", "the dataset to learn; the recipe's own when not given"),
            Param("measure", "take so many steps, to tell how long the run will be", "int",
                  default=0, least=0, most=100),
        ),
        reads=True, gate=True,
    ),
    Verb(
        "model", "curve", "trainer.curve", "/runs/{run}/curve",
        "Show what a training Run measured at each step; also while it runs.",
        (Param("run", "the Run's id, or the model that it made", first=True, required=True),),
        columns=("step", "of", "loss", "lr", "tokens_per_s", "left_s", "dev_exact_match", "dev_loss"),
    ),
    Verb(
        "model", "compress", "compressor.compress", "/models/{ref}/compress",
        "Make a smaller or faster form of a model, measured against it, as a Run.",
        (
            ref(),
            Param("to", "the form", required=True, choices=_FORMS),
            Param("name", "the name to version", required=True),
            Param("prune", "share to take away first: of the layers' weights, or of --parts", "float",
                  default=0.0),
            Param("parts", "what pruning takes away; but for weights the network is smaller after it, so "
                  "that every engine gains", choices=("weights", "neurons", "heads", "layers")),
            Param("structured", "the same as --parts neurons", "flag"),
            Param("data", _ASKED + "; its train rows are what recovery learns"),
            Param("recovery_steps", "steps of tuning after pruning", "int", default=300, least=0),
            _SEED,
        ),
        changes=True, may_wait=True, done=_RUN, next="volano run wait {id}",
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
        changes=True, may_wait=True, done=_RUN, next="volano run wait {id}",
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
    Verb(
        "model", "list", "lives.list", "/models", "List models.", (LIMIT,),
        columns=("ref", "format", "engine", "size", "state", "parity", "channels", "created_us"),
    ),
    Verb("model", "show", "lives.show", "/models/{ref}", "Show a model, and its state.", (ref(),)),
    Verb(
        "model", "import", "model_exchange.read", "/models/{name}/import",
        "Check a model from elsewhere, and keep it. Pickles and code are refused.",
        (
            NAME,
            Param("source", "a folder, a .gguf, hf:org/name@revision or ollama:name:tag", "source",
                  first=True, required=True),
            Param("base", "of an adapter: the model here that it belongs to"),
        ),
        changes=True, done="{ref}  {meta[format]}, {size} bytes", next="volano model show {ref}",
    ),
    Verb(
        "model", "export", "model_exchange.write", "/models/{ref}/export",
        "Write a model as a folder, or as GGUF, Hugging Face, Ollama or MLflow have it.",
        (
            ref(),
            Param("to", "the folder to write", "output", first=True, required=True),
            Param("form", "the format", default="folder",
                  choices=("folder", "gguf", "hf", "ollama", "mlflow")),
            Param("force", "write over what no export wrote", "flag"),
        ),
        changes=True, done="{to}  {ref} as {form}: {files} files, {bytes} bytes",
    ),
    Verb(
        "model", "state", "lives.move", "/models/{ref}/state",
        "Bring a model into another state of its life; say why.",
        (
            ref(),
            Param("state", "the new state", first=True, required=True,
                  choices=("draft", "candidate", "active", "legacy", "deprecated", "retired", "revoked")),
            Param("why", "the reason", default=""),
        ),
        changes=True, done="{model} is {state} now; it was {before}.",
        next="volano model history {model}",
    ),
    Verb(
        "model", "history", "lives.history", "/models/{ref}/history",
        "Show the life of a model: who moved it, when and why.", (ref(),),
        columns=("at_us", "before", "state", "by", "why"),
    ),
    Verb(
        "model", "card show", "model_cards.show", "/models/{ref}/card",
        "Show what a model is: its card in Markdown.", (ref(),),
    ),
    Verb(
        "model", "card edit", "model_cards.edit", "/models/{name}/card",
        "Take over the prose of a model's card from a file; the facts stay ours.",
        (NAME, Param("path", "the card in Markdown, with your words in it", "path", first=True, required=True)),
        changes=True, done="{ref}", next="volano model card show {name}",
    ),
    Verb(
        "model", "compare", "evals.compare_models", "/models/compare",
        "Compare two models by their reports on the same rows: scores, flips, size, speed, cost.",
        (
            Param("model_a", "the older model", first=True, required=True),
            Param("model_b", "the newer model", first=True, required=True),
            Param("data", "only reports on this dataset"),
        ),
    ),
)  # fmt: skip

"""Models come in from folders, stores and hubs, checked; and go out as others read them."""

import hashlib
import json
import math
import os
import pickle

import pytest
import yaml
from jinja2 import Environment

from support import model_files as files
from volano.core.clock import ManualClock
from volano.core.principal import Principal
from volano.data.exchange.errors import InTheWayError
from volano.models import ModelNotUsableError, Models
from volano.models.cards import ModelCards
from volano.models.checks.gguf import check_gguf
from volano.models.errors import (
    HubError,
    NotExportableError,
    RefusedFileError,
    UnknownSourceError,
)
from volano.models.exchange import ollama as ollama_form
from volano.models.exchange import worded
from volano.models.exchange.found import is_wanted
from volano.models.exchange.keeper import ModelExchange
from volano.models.lives import Lives
from volano.models.training.plan import Plan
from volano.models.training.recipe import Recipe
from volano.models.wording import AS_IS, Wording, prompt_of
from volano.store.blobs import Blobs
from volano.store.catalog import Catalog
from volano.store.errors import UnknownArtifactError
from volano.store.ledger import Ledger

BY = Principal("person", "anna")
README = "---\nlicense: apache-2.0\nlanguage: [hu, de]\n---\n\n# Ours\n"


def chat(template):
    """The key of a GGUF that holds a chat template."""
    return files.value("tokenizer.chat_template", 8, files.text(template))


TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"


@pytest.fixture
def desk(sqlite, tmp_path):
    class Desk:
        ledger = Ledger(sqlite, ManualClock())
        catalog = Catalog(sqlite, Blobs(tmp_path / "blobs", sqlite), ledger, ManualClock())
        lives = Lives(
            db=sqlite, catalog=catalog, ledger=ledger, clock=ManualClock(), in_use=lambda _: []
        )
        models = Models(catalog, tmp_path / "cache", alive=lives.check)
        cards = ModelCards(catalog, lives)
        exchange = ModelExchange(
            catalog, models, tmp_path / "cache", card=cards.text, revoked=lives.revoked
        )

        def read(self, name, source, **more):
            return self.exchange.read(name, source, by=BY, **more)

    return Desk()


@pytest.fixture
def hf(tmp_path):
    """A folder as `save_pretrained` leaves it, with things beside it that are not taken."""
    folder = tmp_path / "hf"
    folder.mkdir()
    config = {"model_type": "llama", "max_position_embeddings": 512, "eos_token_id": 2}
    config |= {"architectures": ["LlamaForCausalLM"]}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(files.safetensors())
    tokens = [{"id": 2, "content": "</s>"}]
    (folder / "tokenizer.json").write_text(json.dumps({"added_tokens": tokens}))
    (folder / "README.md").write_text(README)
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({}))
    (folder / "modeling_evil.py").write_text("raise SystemExit")
    return folder


def test_a_folder_of_transformers_comes_in_and_pickles_stay_out(desk, hf):
    (hf / "chat_template.jinja").write_text(TEMPLATE)
    made = desk.read("ours", hf)
    model = made.value
    assert model.ref == "ours@1"
    assert sorted(model.manifest.files) == [
        "README.md", "chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json",
    ]  # fmt: skip
    meta = model.manifest.meta
    assert (meta["format"], meta["architecture"], meta["parameters"]) == ("safetensors", "llama", 6)
    assert meta["context_length"] == 512
    assert meta["source"] == {"folder": "hf", "license": "apache-2.0", "language": ["hu", "de"]}
    assert made.notes == ("Left out: modeling_evil.py, pytorch_model.bin.",)
    assert desk.models.usable(model) is model
    with pytest.raises(ModelNotUsableError, match="no GGUF"):
        desk.models.weights("ours")
    with pytest.raises(ModelNotUsableError, match="vLLM") as refused:
        desk.models.servable(model)
    assert "`volano model convert ours@1 --to gguf" in refused.value.advice
    assert (desk.models.folder("ours") / "config.json").exists()
    assert desk.ledger.list(limit=1)[0].verb == "import"
    assert desk.read("ours", hf).value.digest == model.digest


@pytest.mark.slow
def test_what_goes_out_comes_back_with_the_same_weights_and_is_asked_the_same(desk, made, tmp_path):
    from volano.models.export.vocabulary import Vocabulary

    desk.models.import_trained("own", made["model"], by=BY)
    for form, file in (("hf", "model.safetensors"), ("gguf", "model.gguf")):
        desk.exchange.write("own", tmp_path / form, form=form, by=BY)
        desk.read(form, tmp_path / form)
        weights = [desk.models.file(ref, file).read_bytes() for ref in ("own", form)]
        assert weights[0] == weights[1]
    text = "Where is my order?"
    before, after = (Vocabulary.of(folder).ids(text) for folder in (made["model"], tmp_path / "hf"))
    assert before == after, "the begin token is not lost"


def test_a_gguf_comes_in_under_the_name_that_engines_ask_for(desk, tmp_path):
    context = files.value("llama.context_length", 4, (777).to_bytes(4, "little"))
    said = files.value("general.license", 8, files.text("mit"))
    path = tmp_path / "tiny-Q8.gguf"
    path.write_bytes(files.gguf((files.ARCH, context, said)))
    made = desk.read("tiny", {"said": "tiny-Q8.gguf", "folder": str(tmp_path)})
    meta = made.value.manifest.meta
    assert (meta["engine"], meta["context_length"], meta["types"]) == ("llamacpp", 777, {"F32": 1})
    assert meta["source"] == {"file": "tiny-Q8.gguf", "license": "mit"}
    assert desk.models.weights("tiny").read_bytes() == path.read_bytes()
    assert desk.models.servable(made.value) is made.value
    assert prompt_of(made.value) == {"template": "{{input}}", "settings": {}}


def test_onnx_and_ctranslate2_come_in(desk, tmp_path):
    onnx = tmp_path / "onnx"
    onnx.mkdir()
    tensor = files.onnx_tensor(outside={"location": "weights.bin", "length": "24"})
    (onnx / "model.onnx").write_bytes(files.onnx(tensor))
    (onnx / "weights.bin").write_bytes(b"\0" * 24)
    (onnx / "pytorch_model.bin").write_bytes(pickle.dumps({}))
    meta = desk.read("o", onnx).value.manifest
    assert desk.models.servable(desk.models.get("o"))
    assert (set(meta.files), meta.meta["engine"]) == ({"model.onnx", "weights.bin"}, "onnx")
    ct2 = tmp_path / "ct2"
    ct2.mkdir()
    (ct2 / "model.bin").write_bytes(files.ct2())
    (ct2 / "vocabulary.json").write_text('["a", "b"]')
    meta = desk.read("c", ct2).value.manifest
    assert desk.models.servable(desk.models.get("c"))
    assert (set(meta.files), meta.meta["engine"]) == (
        {"model.bin", "vocabulary.json"}, "ctranslate2",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["vocab.txt", "merges.txt", "tokenizer.model", "LICENSE"])
def test_a_pickle_under_the_name_of_a_text_is_refused_and_words_are_not(desk, hf, name):
    for words in (b"cat\ndog\n", b"MZ\nPK\n", b"#!\n", b"\xe4\xbd\xa0\n"):
        (hf / name).write_bytes(words)
        assert name in desk.read("ours", hf).value.manifest.files
    for raw in (pickle.dumps({"a": 1}), b"PK\x03\x04and so on"):
        (hf / name).write_bytes(raw)
        with pytest.raises(RefusedFileError, match=name):
            desk.read("ours", hf)


def test_an_adapter_names_its_base(desk, hf, tmp_path):
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    config = {"peft_type": "LORA", "r": 8, "base_model_name_or_path": "org/base"}
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    (adapter / "adapter_model.safetensors").write_bytes(files.safetensors())
    with pytest.raises(UnknownSourceError, match="adapter"):
        desk.read("tuned", adapter)
    with pytest.raises(UnknownArtifactError):
        desk.read("tuned", adapter, base="gone")
    base = desk.read("base", hf).value
    with pytest.raises(UnknownSourceError, match="no adapter"):
        desk.read("tuned", hf, base="base")
    made = desk.read("tuned", adapter, base="base").value
    assert [(p.role, p.digest) for p in made.manifest.parents] == [("base", base.digest)]
    assert made.manifest.meta["r"] == 8


LAYER = "model.layers.0.mlp.down_proj"


def tensors(**shapes):
    """Safetensors of zeros with these shapes."""
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    return files.safetensors(header, b"\0" * at)


@pytest.mark.parametrize(
    ("target", "down", "up", "reason"),
    [
        (LAYER, [4, 16], [8, 4], None),
        (
            LAYER,
            [4, 32],
            [8, 4],
            "adds 32 wide to `model.layers.0.mlp.down_proj.weight`, which is 8×16",
        ),
        (LAYER, [4, 16], [64, 4], "adds 64 wide"),
        ("transformer.h.1.attn", [4, 16], [8, 4], "`base@1` has not"),
        ("transformer.h.0.attn", [4, 32], [8, 4], "`base@1` has not"),
    ],
)
def test_an_adapter_of_another_base_is_refused(desk, hf, tmp_path, target, down, up, reason):
    (hf / "model.safetensors").write_bytes(tensors(**{f"{LAYER}.weight": [8, 16]}))
    desk.read("base", hf)
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 4}')
    name = f"base_model.model.{target}"
    added = tensors(**{f"{name}.lora_A.weight": down, f"{name}.lora_B.weight": up})
    (adapter / "adapter_model.safetensors").write_bytes(added)
    if reason is None:
        tuned = desk.read("tuned", adapter, base="base").value
        with pytest.raises(RefusedFileError, match="no weights of its own"):
            desk.read("more", adapter, base=tuned.ref)
        return
    with pytest.raises(RefusedFileError, match=reason):
        desk.read("tuned", adapter, base="base")


def adapter_on(folder, target, down, up):
    """Write an adapter's files that add to one matrix."""
    folder.mkdir()
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 4}')
    name = f"base_model.model.{target}"
    added = tensors(**{f"{name}.lora_A.weight": down, f"{name}.lora_B.weight": up})
    (folder / "adapter_model.safetensors").write_bytes(added)
    return folder


PREFIXED = [
    (here.format("layers.0"), there.format("layers.0"))
    for here in ("model.{}.q", "model.language_model.{}.q", "{}.q")
    for there in ("model.{}.q", "model.language_model.{}.q", "{}.q")
]


@pytest.mark.parametrize(("here", "there"), [*PREFIXED, ("h.0.attn", "transformer.h.0.attn")])
def test_words_before_the_layers_do_not_part_an_adapter_from_its_base(
    desk, hf, tmp_path, here, there
):
    (hf / "model.safetensors").write_bytes(tensors(**{f"{here}.weight": [8, 16]}))
    desk.read("base", hf)
    right = adapter_on(tmp_path / "right", there, [4, 16], [8, 4])
    assert not [note for note in desk.read("tuned", right, base="base").notes if "widths" in note]
    with pytest.raises(RefusedFileError, match="adds 32 wide"):
        desk.read("tuned", adapter_on(tmp_path / "wrong", there, [4, 32], [8, 4]), base="base")


def test_other_names_of_layers_that_are_as_wide_are_a_note(desk, hf, tmp_path):
    (hf / "model.safetensors").write_bytes(tensors(**{f"{LAYER}.weight": [8, 16]}))
    desk.read("base", hf)
    given = adapter_on(tmp_path / "adapter", "transformer.h.0.mlp.proj", [4, 16], [8, 4])
    [note] = [one for one in desk.read("tuned", given, base="base").notes if "widths" in one]
    assert "transformer.h.0.mlp.proj.weight" in note


@pytest.mark.parametrize("said", ["by its config", "by its types", "by its names"])
def test_an_adapter_on_packed_matrices_is_not_measured_against_them(desk, hf, tmp_path, said):
    header = json.loads(tensors(**{f"{LAYER}.weight": [64, 1]})[8:].partition(b"\0")[0])
    told = header.pop(f"{LAYER}.weight")
    if said == "by its config":
        config = json.loads((hf / "config.json").read_text())
        config["quantization_config"] = {"quant_method": "bitsandbytes"}
        (hf / "config.json").write_text(json.dumps(config))
        header[f"{LAYER}.weight"] = told
    elif said == "by its types":
        header[f"{LAYER}.weight"] = {**told, "dtype": "U8", "data_offsets": [0, 64]}
    else:
        header[f"{LAYER}.qweight"] = {**told, "dtype": "I32"}
    size = next(iter(header.values()))["data_offsets"][1]
    (hf / "model.safetensors").write_bytes(files.safetensors(header, b"\0" * size))
    desk.read("base", hf)
    assert desk.read("tuned", adapter_on(tmp_path / "adapter", LAYER, [4, 16], [8, 4]), base="base")


@pytest.mark.parametrize(
    ("name", "others", "wanted"),
    [
        ("onnx/weights.bin", ["onnx/model.onnx"], True),
        ("weights.bin", ["onnx/model.onnx"], False),
        ("onnx/pytorch_model.bin", ["onnx/model.onnx"], False),
        ("pytorch_model-00001-of-00002.bin", ["model.onnx"], False),
        ("training_args.bin", ["model.onnx"], False),
        ("onnx/weights.bin", ["onnx/model.onnx", "model.safetensors"], False),
        ("onnx/weights.bin", ["onnx/model.onnx", "deep/model.safetensors"], True),
        ("model.onnx_data", ["model.onnx"], True),
    ],
)
def test_numbers_are_wanted_beside_a_graph_only(name, others, wanted):
    assert is_wanted(name, [name, *others]) is wanted


def only_pickles(folder):
    (folder / "model.safetensors").unlink()


def disguised(folder):
    (folder / "model.safetensors").write_bytes(pickle.dumps({"a": 1}))


def truncated(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


def remote_code(folder):
    (folder / "config.json").write_text('{"auto_map": {"AutoModel": "modeling_evil.Evil"}}')


def template(folder):
    (folder / "chat_template.jinja").write_text("{{ ''.__class__.__mro__ }}")


def inner_template(folder):
    said = {"chat_template": [{"name": "default", "template": "{{ ''.__class__.__mro__ }}"}]}
    (folder / "tokenizer_config.json").write_text(json.dumps(said))


def link_out(folder):
    (folder / "vocab.json").symlink_to("/etc/passwd")


def lost_shard(folder):
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "../../b.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (only_pickles, "pickle"),
        (disguised, "pickle"),
        (truncated, "beyond the file"),
        (remote_code, "run code"),
        (template, "sandbox"),
        (inner_template, "sandbox"),
        (link_out, "leads out"),
        (lost_shard, "not there"),
    ],
)
def test_a_hostile_folder_leaves_nothing(desk, hf, tmp_path, harm, reason):
    harm(hf)
    with pytest.raises(RefusedFileError, match=reason) as caught:
        desk.read("evil", hf)
    assert "{" not in caught.value.advice
    assert desk.models.list() == []
    assert list((tmp_path / "cache" / "imports").iterdir()) == []


def test_what_is_no_model_is_told(desk, tmp_path):
    with pytest.raises(UnknownSourceError, match="nothing lies"):
        desk.read("x", tmp_path / "gone")
    (tmp_path / "notes.txt").write_text("hello")
    for source in (tmp_path / "notes.txt", tmp_path):
        with pytest.raises(UnknownSourceError, match="no weights"):
            desk.read("x", source)
    (tmp_path / "model.pt").write_bytes(pickle.dumps({}))
    with pytest.raises(RefusedFileError, match="pickle"):
        desk.read("x", tmp_path / "model.pt")
    os.mkfifo(tmp_path / "pipe.gguf")
    with pytest.raises((UnknownSourceError, RefusedFileError)):
        desk.read("x", tmp_path / "pipe.gguf")


@pytest.fixture
def ollama(tmp_path, monkeypatch):
    """A store as Ollama keeps it, with one model."""
    root = tmp_path / "ollama"
    monkeypatch.setenv("OLLAMA_MODELS", str(root))

    def put(raw):
        name = hashlib.sha256(raw).hexdigest()
        (root / "blobs").mkdir(parents=True, exist_ok=True)
        (root / "blobs" / f"sha256-{name}").write_bytes(raw)
        return f"sha256:{name}"

    kind = "application/vnd.ollama.image."
    layers = [
        {"mediaType": f"{kind}model", "digest": put(files.gguf())},
        {"mediaType": f"{kind}license", "digest": put(b"MIT License")},
        {"mediaType": f"{kind}template", "digest": put(b"{{ if .System }}<s>{{ .System }}</s>{{ end }}Q: {{ .Prompt }}\nA:")},
        {"mediaType": f"{kind}system", "digest": put(b'Du bist "knapp" und')},
        {"mediaType": f"{kind}params", "digest": put(json.dumps({
            "temperature": 0.5, "stop": ["</s>", "\n\n"], "num_predict": 9, "top_k": 4}).encode())},
        {"mediaType": f"{kind}messages", "digest": put(b'[{"role": "user", "content": "a\\nb"}]')},
        {"mediaType": f"{kind}projector", "digest": put(b"x")},
    ]  # fmt: skip
    manifest = root / "manifests/registry.ollama.ai/library/tiny/latest"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"layers": layers}))
    return root


def test_a_model_comes_out_of_ollamas_store(desk, ollama):
    read = desk.read("tiny", "ollama:tiny")
    made = read.value
    assert set(made.manifest.files) == {"model.gguf", "LICENSE", "Modelfile"}
    assert made.manifest.meta["source"] == {"ollama": "tiny", "skipped": ["projector"]}
    given = check_gguf(desk.models.file(made.ref, "model.gguf")).values["tokenizer.chat_template"]
    turns = [{"role": "system", "content": "Kurz."}, {"role": "user", "content": "Hé?"}]
    assert Environment().from_string(given).render(messages=turns) == "<s>Kurz.</s>Q: Hé?\nA:"
    asked = {"template": "{{input}}", "system": 'Du bist "knapp" und', "settings": {
        "temperature": 0.5, "stop": ["</s>", "\n\n"], "max_tokens": 9}}  # fmt: skip
    assert prompt_of(made) == asked
    assert made.manifest.meta["asked"]["messages"] == [{"role": "user", "content": "a\nb"}]
    notes = " ".join(read.notes)
    assert "SYSTEM, PARAMETER of the Modelfile are kept for its prompt" in notes
    assert "MESSAGE of the Modelfile is kept beside its prompt" in notes
    assert "`volano model show tiny --json`" in notes, "where it is"
    assert "PARAMETER top_k of the Modelfile is not taken" in notes
    for wrong in ("gone", "tiny:1b", "../../etc", "a/b/c/d", ""):
        with pytest.raises(UnknownSourceError):
            desk.read("tiny", f"ollama:{wrong}")


@pytest.mark.parametrize("form", ["ollama", "folder"])
def test_what_ollama_said_goes_back_to_it_and_comes_in_again(desk, ollama, tmp_path, form):
    first = desk.read("tiny", "ollama:tiny").value
    done = desk.exchange.write("tiny", tmp_path / "out", form=form, by=BY)
    assert done.notes == ()
    said = (tmp_path / "out" / "Modelfile").read_text()
    assert said.startswith("FROM ./model.gguf\n")
    assert 'SYSTEM """Du bist "knapp" und"""' in said and "PARAMETER top_k" in said
    assert "<s>{{ .System }}</s>" in said
    back = desk.read("back", tmp_path / "out").value
    assert back.manifest.meta["asked"] == first.manifest.meta["asked"]
    assert back.manifest.files["model.gguf"] == first.manifest.files["model.gguf"]


@pytest.mark.parametrize("form", ["gguf", "hf", "mlflow"])
def test_what_a_form_cannot_say_of_a_modelfile_is_told(desk, hf, tmp_path, form):
    (hf / "model.gguf").write_bytes(files.gguf())
    (hf / "Modelfile").write_text("SYSTEM Kurz.\nMESSAGE user Hé\nPARAMETER top_k 4\n")
    desk.read("mine", hf)
    done = desk.exchange.write("mine", tmp_path / "out", form=form, by=BY)
    assert done.notes[0].startswith("SYSTEM, MESSAGE of its Modelfile cannot be said in this form")
    assert "`volano model show mine@1 --json`" in done.notes[0]


def test_a_modelfile_that_goes_back_names_no_file_that_is_not_there(desk, modelfile, tmp_path):
    desk.read("mine", modelfile)
    desk.exchange.write("mine", tmp_path / "out", form="ollama", by=BY)
    said = (tmp_path / "out" / "Modelfile").read_text()
    assert said.startswith('FROM ./model.gguf\nTEMPLATE """{{- range .Messages }}<|im_start|>')
    assert said.count("FROM") == 1
    assert not any(word in said for word in ("ADAPTER", "CONJURE", "#"))
    assert 'PARAMETER stop "<|im_end|>"\nPARAMETER num_ctx 4096\nMESSAGE user Hi\n' in said


MODELFILE = '''# mine
FROM ./model.gguf
TEMPLATE """{{- range .Messages }}<|im_start|>{{ .Role }}
{{ .Content }}<|im_end|>
{{ end }}<|im_start|>assistant
"""
SYSTEM Be short.
PARAMETER stop "<|im_end|>"
PARAMETER num_ctx 4096
ADAPTER ./lora
MESSAGE user Hi
LICENSE """
Apache-2.0
and more"""
CONJURE rabbits
'''


@pytest.fixture
def modelfile(tmp_path):
    """A folder with a GGUF, and a Modelfile beside it."""
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "model.gguf").write_bytes(files.gguf())
    (folder / "Modelfile").write_text(MODELFILE)
    return folder


def test_a_modelfile_says_how_its_model_is_asked_and_what_is_not_taken_is_told(desk, modelfile):
    made = desk.read("mine", modelfile)
    meta = made.value.manifest.meta
    given = check_gguf(desk.models.file("mine", "model.gguf")).values["tokenizer.chat_template"]
    turns = [{"role": "user", "content": "Hé"}]
    said = "<|im_start|>user\nHé<|im_end|>\n<|im_start|>assistant\n"
    assert Environment().from_string(given).render(messages=turns) == said
    assert meta["asked"] == {
        "system": "Be short.", "settings": {"stop": ["<|im_end|>"]},
        "messages": [{"role": "user", "content": "Hi"}],
    }  # fmt: skip
    assert meta["source"]["license"] == "Apache-2.0"
    assert meta["chat_template"]
    notes = " ".join(made.notes)
    for told in ("TEMPLATE", "num_ctx", "--base mine", "conjure", "volano prompt save"):
        assert told in notes


def test_a_template_of_ollama_that_is_not_understood_is_told_and_what_to_do(desk, modelfile):
    (modelfile / "Modelfile").write_text("FROM x\nTEMPLATE {{ conjure .Prompt }}")
    made = desk.read("mine", modelfile)
    assert "`conjure .Prompt`" in made.notes[0]
    assert "chat template (Jinja)" in made.notes[0]
    assert "tokenizer.chat_template" not in check_gguf(desk.models.weights("mine")).values


def test_the_weights_own_chat_template_stays_and_that_is_told(desk, modelfile):
    (modelfile / "model.gguf").write_bytes(files.gguf((files.ARCH, chat(TEMPLATE))))
    made = desk.read("mine", modelfile)
    assert "have a chat template of their own" in " ".join(made.notes)
    given = check_gguf(desk.models.weights("mine")).values["tokenizer.chat_template"]
    assert given == TEMPLATE


def test_a_modelfile_beside_safetensors_gives_them_a_template_file(desk, hf):
    (hf / "Modelfile").write_text(MODELFILE)
    made = desk.read("mine", hf).value
    assert "<|im_start|>" in desk.models.file(made.ref, "chat_template.jinja").read_text()


def test_a_blob_that_is_not_its_digest_is_refused(desk, ollama):
    blob = max((ollama / "blobs").iterdir(), key=lambda path: path.stat().st_size)
    blob.write_bytes(blob.read_bytes() + b"\0")
    with pytest.raises(RefusedFileError, match="sha256"):
        desk.read("tiny", "ollama:tiny")
    manifest = ollama / "manifests/registry.ollama.ai/library/tiny/latest"
    manifest.write_text('{"layers": [{"mediaType": "x", "digest": "sha256:../../../etc"}]}')
    with pytest.raises(RefusedFileError, match="digest"):
        desk.read("tiny", "ollama:tiny")


def test_a_hub_that_does_not_answer_is_an_error_and_no_wait(desk, monkeypatch):
    hub = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(hub, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubError, match="org/tiny"):
        desk.read("tiny", "hf:org/tiny@main")
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="org/tiny"):
        desk.read("tiny", "hf:org/tiny@main")
    for wrong in ("hf:tiny", "hf:a/b/c", "hf:a/b@x y"):
        with pytest.raises(UnknownSourceError):
            desk.read("tiny", wrong)


def test_mlflow_takes_the_flavour_that_is_data_and_no_other(desk, hf, tmp_path):
    desk.read("ours", hf)
    desk.exchange.write("ours", tmp_path / "ml", form="mlflow", by=BY)
    told = yaml.safe_load((tmp_path / "ml" / "MLmodel").read_text())
    assert told["flavors"]["transformers"]["pipeline_model_type"] == "LlamaForCausalLM"
    assert (tmp_path / "ml" / "components" / "tokenizer" / "tokenizer.json").exists()
    back = desk.read("back", tmp_path / "ml").value
    weights = [
        desk.models.get(name).manifest.files["model.safetensors"] for name in ("ours", "back")
    ]
    assert weights[0] == weights[1]
    assert back.manifest.meta["source"]["mlflow"]
    (tmp_path / "ml" / "MLmodel").write_text("flavors:\n  sklearn:\n    pickled_model: model.pkl\n")
    with pytest.raises(RefusedFileError, match="sklearn"):
        desk.read("back", tmp_path / "ml")


@pytest.mark.parametrize("form", ["folder", "hf"])
def test_what_goes_out_comes_back_the_same(desk, hf, tmp_path, form):
    first = desk.read("ours", hf).value
    done = desk.exchange.write("ours@1", tmp_path / "out", form=form, by=BY)
    assert (done.ref, done.form) == ("ours@1", form)
    back = desk.read("back", tmp_path / "out").value.manifest
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        assert back.files[name] == first.manifest.files[name]
    assert "license: apache-2.0" in (tmp_path / "out" / "README.md").read_text()
    if form == "hf":
        told = json.loads((tmp_path / "out" / "tokenizer_config.json").read_text())
        assert told["eos_token"] == "</s>"
    with pytest.raises(InTheWayError):
        desk.exchange.write("ours@1", hf, form=form, by=BY)


@pytest.mark.parametrize("form", ["folder", "hf", "mlflow"])
def test_how_a_model_was_trained_goes_along_and_comes_back(desk, hf, tmp_path, form):
    (hf / "recipe.json").write_text(json.dumps(Recipe(steps=321).to_dict()))
    (hf / "plan.json").write_text(json.dumps(Plan(method="lora", data="d@1", base="b@1").to_dict()))
    first = desk.read("ours", hf)
    assert first.value.manifest.meta["plan"]["method"] == "lora"
    desk.exchange.write("ours", tmp_path / "out", form=form, by=BY)
    back = desk.read("back", tmp_path / "out")
    for key in ("recipe", "plan"):
        assert back.value.manifest.meta[key] == first.value.manifest.meta[key]
    assert not any(".volano-export" in note for note in back.notes)
    assert "steps: 321" in (tmp_path / "out" / "README.md").read_text()


def test_a_plan_that_is_none_is_told(desk, hf):
    (hf / "plan.json").write_text('{"steps": "many"}')
    made = desk.read("ours", hf)
    assert "plan.json was not understood" in " ".join(made.notes)
    assert "plan" not in made.value.manifest.meta


def test_the_builtin_model_goes_to_ollama_with_its_wording(desk, tmp_path):
    desk.models.builtin(BY)
    desk.exchange.write("ticket-router", tmp_path / "out", form="ollama", by=BY)
    said = (tmp_path / "out" / "Modelfile").read_text()
    assert said.startswith("FROM ./model.gguf\n")
    assert 'TEMPLATE """Ticket: {{ .Prompt }}\nJSON:"""' in said
    assert "PARAMETER temperature 0" in said
    back = desk.read("back", tmp_path / "out").value
    assert (
        back.manifest.files["model.gguf"]
        == desk.models.get("ticket-router").manifest.files["model.gguf"]
    )


@pytest.mark.parametrize("form", ["folder", "gguf", "ollama"])
def test_the_words_of_a_trained_model_go_out_and_come_back(desk, tmp_path, form):
    first = desk.models.builtin(BY)
    desk.exchange.write(first.ref, tmp_path / "out", form=form, by=BY)
    back = desk.read("back", tmp_path / "out")
    assert prompt_of(back.value) == prompt_of(first) != {"template": "{{input}}", "settings": {}}
    assert back.value.manifest.files["model.gguf"] == first.manifest.files["model.gguf"]
    assert not any("chat template" in note for note in back.notes)
    again = desk.exchange.write("back", tmp_path / "again", form="gguf", by=BY)
    assert prompt_of(desk.read("third", again.to).value) == prompt_of(first)


def test_a_gguf_that_was_exported_answers_any_client_as_it_was_trained(desk, tmp_path):
    from volano.data import tickets
    from volano.models import parity

    first = desk.models.builtin(BY)
    texts = [row["text"] for row in tickets.generate(7, 8)]
    asked = [f"Ticket: {text}\nJSON:" for text in texts]
    done = desk.exchange.write(first.ref, tmp_path / "out", form="gguf", by=BY)
    limits = {"precision": "F32", "max_tokens": 32, "context": 256}
    file = desk.models.weights(first.ref)
    said = [parity.check(file, [one], [""], **limits).first_difference[2] for one in asked]
    assert all('"queue"' in one for one in said)
    found = parity.check(tmp_path / "out" / "model.gguf", texts, said, **limits)
    assert (found.equal, done.notes) == (len(texts), ())


def test_a_tuned_model_of_others_keeps_its_chat_template_and_gets_its_words(desk, hf, tmp_path):
    (hf / "model.gguf").write_bytes(files.gguf((files.ARCH, chat(TEMPLATE))))
    (hf / "wording.json").write_text('{"prompt": "Klassifiziere \'{text}\'\\n→ ", "max_tokens": 9}')
    first = desk.read("ours", hf).value
    assert prompt_of(first)["template"] == "Klassifiziere '{{input}}'\n→ "
    done = desk.exchange.write("ours", tmp_path / "out", form="gguf", by=BY)
    said = check_gguf(tmp_path / "out" / "model.gguf").values["tokenizer.chat_template"]
    turns = [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}]
    rendered = Environment(trim_blocks=True).from_string(said).render(messages=turns)
    assert rendered == "system: s\nuser: Klassifiziere 'a'\n→ \n"
    assert done.notes == ()
    back = desk.read("back", tmp_path / "out").value
    assert prompt_of(back) == prompt_of(first)
    assert back.manifest.files["model.gguf"] == first.manifest.files["model.gguf"]
    for form in ("hf", "mlflow"):
        done = desk.exchange.write("ours", tmp_path / f"as {form}", form=form, by=BY)
        assert "transformers and MLflow do not" in done.notes[0]
        assert prompt_of(desk.read(form, done.to).value) == prompt_of(first)
    done = desk.exchange.write("ours", tmp_path / "ollama", form="ollama", by=BY)
    assert "TEMPLATE" not in (tmp_path / "ollama" / "Modelfile").read_text()
    assert "only for families that it knows" in done.notes[0]


def test_a_gguf_without_a_template_says_that_it_cannot_carry_words(desk, hf, tmp_path):
    (hf / "model.gguf").write_bytes(files.gguf())
    (hf / "wording.json").write_text('{"prompt": "Q: {text}", "max_tokens": 9}')
    desk.read("ours", hf)
    done = desk.exchange.write("ours", tmp_path / "out", form="gguf", by=BY)
    assert "no chat template" in done.notes[0] and "'Q: {text}'" in done.notes[0]


@pytest.mark.parametrize(
    "said",
    ['{"prompt": "none", "max_tokens": 9}', '{"prompt": "{text}", "max_tokens": true}', "{}"],
)
def test_a_wording_that_is_none_is_told_and_not_used(desk, hf, said):
    (hf / "wording.json").write_text(said)
    found = desk.read("ours", hf)
    assert prompt_of(found.value)["template"] == "{{input}}"
    assert any("wording.json was not understood" in note for note in found.notes)


def test_a_template_that_was_changed_after_the_export_is_what_asks(desk, tmp_path):
    said = json.dumps(Wording("Q: {text}", 9).to_dict())
    raw = files.gguf((files.ARCH, chat(AS_IS), files.value(worded.KEY, 8, files.text(said))))
    (tmp_path / "model.gguf").write_bytes(raw)
    found = desk.read("ours", tmp_path / "model.gguf")
    assert prompt_of(found.value)["template"] == "{{input}}"
    assert "volano.wording" in found.notes[0]
    assert desk.models.weights("ours").read_bytes() == raw


def test_a_modelfile_quotes_what_its_template_would_act_on():
    said = ollama_form.modelfile(around=('Say "', '"""{{ x }}"'), settings={})
    acts = r'{{ "\"" }}', r'{{ "\"\"\"" }}', '{{ "{{" }}'
    template = f"Say {acts[0]}{{{{ .Prompt }}}}{acts[1]}{acts[2]} x }}}}{acts[0]}"
    assert said == f'FROM ./model.gguf\nTEMPLATE """{template}"""\n'


def test_what_a_model_lacks_is_not_written(desk, hf, tmp_path):
    desk.read("ours", hf)
    desk.models.builtin(BY)
    desk.models.add_pointer("far", url="https://x", model="m", by=BY)
    for ref, form, reason in (
        ("ours", "gguf", "no model.gguf"),
        ("ours", "ollama", "no model.gguf"),
        ("ticket-router", "hf", "safetensors"),
        ("far", "folder", "elsewhere"),
        ("ours", "zip", "forms are"),
    ):
        with pytest.raises(NotExportableError, match=reason):
            desk.exchange.write(ref, tmp_path / "out", form=form, by=BY)
    desk.lives.move("ours", "revoked", by=BY)
    with pytest.raises(NotExportableError, match="revoked") as refused:
        desk.exchange.write("ours", tmp_path / "out", by=BY)
    assert "`volano model history ours@1` says why" in refused.value.advice
    assert "model show" not in refused.value.advice
    assert not (tmp_path / "out").exists()

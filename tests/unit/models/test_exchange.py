"""Models come in from folders, stores and hubs, checked; and go out as others read them."""

import hashlib
import json
import os
import pickle

import pytest
import yaml

from support import model_files as files
from volano.core.clock import ManualClock
from volano.core.principal import Principal
from volano.data.exchange.errors import InTheWayError
from volano.models import ModelNotUsableError, Models
from volano.models.cards import ModelCards
from volano.models.errors import (
    HubError,
    NotExportableError,
    RefusedFileError,
    UnknownSourceError,
)
from volano.models.exchange.keeper import ModelExchange
from volano.models.lives import Lives
from volano.models.wording import prompt_of
from volano.store.blobs import Blobs
from volano.store.catalog import Catalog
from volano.store.errors import UnknownArtifactError
from volano.store.ledger import Ledger

BY = Principal("person", "anna")
README = "---\nlicense: apache-2.0\nlanguage: [hu, de]\n---\n\n# Ours\n"
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
    tensor = files.onnx_tensor(outside={"location": "weights", "length": "24"})
    (onnx / "model.onnx").write_bytes(files.onnx(tensor))
    (onnx / "weights").write_bytes(b"\0" * 24)
    meta = desk.read("o", onnx).value.manifest
    assert desk.models.servable(desk.models.get("o"))
    assert (set(meta.files), meta.meta["engine"]) == ({"model.onnx", "weights"}, "onnx")
    ct2 = tmp_path / "ct2"
    ct2.mkdir()
    (ct2 / "model.bin").write_bytes(files.ct2())
    (ct2 / "vocabulary.json").write_text('["a", "b"]')
    meta = desk.read("c", ct2).value.manifest
    assert desk.models.servable(desk.models.get("c"))
    assert (set(meta.files), meta.meta["engine"]) == (
        {"model.bin", "vocabulary.json"}, "ctranslate2",
    )  # fmt: skip


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
        {"mediaType": f"{kind}template", "digest": put(b"{{ .Prompt }}")},
    ]
    manifest = root / "manifests/registry.ollama.ai/library/tiny/latest"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"layers": layers}))
    return root


def test_a_model_comes_out_of_ollamas_store(desk, ollama):
    made = desk.read("tiny", "ollama:tiny").value
    assert set(made.manifest.files) == {"model.gguf", "LICENSE"}
    assert made.manifest.meta["source"] == {"ollama": "tiny", "skipped": ["template"]}
    for wrong in ("gone", "tiny:1b", "../../etc", "a/b/c/d", ""):
        with pytest.raises(UnknownSourceError):
            desk.read("tiny", f"ollama:{wrong}")


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
    with pytest.raises(NotExportableError, match="revoked"):
        desk.exchange.write("ours", tmp_path / "out", by=BY)
    assert not (tmp_path / "out").exists()

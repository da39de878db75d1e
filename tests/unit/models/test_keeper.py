import json
import shutil
from types import SimpleNamespace

import pytest

from volano.core.clock import ManualClock
from volano.core.digest import Digest
from volano.core.principal import Principal
from volano.models import BadPointerError, ModelNotUsableError, Models, NotAModelError, doubt
from volano.store.blobs import Blobs
from volano.store.catalog import Catalog
from volano.store.ledger import Ledger

BY = Principal("person", "anna")


@pytest.fixture
def models(sqlite, tmp_path):
    clock = ManualClock()
    catalog = Catalog(sqlite, Blobs(tmp_path / "blobs", sqlite), Ledger(sqlite, clock), clock)
    return Models(catalog, tmp_path / "cache")


@pytest.fixture
def folder(tmp_path):
    """What a training run leaves, without training: the bytes are GGUF by their magic alone."""
    path = tmp_path / "trained"
    path.mkdir()
    weights = b"GGUF and so on"
    (path / "model.gguf").write_bytes(weights)
    (path / "model.safetensors").write_bytes(b"tensors")
    (path / "recipe.json").write_text('{"prompt": "{text}"}')
    (path / "card.json").write_text('{"parameters": 12, "context_length": 512}')
    write_parity(path, Digest.of(weights), equal=100)
    (path / "surprise.pkl").write_bytes(b"never taken")
    return path


def write_parity(path, digest, *, equal):
    proof = {"n": 100, "equal": equal, "precision": "F32", "gguf": digest, "passed": equal > 98}
    (path / "parity.json").write_text(json.dumps(proof))


def test_a_failed_proof_is_told_with_what_to_do(models, folder):
    write_parity(folder, Digest.of(b"GGUF and so on"), equal=40)
    made = models.import_trained("router", folder, by=BY)
    [said] = doubt.warnings(made)
    assert said.startswith("router@1 may not be used: only 40 of 100 answers equal")
    assert "volano model train" in said
    assert doubt.standing(made.manifest.meta) == "failed: 40 of 100"
    assert doubt.standing({"parity": {"passed": True}}) == "passed"
    assert doubt.warnings(SimpleNamespace(ref="a@1", manifest=SimpleNamespace(meta={}))) == []


@pytest.mark.parametrize(
    ("method", "told"), [("distill", False), ("scratch", False), ("lora", True)]
)
def test_a_recipe_tells_of_tuning_where_there_was_some(models, folder, method, told):
    recipe = {"prompt": "{text}", "tuning": {"rank": 8}}
    (folder / "recipe.json").write_text(json.dumps(recipe))
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, "method": method}))
    made = models.import_trained("router", folder, by=BY)
    assert ("tuning" in made.manifest.meta["recipe"]) is told
    kept = json.loads((models.folder(made.ref) / "recipe.json").read_text())
    assert kept == recipe, "a later tuning begins with it"


def test_a_form_is_not_trained_again(models, folder):
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, "form": "q8_0"}))
    write_parity(folder, Digest.of(b"GGUF and so on"), equal=40)
    made = models.import_trained("router", folder, by=BY)
    with pytest.raises(ModelNotUsableError) as refused:
        models.usable(made)
    assert "volano model compress" in refused.value.advice
    assert "model train" not in refused.value.advice


def test_a_trained_folder_becomes_a_version(models, folder):
    made = models.import_trained("router", folder, made_by="run-1", by=BY)
    assert (made.ref, made.kind, made.manifest.made_by) == ("router@1", "model", "run-1")
    assert made.manifest.meta["format"] == "gguf"
    assert made.manifest.meta["parameters"] == 12
    assert made.manifest.meta["recipe"] == {"prompt": "{text}"}
    assert "surprise.pkl" not in made.manifest.files
    assert models.weights("router").read_bytes() == b"GGUF and so on"
    tuned_from = models.folder("router@1")
    assert (tuned_from / "model.safetensors").read_bytes() == b"tensors"


def test_the_same_folder_twice_is_one_version(models, folder):
    first = models.import_trained("router", folder, by=BY)
    assert models.import_trained("router", folder, by=BY).digest == first.digest
    assert len(models.list("router")) == 1


def test_without_parity_a_model_is_kept_but_never_used(models, folder):
    write_parity(folder, Digest.of(b"GGUF and so on"), equal=40)
    made = models.import_trained("router", folder, by=BY)
    with pytest.raises(ModelNotUsableError, match="40 of 100"):
        models.usable(made)
    with pytest.raises(ModelNotUsableError, match="router@1"):
        models.weights("router@1")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda f: (f / "model.gguf").unlink(), "no model.gguf"),
        (lambda f: (f / "parity.json").unlink(), "no parity.json"),
        (lambda f: (f / "model.gguf").write_bytes(b"\x80\x04pickle"), "GGUF"),
        (lambda f: (f / "model.gguf").write_bytes(b"GGUF but another"), "not about this"),
        (lambda f: (f / "card.json").write_text("[]"), "card.json is not an object"),
        (lambda f: (f / "recipe.json").write_bytes(b"\xff\xfe"), "recipe.json is not JSON"),
        (shutil.rmtree, "there is no"),
    ],
)
def test_what_is_no_trained_folder_is_refused(models, folder, damage, reason):
    damage(folder)
    with pytest.raises(NotAModelError, match=reason):
        models.import_trained("router", folder, by=BY)
    assert models.list() == []


def test_a_pointer_names_a_model_elsewhere_and_never_its_key(models):
    made = models.add_pointer(
        "big", url="https://api.example.com/v1", model="large-2", key_env="EXAMPLE_KEY", by=BY
    )
    assert models.usable(made) is made
    assert made.manifest.meta == {
        "format": "pointer",
        "url": "https://api.example.com/v1",
        "model": "large-2",
        "key_env": "EXAMPLE_KEY",
    }
    with pytest.raises(ModelNotUsableError, match="not here"):
        models.weights("big")
    with pytest.raises(ModelNotUsableError, match="not here"):
        models.folder("big")


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://example.com"},
        {"url": "example.com"},
        {"url": "https://me:pw@example.com"},
        {"url": "https://example.com/v1?key=abc"},
        {"url": "http://example.com", "key_env": "KEY"},
        {"url": "https://[bad"},
        {"model": "  "},
        {"model": "a\nb"},
        {"key_env": "sk-proj-123"},
    ],
)
def test_bad_pointers_are_refused(models, wrong):
    good = {"url": "https://example.com", "model": "m", "key_env": None}
    with pytest.raises(BadPointerError):
        models.add_pointer("big", **{**good, **wrong}, by=BY)


def test_the_builtin_model_is_recorded_once(models):
    first = models.builtin(BY)
    assert first.ref == "ticket-router@1"
    assert models.builtin(BY).digest == first.digest
    assert first.manifest.meta["builtin"]
    assert (
        models.weights("ticket-router@1").stat().st_size == first.manifest.files["model.gguf"].size
    )

"""Adapters: kept apart from their base, served by its engine, refused when they are not plain LoRA."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from volano.models import adapter, trained
from volano.models.adapter_gguf import BadAdapterError, write
from volano.models.errors import NotAModelError
from volano.serving import EngineSpec, engine


@pytest.fixture(scope="module")
def tuned(made, spec, rows, tmp_path_factory):
    """Two adapters on the tiny model, each taught to say one thing; kept for the module."""
    from volano.models.making import make

    found = {}
    for said in ("alpha", "omega"):
        work = tmp_path_factory.mktemp(said)
        lines = [json.dumps({"text": row["text"], "label": said}) for row in rows[:16]]
        (work / "rows.jsonl").write_text("\n".join(lines) + "\n")
        tuning = {"steps": 40, "lr": 1e-2, "replay": 0}
        asked = {
            **spec, "mode": "tune", "adapter": True, "base": str(made["model"]),
            "rows": str(work / "rows.jsonl"), "recipe": {"tuning": tuning},
        }  # fmt: skip
        outputs = make(
            asked, folder=work / "model", checkpoint=work / "ck", progress=lambda *_, **__: None
        )
        found[said] = (work / "model", outputs)
    return found


@pytest.mark.slow
def test_an_adapter_answers_as_its_weights_do_and_never_as_another(made, tuned, rows, tmp_path):
    for folder, outputs in tuned.values():
        assert outputs["parity"]["passed"], outputs["parity"]
        assert trained.read(folder).meta["format"] == "adapter"
    spec = EngineSpec(
        "tiny", str(made["model"] / "model.gguf"), "base", f"unix:{tmp_path}/e.sock", 4, 4 * 256,
        adapters=tuple((name, str(folder / adapter.SERVED)) for name, (folder, _) in tuned.items()),
    )  # fmt: skip
    prompt = json.loads((made["model"] / "recipe.json").read_text())["prompt"]
    asks = [prompt.replace("{text}", row["text"]) for row in rows[:16]]
    with engine(spec) as chat, ThreadPoolExecutor(8) as pool:
        before = {}

        def say(job):
            name, text = job
            messages = [{"role": "user", "content": text}]
            lora = spec.lora_of(name)
            chat_as = replaced(chat, lora)
            said = chat_as(messages, max_tokens=8, temperature=0).text.strip()
            return name, before[text] == said if name == "base" and before else said

        before = {text: say(("base", text))[1] for text in asks}
        jobs = [(name, text) for text in asks for name in ("alpha", "omega", "base")] * 3
        answers = list(pool.map(say, jobs))
    assert {said for name, said in answers if name == "alpha"} == {"alpha"}
    assert {said for name, said in answers if name == "omega"} == {"omega"}
    assert {said for name, said in answers if name == "base"} == {True}
    assert not {"alpha", "omega"} & set(before.values())


def replaced(chat, lora):
    """The same connection, asking by another adapter."""
    return type(chat)(chat._client, chat.address, chat._path, chat.model, {"lora": lora})


@pytest.fixture
def files(tmp_path):
    """PEFT's files of an adapter on one layer, and its base's config."""
    config = {
        "peft_type": "LORA", "r": 2, "lora_alpha": 4, "bias": "none", "rank_pattern": {},
        "alpha_pattern": {},
    }  # fmt: skip
    shape = {"model_type": "llama", "num_hidden_layers": 1, "num_attention_heads": 2,
             "num_key_value_heads": 1}  # fmt: skip
    name = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"
    tensors = {
        name.format("A"): np.arange(16, dtype=np.float32).reshape(2, 8),
        name.format("B"): np.arange(16, dtype=np.float32).reshape(8, 2),
    }
    (tmp_path / "config.json").write_text(json.dumps(shape))
    (tmp_path / adapter.CONFIG).write_text(json.dumps(config))
    save_file(tensors, tmp_path / adapter.WEIGHTS)
    return tmp_path


def test_rows_of_queries_are_reordered_and_alpha_is_kept(files):
    import gguf

    read = gguf.GGUFReader(write(files, files, files / adapter.SERVED))
    found = {tensor.name: np.asarray(tensor.data) for tensor in read.tensors}
    a, b = (found[f"blk.0.attn_q.weight.lora_{half}"] for half in "ab")
    assert a.tolist() == np.arange(16).reshape(2, 8).tolist()
    assert b[:, 0].tolist() == [0, 4, 2, 6, 8, 12, 10, 14]  # halves of a head interleaved
    assert read.fields["adapter.lora.alpha"].contents() == 4.0


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"use_dora": True}, "use_dora"), ({"bias": "all"}, "bias"), ({"peft_type": "IA3"}, "IA3"),
        ({"r": 0}, "rank"), ({"r": 3}, "rank 3"), ({"modules_to_save": ["lm_head"]}, "lm_head"),
        ({"rank_pattern": {"q": 4}}, "rank_pattern"),
    ],
)  # fmt: skip
def test_what_is_not_plain_lora_is_refused_with_the_reason(files, changed, why):
    config = json.loads((files / adapter.CONFIG).read_text())
    (files / adapter.CONFIG).write_text(json.dumps({**config, **changed}))
    with pytest.raises(BadAdapterError, match=why):
        write(files, files, files / adapter.SERVED)


def test_a_tensor_that_no_base_has_is_refused(files):
    tensors = load_file(files / adapter.WEIGHTS)
    save_file({**tensors, "base_model.model.extra.weight": np.zeros((2, 2), np.float32)},
              files / adapter.WEIGHTS)  # fmt: skip
    with pytest.raises(BadAdapterError, match=r"extra\.weight"):
        write(files, files, files / adapter.SERVED)


def test_a_torn_file_is_refused(files):
    whole = (files / adapter.WEIGHTS).read_bytes()
    (files / adapter.WEIGHTS).write_bytes(whole[:40])
    with pytest.raises(BadAdapterError):
        write(files, files, files / adapter.SERVED)


def test_a_folder_without_its_proof_is_no_model(files):
    (files / adapter.SERVED).write_bytes(b"GGUF")
    with pytest.raises(NotAModelError, match=r"parity\.json"):
        trained.read(files)

"""Another's model, tuned by TRL: what is rendered, what a killed run comes back to, what is kept."""

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from support.lazily import lazily
from volano.models import trained
from volano.models.trainer import ROWS
from volano.models.training.plan import Plan

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore::FutureWarning", "ignore::UserWarning", "ignore::DeprecationWarning"
    ),
]
foreign = lazily("volano.models.training.foreign")
export = lazily("volano.models.export")
making = lazily("volano.models.making")
render = lazily("volano.models.training.render")

TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}"
    "{% if m['role'] == 'assistant' %}</s>{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
KILLED = """
import json, os, signal, sys
from pathlib import Path
from volano.models.making import make

def progress(step, of, **metrics):
    if step == 7:  # whole checkpoints are there of 3 and 6
        os.kill(os.getpid(), signal.SIGKILL)

work = Path(sys.argv[1])
make(json.loads(sys.argv[2]), folder=work / "model", checkpoint=work / "checkpoint", progress=progress)
"""


@pytest.fixture(scope="module")
def base(made, tmp_path_factory):
    """A small model as others publish theirs: with a chat template, without our recipe."""
    folder = tmp_path_factory.mktemp("base")
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        shutil.copy(made["model"] / name, folder / name)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return folder


@pytest.fixture(scope="module")
def told(spec, base):
    plan = Plan.from_dict({"method": "lora", "steps": 9, "batch": 4, "lr": 4e-3, "packing": True,
                           "checkpoint_every": 3, "context": 128, "hardware": "cpu",
                           "guards": {"leakage_limit": 1.0, "swaps": "off"}})  # fmt: skip
    return {"mode": "recipe", "name": "t", "rows": spec["rows"], "dev": spec["rows"],
            "base": str(base), "base_ref": "foreign@1",
            "plan": {**plan.to_dict(), "dev": {"every": 3, "rows": 4, "metric": "loss"},
                     "guards": {"leakage_limit": 1}}}  # fmt: skip


def test_what_is_learned_begins_where_the_engine_answers_and_ends(base, rows):
    words = foreign.tokenizer(base)
    one = render.render(rows[0], words, Plan(method="lora"), context=256)
    asked = [{"role": "user", "content": rows[0]["text"]}]
    prompt = words.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
    assert words.decode(one.prompt) == prompt
    assert one.completion[-1] == words.eos_token_id
    assert json.loads(words.decode(one.completion[:-1])) == rows[0]["label"]
    labels = one.to_row("completion")["labels"]
    assert labels[: len(one.prompt)] == [render.IGNORED] * len(one.prompt)
    assert one.to_row("all")["labels"] == one.to_row("all")["input_ids"]
    plain = render.render(rows[0], words, replace(Plan(), template="plain"), context=256)
    assert plain.completion[-1] == words.eos_token_id


def test_an_answer_that_does_not_fit_is_left_out_and_a_long_prompt_loses_its_beginning(base, rows):
    words = foreign.tokenizer(base)
    assert render.render(rows[0], words, Plan(), context=5) is None
    whole = render.render(rows[0], words, Plan(), context=256)
    short = render.render(rows[0], words, Plan(), context=len(whole.prompt + whole.completion) - 4)
    assert (short.cut, short.completion) == (True, whole.completion)
    assert short.prompt[1:] == whole.prompt[5:]


def test_a_killed_run_ends_with_the_adapter_of_an_unbroken_one(told, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    command = [sys.executable, "-W", "ignore", "-c", KILLED, str(broken), json.dumps(told)]
    assert subprocess.run(command, capture_output=True).returncode == -signal.SIGKILL
    steps = {}
    for work in (whole, broken):
        steps[work] = []
        making.make(
            told, folder=work / "model", checkpoint=work / "checkpoint",
            progress=lambda step, of, w=work, **m: steps[w].append((step, m["loss"])),
        )  # fmt: skip
    assert steps[broken] == [one for one in steps[whole] if one[0] > 6], "the same curve"
    files = [
        (work / "model" / "adapter_model.safetensors").read_bytes() for work in (whole, broken)
    ]
    assert files[0] == files[1]
    kept = trained.read(whole / "model")
    assert kept.meta["format"] == "adapter"
    assert "no model.gguf" in kept.meta["unserved"], "said, and the adapter is kept all the same"
    assert {"wall_s", "wh"} <= set(kept.meta["spent"])
    config = json.loads((whole / "model" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "foreign@1", "no path of this machine"


def test_full_tuning_leaves_a_model_that_is_a_base_again(told, tmp_path):
    plan = {**told["plan"], "method": "full", "steps": 2, "packing": False}
    made = making.make(
        {**told, "plan": plan}, folder=tmp_path / "model", checkpoint=tmp_path / "checkpoint",
        progress=lambda *_, **__: None,
    )  # fmt: skip
    kept = trained.read(Path(made["folder"]))
    assert kept.meta["format"] == "safetensors"
    assert {"model.safetensors", "model.gguf", "plan.json"} <= set(kept.files)
    assert made["parity"]["passed"], made["parity"]
    assert kept.meta["parity"]["n"] == kept.meta["parity"]["equal"] > 0
    assert foreign.tokenizer(tmp_path / "model").chat_template == TEMPLATE
    assert "dev_loss" in made["card"]["metrics"]


def test_an_adapter_on_a_base_with_gguf_is_proven_on_it(told, base, tmp_path):
    export.export(base, base / "model.gguf")
    plan = {**told["plan"], "steps": 2}
    made = making.make(
        {**told, "plan": plan}, folder=tmp_path / "model", checkpoint=tmp_path / "checkpoint",
        progress=lambda *_, **__: None,
    )  # fmt: skip
    (base / "model.gguf").unlink()
    kept = trained.read(Path(made["folder"]))
    assert "adapter.gguf" in kept.files
    assert (kept.meta["parity"]["passed"], kept.meta["chat_template"]) == (True, True)


def test_what_was_learned_plainly_is_asked_plainly_and_a_strange_one_is_kept_with_the_reason(
    told, base, tmp_path
):
    plan = {**told["plan"], "method": "full", "steps": 1, "packing": False, "template": "plain"}
    strange = tmp_path / "base"
    shutil.copytree(base, strange)
    config = json.loads((strange / "config.json").read_text())
    rope = {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}
    (strange / "config.json").write_text(json.dumps({**config, "rope_parameters": rope}))
    for folder, served in ((base, True), (strange, False)):
        work = tmp_path / str(served)
        made = making.make(
            {**told, "base": str(folder), "plan": plan}, folder=work / "model",
            checkpoint=work / "checkpoint", progress=lambda *_, **__: None,
        )  # fmt: skip
        kept = trained.read(Path(made["folder"]))
        assert ("model.gguf" in kept.files) is served
        assert kept.meta["chat_template"] is False
        if served:
            assert kept.meta["parity"]["passed"], made["parity"]
        else:
            assert "rotations are scaled" in kept.meta["unserved"]


def test_rows_that_are_packed_do_not_see_each_other(base, rows):
    import torch

    words, model = foreign.tokenizer(base), foreign.model(base).eval()
    one, two = (list(render.render(r, words, Plan(), context=256).prompt) for r in rows[:2])
    places = torch.tensor([[*range(len(one)), *range(len(two))]])
    with torch.no_grad():
        both = model(
            input_ids=torch.tensor([one + two]), position_ids=places, use_cache=False
        ).logits
        alone = model(input_ids=torch.tensor([two]), use_cache=False).logits
    assert torch.allclose(both[0, len(one) :], alone[0], atol=1e-4)


KILLED_DPO = KILLED.replace("step == 7", "step == 5").replace("3 and 6", "2 and 4")


def test_what_people_corrected_is_preferred_on_another_s_base_too(told, spec, rows, tmp_path):
    given = tmp_path / "pairs.jsonl"
    pairs = [{**row, "rejected": "nonsense"} for row in rows[:6]]
    given.write_text("".join(json.dumps(row) + "\n" for row in [*pairs, *rows[6:10]]))
    plan = {**told["plan"], "method": "dpo", "packing": False, "steps": 6, "checkpoint_every": 2,
            "lr": 1e-3, "dev": {"every": 2, "rows": 4}}  # fmt: skip
    asked = {**told, "rows": str(given), "dev": str(given), "plan": plan}
    whole, broken = tmp_path / "run" / "train", tmp_path / "broken"
    whole.mkdir(parents=True)
    broken.mkdir()
    command = [sys.executable, "-W", "ignore", "-c", KILLED_DPO, str(broken), json.dumps(asked)]
    assert subprocess.run(command, capture_output=True).returncode == -signal.SIGKILL
    made = [
        making.make(asked, folder=work / "model", checkpoint=work / "checkpoint",
                    progress=lambda step, of, **_: None)
        for work in (whole, broken)
    ]  # fmt: skip
    metrics = made[0]["card"]["metrics"]
    assert (metrics["rows"], metrics["asked_rows"]) == (10, 10), "its own wrong answers are pairs"
    assert metrics["steps"] == 6 and "dev_exact_match" in metrics
    files = [
        (work / "model" / "adapter_model.safetensors").read_bytes() for work in (whole, broken)
    ]
    assert files[0] == files[1], "a killed run ends with the additions of an unbroken one"
    assert trained.read(whole / "model").meta["format"] == "adapter"
    pairs = json.loads((whole / "pairs.json").read_text())["pairs"]
    ids = {str(pair["prompt_ids"])[1:-1] for pair in pairs}
    for name in ROWS:
        for file in (tmp_path / "run").glob(name):
            file.unlink()
    for file in (one for one in (tmp_path / "run").rglob("*") if one.is_file()):
        content = file.read_bytes()
        assert not any(row["text"].encode() in content for row in rows[:10]), file
        assert not any(said.encode() in content for said in ids), file


def test_pairs_begin_and_end_where_the_engine_does(base, rows):
    from volano.models.training.pairs import pairs_of

    words = foreign.tokenizer(base)
    chat = {
        "messages": [{"role": "user", "content": "退款?"}, {"role": "assistant", "content": "igen"}]
    }
    given = [{**rows[0], "rejected": "nonsense"}, {**chat, "rejected": "nem"},
             {"prompt": "a", "completion": "b", "rejected": "b"},
             {**rows[1], "rejected": rows[1]["label"]}]  # fmt: skip
    pairs = pairs_of(given, None, words, Plan(), context=256)
    assert len(pairs) == 2, "what is no other answer teaches nothing, an object neither"
    asked = render.render(rows[0], words, Plan(), context=256)
    assert (pairs[0]["prompt_ids"], pairs[0]["chosen_ids"]) == (
        list(asked.prompt),
        list(asked.completion),
    )
    assert words.decode(pairs[0]["rejected_ids"]) == "nonsense</s>"
    assert words.decode(pairs[1]["rejected_ids"]) == "nem</s>"


@pytest.fixture
def tuned(told, base, rows, tmp_path):
    """Train by pairs: two steps, the dev rows looked at after each."""
    from volano.models.training.job import Job
    from volano.models.training.preference import train

    def go(given):
        plan = {**told["plan"], "method": "dpo", "packing": False, "steps": 2, "lr": 1e-3,
                "dev": {"every": 1, "rows": 4}}  # fmt: skip
        return train(
            Job({}, Plan.from_dict({**plan, "base": "foreign@1"}), given, rows[:4], base, None,
                tmp_path / "checkpoint", lambda *_, **__: None), base,
        )  # fmt: skip

    return go


def test_a_base_that_nothing_beats_stays_the_best_and_the_card_says_what_the_guard_saw(
    tuned, rows, monkeypatch
):
    from volano.models.training import preference

    scores = iter([0.80, 0.78, 0.77])
    monkeypatch.setattr(preference, "exact_match", lambda *_: next(scores))
    made = tuned([{**row, "rejected": "nonsense"} for row in rows[:4]])
    assert (made.facts["best_step"], made.facts["dev_exact_match"]) == (0, 0.80)
    added = [p for name, p in made.model.named_parameters() if "lora_B" in name]
    assert added and not any(one.any() for one in added), "the base itself"
    seen = made.facts["guards"]["collapse"]
    assert (seen["start"], [one["score"] for one in seen["looks"]]) == (0.80, [0.78, 0.77])


def test_a_base_that_answers_otherwise_elsewhere_leaves_a_run_its_pairs_and_checkpoint(
    tuned, rows, tmp_path, monkeypatch
):
    from volano.models.training import pairs

    def said(answer):
        monkeypatch.setattr(pairs, "answers", lambda _n, _w, asked, _t: [answer] * len(asked))

    names = tmp_path / "checkpoints" / "checkpoint-2" / "whole"
    said("here")
    tuned(rows[:4])
    first = names.read_text()
    said("elsewhere")
    tuned(rows[:4])
    assert names.read_text() == first
    tuned(rows[:5])
    assert names.read_text() != first, "other rows are asked again"


def test_a_look_before_dpo_counts_two_sequences_a_row_and_the_pass_of_the_reference(
    told, rows, tmp_path
):
    from volano.models.preflighting import look

    plan = {**told["plan"], "packing": False, "context": 256}
    lora = look({**told, "plan": plan})["memory"]
    dpo = look({**told, "plan": {**plan, "method": "dpo"}})["memory"]
    assert dpo["logits"] == 2 * lora["logits"]
    assert dpo["activations"] == 2 * lora["activations"] * 2, "one layer, and it once more"
    given = tmp_path / "pairs.jsonl"
    long = [{**row, "rejected": {"reason": "nonsense " * 8}} for row in rows[:6]]
    given.write_text("".join(json.dumps(row) + "\n" for row in long))
    asked = {**told, "rows": str(given), "plan": {**plan, "method": "dpo"}}
    assert look(asked)["memory"]["logits"] > dpo["logits"], "what is rejected is longer"

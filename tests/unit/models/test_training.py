import json
import subprocess
import sys

import pytest

from support.lazily import lazily
from volano.core.digest import Digest
from volano.models.training import NotInstalledError, require

making = lazily("volano.models.making")
checkpoint = lazily("volano.models.training.checkpoint")
loop = lazily("volano.models.training.loop")
network = lazily("volano.models.training.network")
small = lazily("volano.models.training.small")
tokenizer = lazily("volano.models.training.tokenizer")
training_rows = lazily("volano.models.training.rows")

KILLED = """
import json, os, signal, sys
from pathlib import Path
from volano.models.making import make

def progress(step, of, **metrics):
    if step == 50:  # one checkpoint was kept at 25; that of 50 is still to come
        os.kill(os.getpid(), signal.SIGKILL)

work = Path(sys.argv[1])
make(json.loads(sys.argv[2]), folder=work / "model", checkpoint=work / "ck.safetensors",
     progress=progress)
"""


def test_what_is_not_installed_is_named():
    require()
    with pytest.raises(NotInstalledError, match="torch_of_tomorrow"):
        require(("json", "torch_of_tomorrow"))


def silent(*_, **__):
    pass


def weights(folder):
    return Digest.of((folder / "model.safetensors").read_bytes())


@pytest.mark.slow
def test_a_killed_run_ends_with_the_bits_of_an_unbroken_one(spec, made, tmp_path):
    child = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), json.dumps(spec)])
    assert child.returncode == -9
    steps = []

    making.make(
        spec,
        folder=tmp_path / "model",
        checkpoint=tmp_path / "ck.safetensors",
        progress=lambda step, of, **_: steps.append(step),
    )

    assert steps == [50, 60], "it must go on from step 25"
    assert weights(tmp_path / "model") == weights(made["model"])


def test_a_run_that_was_done_is_not_trained_again(spec, made):
    steps = []
    again = making.make(
        spec,
        folder=made["work"] / "again",
        checkpoint=made["work"] / "checkpoint.safetensors",
        progress=lambda step, of, **_: steps.append(step),
    )
    assert steps == []
    assert weights(made["work"] / "again") == weights(made["model"])
    assert again["card"]["metrics"]["loss"] == made["card"]["metrics"]["loss"]


def test_progress_and_card_say_what_happened(made):
    assert [(step, of) for step, of, _ in made["progress"]] == [(25, 60), (50, 60), (60, 60)]
    losses = [metrics["loss"] for _, _, metrics in made["progress"]]
    assert losses[0] > losses[-1] > 0
    assert made["card"]["metrics"]["loss"] == losses[-1]
    assert made["card"]["metrics"]["rows"] == 60
    assert made["card"]["parameters"] > 10_000


def test_the_export_answers_as_the_weights_do(made):
    assert made["parity"]["n"] == 60
    assert made["parity"]["passed"], made["parity"]["first_difference"]


def test_tuning_changes_full_weights_and_keeps_the_words(spec, made, tmp_path):
    tuned = making.make(
        {**spec, "mode": "tune", "base": str(made["model"])},
        folder=tmp_path / "model",
        checkpoint=tmp_path / "ck",
        progress=silent,
    )
    assert tuned["card"]["mode"] == "tune"
    assert tuned["card"]["parameters"] == made["card"]["parameters"]
    assert tuned["parity"]["passed"], tuned["parity"]["first_difference"]
    assert weights(tmp_path / "model") != weights(made["model"])
    names = network.load(tmp_path / "model").state_dict().keys()
    assert names == network.load(made["model"]).state_dict().keys()
    words = (made["model"] / "tokenizer.json").read_bytes()
    assert (tmp_path / "model" / "tokenizer.json").read_bytes() == words


def test_tuning_takes_what_came_from_feedback_and_replays_some_of_the_rest(rows, tiny):
    new = [{**row, "origin": {"trace": "t"}} for row in rows[:3]]
    mixed = small.mix([*rows, *new], tiny)
    assert mixed[:3] == new
    assert len(mixed) == 3 + tiny.tuning.replay
    assert small.mix([*rows, *new], tiny) == mixed
    assert small.mix(rows, tiny) == rows, "where nothing has an origin, all is new"


def test_a_step_draws_the_same_rows_whenever_it_is_taken(rows, tiny):
    encoded = training_rows.encode(rows, small.learn_words(rows, tiny), tiny)
    ids, targets = training_rows.batch(encoded, tiny, 7)
    again, _ = training_rows.batch(encoded, tiny, 7)
    other, _ = training_rows.batch(encoded, tiny, 8)
    assert ids.equal(again)
    assert ids.shape != other.shape or not ids.equal(other)
    learned = targets != training_rows.IGNORED
    assert learned.any(1).all()
    assert ids[learned].equal(targets[learned])


def test_a_text_that_is_too_long_loses_its_end_and_nothing_else(tiny):
    rows = [{"text": "abc " * 500, "label": "yes"}, {"text": "short", "label": "yes"}]
    words = small.learn_words(rows, tiny)
    long, short = training_rows.encode(rows, words, tiny)
    assert (long.cut, short.cut) == (True, False)
    assert len(long.prompt) + len(long.answer) == tiny.max_row_tokens
    said = words.decode(long.prompt + long.answer)
    assert said.startswith("Ticket: abc abc")
    assert said.endswith("\nJSON: yes")


def test_a_checkpoint_of_something_else_is_not_taken_up(tmp_path, tiny, made):
    model = network.load(made["model"])
    path = made["work"] / "checkpoint.safetensors"
    assert checkpoint.Checkpoints(path, "another").load(model, adam(model)) == (0, {})


def test_a_damaged_checkpoint_is_not_taken_up(tmp_path, made):
    path = tmp_path / "ck"
    path.write_bytes((made["work"] / "checkpoint.safetensors").read_bytes()[:5000])
    model = network.load(made["model"])
    assert checkpoint.Checkpoints(path, "x").load(model, adam(model)) == (0, {})


def test_a_checkpoint_that_cannot_be_written_says_so(tmp_path, made):
    model = network.load(made["model"])
    optimizer = adam(model)
    sum(p.sum() for p in model.parameters()).backward()
    optimizer.step()
    with pytest.raises(checkpoint.CheckpointLostError, match="nowhere"):
        checkpoint.Checkpoints(tmp_path / "nowhere" / "ck", "x").save(1, {}, model, optimizer)


def adam(model):
    import torch

    return torch.optim.AdamW(model.parameters(), fused=True)


def test_a_loss_that_left_the_numbers_stops_the_run(spec, tmp_path):
    wild = {**spec, "recipe": {**spec["recipe"], "lr": 1e38}}
    with pytest.raises(loop.DivergedError):
        making.make(wild, folder=tmp_path / "m", checkpoint=tmp_path / "ck", progress=silent)


@pytest.mark.parametrize(
    "content",
    [
        "",
        '{"text": "a"}\n',
        '{"text": 1, "label": "x"}\n',
        "[1]\n",
        "{bad\n",
        '{"text":"a","label":1}',
    ],
)
def test_bad_rows_are_named(tmp_path, content):
    path = tmp_path / "rows.jsonl"
    path.write_text(content)
    with pytest.raises(making.BadRowsError, match=r"rows\.jsonl"):
        making.read(path)


def test_missing_rows_are_named(tmp_path):
    with pytest.raises(making.BadRowsError, match="No such file"):
        making.read(tmp_path / "none.jsonl")


def test_words_of_any_language_come_back_whole(rows, tiny):
    words = small.learn_words(rows, tiny)
    for text in ("Árvíztűrő tükörfúrógép", "Где мой заказ №4711?", "退款 4711 😀", "\x00\ttab"):
        assert words.decode(words.encode(text).ids) == text


def test_a_classifier_answers_with_one_token(tiny):
    rows = [{"text": f"card {n}", "label": "card_arrival"} for n in range(9)]
    recipe = type(tiny).from_dict({**tiny.to_dict(), "whole_labels": True})
    words = small.learn_words(rows, recipe)
    assert [len(row.answer) for row in training_rows.encode(rows, words, recipe)] == [2] * 9
    assert words.decode([words.token_to_id(" card_arrival")]) == " card_arrival"
    assert tokenizer.END == 2

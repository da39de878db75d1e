"""Methods of training on one tiny model: what they give, and what they refuse."""

import json
import signal
import subprocess
import sys

import pytest

from volano.models.training.plan import Plan
from volano.models.training.recipe import BadRecipeError, Recipe

pytest.importorskip("torch")
pytestmark = pytest.mark.slow
"""They import torch, TRL and Opacus, and take some steps."""


@pytest.fixture
def job(made, rows, tmp_path):
    from volano.models.training.job import Job

    def build(
        method, *, rows=rows, held=rows[:8], base=made["model"], teacher=None, spec=(), **plan
    ):
        return Job(
            spec=dict(spec), plan=Plan.from_dict({"method": method, **plan}), rows=rows, dev=held,
            base=base, teacher=teacher, checkpoint=tmp_path / "checkpoint.safetensors",
            progress=lambda step, of, **metrics: None,
        )  # fmt: skip

    return build


def train(job):
    from volano.models.training.methods import method

    return method(job.plan.method)(job)


def test_pairs_hold_what_the_base_says_wrong(made, rows):
    from volano.models.training import network, tokenizer
    from volano.models.training.methods.dpo import pairs_of

    recipe = Recipe.from_dict(json.loads((made["model"] / "recipe.json").read_text()))
    words = tokenizer.load(made["model"] / "tokenizer.json")
    given = [{**rows[0], "rejected": "nonsense"}, {**rows[1], "rejected": rows[1]["label"]}]
    pairs = pairs_of(given, network.load(made["model"]), words, recipe)
    assert [pair["rejected"] for pair in pairs] == [" nonsense"]
    assert json.loads(pairs[0]["chosen"]) == rows[0]["label"]


def test_dpo_keeps_the_best_weights_and_looks_at_dev(job, rows):
    pairs = [{**row, "rejected": "nonsense"} for row in rows[:12]]
    made = train(job("dpo", rows=pairs, steps=4, batch=4, dev={"every": 2}))
    assert made.facts["rows"] == 12
    assert [look["step"] for look in made.facts["guards"]["collapse"]["looks"]] == [2, 4]


KILLED_DPO = """
import json, os, signal, sys
from pathlib import Path
from volano.models.training.job import Job
from volano.models.training.methods import dpo
from volano.models.training.plan import Plan

work, told = Path(sys.argv[1]), json.loads(sys.argv[2])

def progress(step, of, **metrics):
    if step == 5:
        os.kill(os.getpid(), signal.SIGKILL)

dpo.train(Job(spec=told["spec"], plan=Plan.from_dict(told["plan"]), rows=told["rows"],
              dev=told["dev"], base=Path(told["base"]), teacher=None,
              checkpoint=work / "checkpoint.safetensors", progress=progress))
"""


def test_a_killed_dpo_ends_with_the_weights_and_the_looks_of_an_unbroken_one(made, rows, tmp_path):
    from volano.models.training import network
    from volano.models.training.job import Job
    from volano.models.training.methods import dpo

    pairs = [{**row, "rejected": "nonsense"} for row in rows[:16]]
    told = {
        "spec": {"checkpoint_steps": 2}, "rows": pairs, "dev": rows[:8], "base": str(made["model"]),
        "plan": {"method": "dpo", "steps": 8, "batch": 4, "dev": {"every": 1}},
    }  # fmt: skip
    seen, outcomes = {}, {}
    for name in ("broken", "whole"):
        work = tmp_path / name
        work.mkdir()
        if name == "broken":
            command = [
                sys.executable,
                "-W",
                "ignore",
                "-c",
                KILLED_DPO,
                str(work),
                json.dumps(told),
            ]
            assert subprocess.run(command, capture_output=True).returncode == -signal.SIGKILL
        steps = seen[name] = []
        outcomes[name] = dpo.train(
            Job(spec=told["spec"], plan=Plan.from_dict(told["plan"]), rows=pairs, dev=told["dev"],
                base=made["model"], teacher=None, checkpoint=work / "checkpoint.safetensors",
                progress=lambda step, of, s=steps, **m: s.append((step, m["loss"])))
        )  # fmt: skip
    assert seen["broken"] == [one for one in seen["whole"] if one[0] > 4], "from the checkpoint on"
    broken, whole = outcomes["broken"], outcomes["whole"]
    assert broken.facts["guards"] == whole.facts["guards"], "looks before the crash count too"
    ours, theirs = network.weights(broken.model), network.weights(whole.model)
    assert all(bool((ours[name] == theirs[name]).all()) for name in theirs)


def test_dpo_that_destroys_the_model_is_stopped(job, rows, monkeypatch):
    from volano.models.training import marks
    from volano.models.training.guards.errors import CollapsedError

    scores = iter([0.9, 0.5, 0.4, 0.3, 0.2])
    monkeypatch.setattr(marks, "exact", lambda *_: next(scores))
    pairs = [{**row, "rejected": "nonsense"} for row in rows[:12]]
    with pytest.raises(CollapsedError, match="step 2"):
        train(job("dpo", rows=pairs, steps=4, batch=4, dev={"every": 1}))


@pytest.mark.parametrize("on", ["logits", "answers"])
def test_a_student_has_half_the_size_and_learns_unlabelled_texts(job, made, rows, tmp_path, on):
    texts = tmp_path / "texts.jsonl"
    texts.write_text("".join(json.dumps({"text": row["text"]}) + "\n" for row in rows[:5]))
    told = train(
        job("distill", rows=rows[:20], base=None, teacher=made["model"], steps=3,
            distill={"on": on}, spec={"unlabelled": str(texts)})
    ).facts["distillation"]  # fmt: skip
    assert told["unlabelled_rows"] == 5
    assert told["parameters"]["student"] <= 0.55 * told["parameters"]["teacher"]
    assert "warning" in told  # the tiny teacher knows nothing


@pytest.fixture
def scored(monkeypatch):
    """Have the dev rows say this of the teacher, then of the student at the end of each round."""
    from volano.models.training import marks, network, small

    def build(teacher, *student):
        own, last = iter(student), [0.0]

        def watched(job, *_):
            last[0] = next(own)
            return [" right" if at < last[0] * 8 else " wrong" for at in range(8)]

        monkeypatch.setattr(marks, "exact", lambda *_: last[0] or teacher)
        monkeypatch.setattr(network, "answers", lambda *_, **__: watched(*_))
        monkeypatch.setattr(small, "_said", lambda _: "right")

    return build


@pytest.mark.parametrize(
    ("student", "rounds", "warned"),
    [((1.0,), 1, False), ((0.5, 1.0), 2, False), ((0.25, 0.5, 0.75), 3, True), ((0.5, 0.5), 2, True)],
)  # fmt: skip
def test_a_student_behind_its_teacher_takes_its_steps_again(
    job, made, scored, student, rounds, warned
):
    scored(1.0, *student)
    told = train(job("distill", base=None, teacher=made["model"], steps=2)).facts
    assert (told["distillation"]["rounds"], told["steps"]) == (rounds, 2 * rounds)
    assert told["dev_exact_match"] == max(student)
    assert ("warning" in told["distillation"]) is warned


@pytest.mark.parametrize("held", [8, 0])
def test_where_nothing_is_measured_a_student_takes_its_steps_once(
    job, made, monkeypatch, rows, held
):
    from volano.models.training import marks

    asked = []
    monkeypatch.setattr(marks, "exact", lambda *given: asked.append(len(given[-1])) or 0.95)
    told = train(
        job("distill", rows=rows[:20], held=rows[:held], base=None, teacher=made["model"], steps=2,
            dev={"rows": 0})
    ).facts  # fmt: skip
    assert (told["distillation"]["rounds"], told["steps"]) == (1, 2)
    assert asked == [20, 20], "learned rows say how good teacher and student are"
    assert "warning" not in told["distillation"]


KILLED_STUDENT = KILLED_DPO.replace("import dpo", "import distill as dpo").replace(
    'base=Path(told["base"]), teacher=None', 'base=None, teacher=Path(told["base"])'
)


def test_a_student_killed_in_its_second_round_ends_with_the_weights_of_an_unbroken_one(
    made, rows, tmp_path
):
    from volano.models.training import network
    from volano.models.training.job import Job
    from volano.models.training.methods import distill

    told = {
        "spec": {"checkpoint_steps": 2}, "rows": rows[:30], "dev": rows[:8], "base": str(made["model"]),
        "plan": {"method": "distill", "steps": 4, "batch": 4,
                 "dev": {"every": 1, "metric": "loss"}, "distill": {"behind": 0.0}},
    }  # fmt: skip
    seen, outcomes = {}, {}
    for name in ("broken", "whole"):
        work = tmp_path / name
        work.mkdir()
        if name == "broken":
            command = [sys.executable, "-W", "ignore", "-c", KILLED_STUDENT, str(work)]
            done = subprocess.run([*command, json.dumps(told)], capture_output=True)
            assert done.returncode == -signal.SIGKILL, done.stderr
        steps = seen[name] = []
        outcomes[name] = distill.train(
            Job(spec=told["spec"], plan=Plan.from_dict(told["plan"]), rows=told["rows"],
                dev=told["dev"], base=None, teacher=made["model"],
                checkpoint=work / "checkpoint.safetensors",
                progress=lambda step, of, s=steps, **m: s.append((step, of, m["loss"])))
        )  # fmt: skip
    assert [of for _, of, _ in seen["whole"]] == [4] * 4 + [8] * 4 + [12] * 4
    assert seen["broken"] == [one for one in seen["whole"] if one[0] > 4], "from the checkpoint on"
    broken, whole = outcomes["broken"], outcomes["whole"]
    assert broken.facts["distillation"] == whole.facts["distillation"]
    ours, theirs = network.weights(broken.model), network.weights(whole.model)
    assert all(bool((ours[name] == theirs[name]).all()) for name in theirs)


def test_dpo_with_nothing_to_prefer_says_which_rows_it_needs(job, rows):
    alike = [{**row, "rejected": row["label"]} for row in rows[:12]]
    with pytest.raises(BadRecipeError, match="already answers every row") as raised:
        train(job("dpo", rows=alike, steps=2))
    assert "`rejected`" in raised.value.advice and "data curate" in raised.value.advice


def test_private_training_says_its_epsilon(job):
    settings = {"noise": 1.0, "delta": 1e-3}
    few, more = (
        train(job("private", steps=steps, batch=8, private=settings)).facts["privacy"]
        for steps in (2, 6)
    )
    assert 0 < few["epsilon"] < more["epsilon"]


def test_private_training_spends_the_epsilon_that_was_asked_for_and_says_how_to_count_it_again(job):
    from opacus.accountants import PRVAccountant

    asked = {"epsilon": 8.0, "delta": 1e-3}
    told = train(job("private", steps=2, batch=8, private=asked)).facts["privacy"]
    again = PRVAccountant()
    again.history = [(told["noise"], told["sample_rate"], told["steps"])]
    assert told["epsilon"] == pytest.approx(again.get_epsilon(1e-3), rel=0.01)
    assert 0.95 * 8 < told["epsilon"] <= 8, "no more noise than is needed"


class Killed(Exception):
    """The process is gone."""


def test_a_broken_private_run_goes_on_with_the_same_draws_and_counts_what_was_spent(
    job, tmp_path, monkeypatch
):
    from volano.models.training import network
    from volano.models.training.checkpoint import Checkpoints
    from volano.models.training.methods import private

    keep = Checkpoints.save

    def killed_at_4(self, step, *rest):
        keep(self, step, *rest)
        if step == 4:
            raise Killed

    asked = {"steps": 6, "batch": 8, "private": {"noise": 1.0, "delta": 1e-3}}
    spec = {"checkpoint_steps": 2}
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Checkpoints, "save", killed_at_4)
        train(job("private", spec=spec, **asked))
    key = (tmp_path / "noise.key").read_bytes()
    broken = train(job("private", spec=spec, **asked))
    assert not (tmp_path / "noise.key").exists(), "nobody can take the noise off again"
    (tmp_path / "checkpoint.safetensors").unlink()
    (tmp_path / "noise.key").write_bytes(key)
    whole = train(job("private", spec=spec, **asked))
    (tmp_path / "checkpoint.safetensors").unlink()
    other = train(job("private", spec=spec, **asked))
    assert broken.facts["privacy"] == whole.facts["privacy"]
    weights = [network.weights(made.model) for made in (broken, whole, other)]
    same = [all(bool((one[n] == weights[0][n]).all()) for n in one) for one in weights]
    assert same == [True, True, False], "another run has other noise, whatever the seed"
    assert len(key) == private.KEY_BYTES


def test_the_noise_of_a_draw_comes_from_the_whole_key():
    import numpy as np
    import torch

    from volano.models.training.methods import private

    def drawn(key, draw):
        private._seed(key, draw)
        state = torch.get_rng_state().numpy()
        words = state[24 : 24 + 8 * 624].view("u8").astype("u4")
        return words, torch.empty(8, dtype=torch.int64).random_(0, 2**24).tolist()

    kept = torch.get_rng_state()
    try:
        words, numbers = drawn(b"k" * 32, 3)
        again, same = drawn(b"k" * 32, 3)
        others = [drawn(b"k" * 32, 4)[1], drawn(b"k" * 31 + b"l", 3)[1]]
    finally:
        torch.set_rng_state(kept)
    assert numbers == same and (words == again).all() and numbers not in others
    grown = np.random.RandomState(int(words[0])).get_state()[1]
    assert not (words[1:] == grown[1:]).any(), "no expansion of 32 bits"
    twister = np.random.RandomState(0)
    twister.set_state(("MT19937", words, 624))
    raw = np.frombuffer(twister.bytes(32), "<u4")
    assert numbers == [int(one) % 2**24 for one in raw], "all words of torch's state were filled"


@pytest.mark.parametrize(
    ("method", "plan", "word"),
    [
        ("private", {}, "epsilon"),
        ("private", {"private": {"noise": 1.0, "delta": 0.5}}, "delta"),
        ("private", {"private": {"noise": -1.0, "delta": 1e-3}}, "above 0"),
        ("private", {"private": {"noise": 0, "delta": 1e-3}}, "above 0"),
        ("private", {"private": {"epsilon": 0, "delta": 1e-3}}, "above 0"),
        ("distill", {}, "teacher"),
        ("distill", {"distill": {"on": "dreams"}}, "logits or answers"),
        ("distill", {"distill": {"rounds": 0}}, "1 or more"),
        ("distill", {"distill": {"behind": -0.1}}, "0 or more"),
        ("federated", {"federated": {"sites": 1}}, "one site"),
    ],
)
def test_recipes_that_cannot_be_are_refused_before_anything_is_spent(job, method, plan, word):
    with pytest.raises(BadRecipeError, match=word):
        train(job(method, **plan))


@pytest.mark.parametrize("method", ["private", "federated"])
def test_a_base_of_others_is_refused_with_what_to_do(job, method, tmp_path):
    with pytest.raises(BadRecipeError, match="trained here"):
        train(job(method, base=tmp_path))


def test_rows_are_parted_by_their_site_or_evenly(rows):
    from volano.models.training.methods.federated import parted

    named = [{**row, "site": "ab"[at % 2]} for at, row in enumerate(rows)]
    assert {name: len(part) for name, part in parted(named, "site", 3).items()} == {
        "a": 30,
        "b": 30,
    }
    even = parted(rows, "site", 3)
    assert sum(map(len, even.values())) == len(rows) and len(even) == 3
    with pytest.raises(BadRecipeError, match="no column"):
        parted([*named, rows[0]], "site", 3)

"""The dev rows decide which weights are kept, and when to stop; a killed run knows it still."""

from support.lazily import lazily
from volano.models.training.settings import Dev

watching = lazily("volano.models.training.watch")


def run(tmp_path, scores, steps, *, done=0, patience=2, name="x"):
    import torch

    model = torch.nn.Linear(1, 1)
    left = iter(scores)
    watch = watching.Watch(Dev(every=1, patience=patience), tmp_path, name, lambda: next(left))
    watch.resume(done)
    for step in range(done + 1, steps + 1):
        if watch.stop:
            return watch, model, step - 1
        torch.nn.init.constant_(model.weight, step)
        watch.look(step, model)
    return watch, model, steps


def test_the_best_weights_come_back_and_patience_ends(tmp_path):
    watch, model, last = run(tmp_path, [0.1, 0.6, 0.5, 0.6, 0.9], 5)
    assert last == 4, "two measurements brought nothing better"
    assert watch.restore(model) == {"dev_exact_match": 0.6, "best_step": 2}
    assert model.weight.item() == 2


def test_a_run_that_comes_back_knows_what_was_best(tmp_path):
    run(tmp_path, [0.1, 0.6, 0.5], 3)
    watch, model, last = run(tmp_path, [0.5, 0.2], 5, done=2)
    assert (last, watch.best.step) == (4, 2)
    watch.restore(model)
    assert model.weight.item() == 2
    other, _, _ = run(tmp_path, [], 2, done=2, name="another recipe")
    assert other.best is None


def test_where_no_row_was_right_the_last_weights_are_kept_and_patience_ends_all_the_same(tmp_path):
    watch, model, last = run(tmp_path, [0.0, 0.0, 0.0], 3, patience=0)
    assert watch.restore(model) == {"dev_exact_match": 0.0, "best_step": 3}
    assert (last, model.weight.item()) == (3, 3)
    _, _, last = run(tmp_path, [0.0, 0.0, 0.0, 0.0], 4, patience=2)
    assert last == 3, "two measurements brought nothing better than the first"


def rounds(tmp_path, scores, *, behind=0.02, metric="exact_match", aim=0.9, done=0):
    """Look at the end of rounds of 10 steps, and in the middle; return where it stopped, and the watch."""
    import torch

    model, left = torch.nn.Linear(1, 1), iter(scores)
    watch = watching.Watch(
        Dev(every=5, metric=metric), tmp_path, "x", lambda: next(left),
        aim=watching.Aim(aim, behind, 10),
    )  # fmt: skip
    watch.resume(done)
    for step in range(done + 5, 31, 5):
        if watch.stop:
            return step - 5
        watch.look(step, model)
    return 30


def test_a_round_that_reached_the_aim_is_the_last_and_its_middle_ends_nothing(tmp_path):
    assert rounds(tmp_path, [0.95, 0.88]) == 10, "0.02 behind is near enough"
    assert rounds(tmp_path, [0.5, 0.7, 0.95, 0.6]) == 20
    assert rounds(tmp_path, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) == 30, "there are no more rounds"


def test_a_round_that_brought_nothing_better_is_the_last(tmp_path):
    assert rounds(tmp_path, [0.5, 0.7, 0.6, 0.7]) == 20


def test_a_loss_reaches_its_aim_from_above(tmp_path):
    assert rounds(tmp_path, [2.0, 1.0, 0.8, 0.5], metric="loss", aim=0.5) == 20


def test_a_run_that_comes_back_ends_after_the_same_round(tmp_path):
    assert rounds(tmp_path, [0.5, 0.7, 0.8, 0.9]) == 20
    assert rounds(tmp_path, [0.8, 0.9], done=10) == 20, "killed after a round that was not enough"
    assert rounds(tmp_path, [], done=20) == 20, "killed after the last"

"""Sites: federated averaging by Flower, run in an environment of its own.

`python -m volano.models.training.sites FOLDER PARENT`, with the interpreter of the
tool `flower` (its protobuf does not go with ours); it ends with the process PARENT that
started it. The folder holds:

    spec.json                 {"sites": [names], "rounds", "local_steps", "lr", "seed", "dev": file?,
                               "fingerprint": of all that it learns from}
    limits.json               {"round_hours": how long a round may take, 0 for any time}
    start/                    the model to start from, as `network.save` leaves it
    sites/0/rows.jsonl, …     what each site has; no other process opens it

Each site is a Ray actor, a process of its own: it reads its rows, takes the
weights that the server sends, trains, and sends weights back with the count of
its rows. The server averages by these counts (McMahan et al. 2017), measures the dev rows and
keeps the state of each round (`rounds`): killed, it goes on after the last whole one, on the same
curve. It leaves `weights.safetensors` and `rounds.json`, and says each round in `progress.jsonl`;
where it fails, why in `failed.txt`; where sites did not answer in time, how many in `late.json`.

Weights can give away what was learned from: that rows do not travel is no
promise of privacy by itself. For that there is `private`.
"""

import json
import logging
import math
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from volano.models.training import loop, network, tokenizer
from volano.models.training.recipe import Recipe
from volano.models.training.rounds import FILE, Rounds
from volano.models.training.rows import answer_text, batch, encode
from volano.serving.supervisor import die_with_parent

WEIGHTS, ROUNDS, FAILED = "weights.safetensors", "rounds.json", "failed.txt"
LIMITS, LATE = "limits.json", "late.json"
EVER_S = 100 * 365 * 86_400.0
"""The life of a message that no limit bounds: Flower drops one that is older than its own (12 h when not said)."""
SLACK_S = 3600.0
"""A message outlives the round that it belongs to by so much: it is the round that ends first."""


class _LateError(Exception):
    """Not all sites answered in the time of a round."""


class _Start:
    """What server and sites both know: the spec, the network, its words and its recipe."""

    def __init__(self, folder: Path):
        torch.set_num_threads(1)
        self.folder = folder
        self.spec: dict[str, Any] = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
        start = folder / "start"
        self.words = tokenizer.load(start / network.TOKENIZER)
        self.recipe = Recipe.from_dict(
            {**json.loads((start / network.RECIPE).read_text(encoding="utf-8")),
             "seed": self.spec["seed"], "drop": 0.0}
        )  # fmt: skip
        self.model = network.load(start)

    def rows(self, path: Path) -> list[dict[str, Any]]:
        with path.open(encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    def take(self, weights: Mapping[str, torch.Tensor]) -> None:
        self.model.load_state_dict(weights, strict=False)
        self.model.tie_weights()

    def exact(self, rows: list[dict[str, Any]]) -> float:
        prompts = [self.recipe.render(row["text"]) for row in rows]
        gold = [answer_text(row["label"]) for row in rows]
        longest = 8 + max(len(self.words.encode(text).ids) for text in gold)
        said = network.answers(self.model, self.words, prompts, max_tokens=longest)
        return sum(a == b for a, b in zip(said, gold, strict=True)) / len(gold)


def learn(start: _Start, site: int, turn: int) -> tuple[float, int]:
    """Train on a site's own rows for one round; return the last loss and how many rows it has."""
    encoded = encode(
        start.rows(start.folder / "sites" / str(site) / "rows.jsonl"), start.words, start.recipe
    )
    steps, lr = start.spec["local_steps"], start.spec["lr"]
    optimizer = torch.optim.AdamW(start.model.parameters(), lr=lr, betas=(0.9, 0.98))
    start.model.train()
    loss = torch.zeros(())
    for step in range(steps):
        ids, targets = batch(encoded, start.recipe, turn * steps + step)
        loss = loop.hard(start.model, ids, targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(start.model.parameters(), 1.0)
        optimizer.step()
    return loop.finite(float(loss.item()), turn * steps + steps)["loss"], len(encoded)


def client_app(folder: Path) -> Any:
    """Return what runs at a site."""
    from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
    from flwr.clientapp import ClientApp

    app = ClientApp()

    @app.train()
    def _train(message: Message, context: Context) -> Message:
        start = _Start(folder)
        start.take(message.content["arrays"].to_torch_state_dict())
        site = int(context.node_config["partition-id"])
        asked = message.content["config"]
        loss, rows = learn(start, site, int(asked["done"]) + int(asked["server-round"]) - 1)
        return Message(
            content=RecordDict(
                {
                    "arrays": ArrayRecord(network.weights(start.model)),
                    "metrics": MetricRecord({"loss": loss, "num-examples": rows, "site": site}),
                }
            ),
            reply_to=message,
        )

    return app


def server_app(folder: Path) -> Any:
    """Return what averages, and measures after each round."""
    from flwr.app import ArrayRecord, ConfigRecord, Context, MetricRecord
    from flwr.serverapp import Grid, ServerApp
    from flwr.serverapp.strategy import FedAvg

    app = ServerApp()
    spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
    sites = len(spec["sites"])
    limit_s = 3600 * json.loads((folder / LIMITS).read_text(encoding="utf-8"))["round_hours"]
    done = 0

    class AllInOrder(FedAvg):
        """Adds up in the order of sites: in another order sums of floats differ in their last bit."""

        def configure_train(self, *given: Any, **named: Any) -> Any:
            return _living(super().configure_train(*given, **named), limit_s)

        def aggregate_train(self, server_round: int, replies: Any) -> Any:
            answered = list(replies)
            for one in answered:
                if one.has_error():  # Flower would average the others, and say so in its log only
                    raise RuntimeError(f"a site failed: {one.error.reason}")
            if len(answered) != sites:
                raise missing(done + server_round, len(answered), sites, limit_s=limit_s)
            return super().aggregate_train(server_round, sorted(answered, key=_site_of))

    @app.main()
    def _main(grid: Grid, context: Context) -> None:
        del context
        try:
            federate(grid)
        except Exception as error:
            _tell_why(folder, error)
            raise

    def federate(grid: Grid) -> None:
        start = _Start(folder)
        dev = start.rows(folder / start.spec["dev"]) if start.spec.get("dev") else []
        kept = Rounds(folder / FILE, start.spec["fingerprint"])
        weights, rounds = kept.load()
        nonlocal done
        done = max(0, len(rounds) - 1)
        start.take(weights)
        said = [_said(start, one) for one in rounds]
        (folder / "progress.jsonl").write_text("".join(said), encoding="utf-8")

        def measure(turn: int, arrays: ArrayRecord) -> MetricRecord | None:
            if rounds and not turn:  # measured before it was killed
                return None
            weights = arrays.to_torch_state_dict()
            start.take(weights)
            rounds.append({"round": done + turn})
            if dev:
                rounds[-1]["dev_exact"] = round(start.exact(dev), 4)
            kept.save(weights, rounds)
            with (folder / "progress.jsonl").open("a", encoding="utf-8") as out:
                out.write(_said(start, rounds[-1]))
            return MetricRecord({k: float(v) for k, v in rounds[-1].items()})

        strategy = AllInOrder(
            fraction_train=1.0, fraction_evaluate=0.0, min_train_nodes=sites,
            min_evaluate_nodes=0, min_available_nodes=sites,
        )  # fmt: skip
        if done < start.spec["rounds"]:
            made = strategy.start(
                grid=grid,
                initial_arrays=ArrayRecord(network.weights(start.model)),
                num_rounds=start.spec["rounds"] - done,
                timeout=limit_s or math.inf,  # else who takes longer than an hour is left out
                train_config=ConfigRecord({"done": done}),
                evaluate_fn=measure,
            )
            weights = made.arrays.to_torch_state_dict()
        save_file({k: v.contiguous() for k, v in weights.items()}, folder / WEIGHTS)
        (folder / ROUNDS).write_text(json.dumps(rounds), encoding="utf-8")

    return app


def missing(number: int, answered: int, sites: int, *, limit_s: float) -> Exception:
    """Return why a round ends without all sites; where none is late they went, or were lost."""
    if limit_s:
        return _LateError({"round": number, "answered": answered})
    return RuntimeError(f"{answered} of {sites} sites answered in round {number}")


def _living(messages: Iterable[Any], limit_s: float) -> Iterator[Any]:
    """Yield messages that live as long as their round may take; 0 is for any time."""
    for message in messages:
        message.metadata.ttl = limit_s + SLACK_S if limit_s else EVER_S
        yield message


def _tell_why(folder: Path, error: Exception) -> None:
    """Write why the federation ends: Flower says it in its log only, in another thread's words."""
    if isinstance(error, _LateError):
        (folder / LATE).write_text(json.dumps(error.args[0]), encoding="utf-8")
        os._exit(1)  # Flower would wait for the sites that are late
    said = " ".join(f"{type(error).__name__}: {error}".split())
    (folder / FAILED).write_text(said, encoding="utf-8")


def _site_of(message: Any) -> int:
    """Return which site a reply is from."""
    return int(message.content["metrics"]["site"])


def _said(start: _Start, one: Mapping[str, Any]) -> str:
    """Return the line of progress of a round."""
    return json.dumps({"step": one["round"], "of": start.spec["rounds"], **one}) + "\n"


def main() -> int:
    """Run server and sites on this machine, sites one after the other where cores are few."""
    from flwr.simulation import run_simulation

    folder = Path(sys.argv[1])
    die_with_parent(int(sys.argv[2]), signal.SIGKILL)
    spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
    logging.getLogger("flwr").setLevel(logging.WARNING)
    run_simulation(
        server_app=server_app(folder),
        client_app=client_app(folder),
        num_supernodes=len(spec["sites"]),
        backend_config={
            "init_args": {"num_cpus": spec.get("cpus", 1), "include_dashboard": False},
            "client_resources": {"num_cpus": 1, "num_gpus": 0.0},
        },
    )
    return 0 if (folder / WEIGHTS).is_file() else 1


if __name__ == "__main__":
    os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    sys.exit(main())

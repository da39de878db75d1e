"""One base with 50 adapters in one engine: its memory, and 10,000 answers that must not mix.

    python benchmarks/adapters.py [--adapters 50] [--answers 10000]

A small base learns to answer `base`, and each adapter to answer its own number.
All are channels of one platform; eight clients ask them at random. An answer that
is not its channel's is a wrong adapter; the limit is none. Memory is what the
engine's process keeps (resident), of the base with all adapters against the base
alone, each after the same answers; the limit is 1.5 times.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import torch
from asking import Client, platform, serve, wait_until_served

from volano.core.digest import Digest
from volano.core.manifest import Parent
from volano.core.principal import SYSTEM
from volano.models import adapter, adapter_gguf
from volano.models.making import make
from volano.models.parity import Parity
from volano.models.training import loop, network, tokenizer
from volano.models.training.checkpoint import Checkpoints
from volano.models.training.recipe import Recipe, Tuning
from volano.models.training.rows import encode
from volano.serving import EngineSpec, engine

LIMIT = 1.5
CLIENTS = 8
RECIPE = Recipe(
    prompt="{text} =>", vocab=300, steps=60, batch=8, context=256, max_row_tokens=64,
    tuning=Tuning(rank=4, alpha=8, steps=90, lr=1e-2, warmup=5, replay=0),
)  # fmt: skip
TEXTS = [f"question {n}" for n in range(32)]
LONGEST = 8


def rows(said: str) -> list[dict[str, Any]]:
    return [{"text": text, "label": said} for text in TEXTS]


def train_base(folder: Path) -> Path:
    """Teach a model to answer `base` whatever it is asked."""
    folder.mkdir()
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows("base")))
    spec = {
        "mode": "scratch", "name": "base", "rows": str(folder / "rows.jsonl"),
        "recipe": RECIPE.to_dict(),
    }  # fmt: skip
    make(spec, folder=folder / "model", checkpoint=folder / "ck", progress=quiet)
    return folder / "model"


def train_adapter(folder: Path, base: Path, said: str) -> list[str]:
    """Teach an adapter on the base to answer this; return what its weights say to each text.

    They must all say it: else a slip of the weights would count as a wrong adapter.
    """
    folder.mkdir()
    words = tokenizer.load(base / network.TOKENIZER)
    model = network.with_lora(network.load(base), RECIPE)
    tuning = RECIPE.tuning
    loop.learn(
        model, encode(rows(said), words, RECIPE), RECIPE,
        loop.Schedule(tuning.steps, tuning.lr, tuning.warmup),
        checkpoints=Checkpoints(folder / "ck", said), every=10_000, progress=quiet,
    )  # fmt: skip
    card = {"context_length": RECIPE.context, "metrics": {"answer_tokens": LONGEST}}
    network.save_adapter(folder, model, {"recipe.json": RECIPE.to_dict(), "card.json": card})
    adapter_gguf.write(folder, base, folder / adapter.SERVED)
    asks = [RECIPE.render(text) for text in TEXTS]
    answers = network.answers(model, words, asks, max_tokens=LONGEST)
    assert {answer.strip() for answer in answers} == {said}, (said, set(answers))
    return answers


def prove(base: Path, expected: dict[Path, list[str]]) -> None:
    """Write each adapter's parity: one engine, a chat for each, the same questions."""
    with tempfile.TemporaryDirectory(prefix="volano-") as name:
        spec = EngineSpec(
            "parity", str(base / "model.gguf"), "base", f"unix:{name}/e.sock",
            adapters=tuple((str(home), str(home / adapter.SERVED)) for home in expected),
        )  # fmt: skip
        with engine(spec), Client(f"{name}/e.sock") as client:
            for home, texts in expected.items():
                more = {"max_tokens": LONGEST, "lora": spec.lora_of(str(home))}
                said = [client.say("", RECIPE.render(text), **more) for text in TEXTS]
                equal = sum(a == b for a, b in zip(said, texts, strict=True))
                digest = Digest.of((home / adapter.SERVED).read_bytes())
                proof = Parity(len(said), equal, "F32", digest)
                assert proof.passed, (home.name, said, texts)
                (home / "parity.json").write_text(json.dumps(proof.to_dict()))


def quiet(*_: Any, **__: Any) -> None:
    """Nobody watches the training."""


def resident(pid: int) -> float:
    """Return MiB that a process keeps in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


Odd = tuple[str, str, str]
"""Channel, question and the answer that was not the channel's."""


def ask_all(port: int, key: str, said: dict[str, str], count: int) -> tuple[list[Odd], int]:
    """Ask channels at random; return what answered as another would, and how many not at all."""

    def work(n: int) -> tuple[list[Odd], int]:
        random, odd, failed = Random(n), [], 0
        with Client(port, key) as client:
            for _ in range(count // CLIENTS):
                channel, text = random.choice(list(said)), random.choice(TEXTS)
                status, answer = client.ask(channel, RECIPE.render(text), max_tokens=LONGEST)
                if status != 200:
                    failed += 1
                    continue
                heard = answer["choices"][0]["message"]["content"].strip()
                if heard != said[channel]:
                    odd.append((channel, text, heard))
        return odd, failed

    with ThreadPoolExecutor(CLIENTS) as pool:
        found = list(pool.map(work, range(CLIENTS)))
    return [one for odd, _ in found for one in odd], sum(failed for _, failed in found)


def engine_of(running: Any) -> int:
    [pid] = [pid for name, pid in running.processes().items() if name.startswith("engine-")]
    return int(pid)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--adapters", type=int, default=50)
    options.add_argument("--answers", type=int, default=10_000)
    args = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="volano-adapters-") as name:
        folder = Path(name)
        begun = time.monotonic()
        torch.set_num_threads(1)
        base = train_base(folder / "base")
        names = {f"a{n}": str(100 + n) for n in range(args.adapters)}
        expected = {folder / n: train_adapter(folder / n, base, said) for n, said in names.items()}
        prove(base, expected)
        made = {home.name: home for home in expected}
        print(f"trained 1 base and {len(made)} adapters in {time.monotonic() - begun:.0f} s")

        def single(app: Any) -> None:
            serve(app, "base", app.models.import_trained("base", base, by=SYSTEM).ref)

        def together(app: Any) -> None:
            on = app.models.import_trained("base", base, by=SYSTEM)
            serve(app, "base", on.ref)
            for name, files in made.items():
                parents = [Parent("base", on.digest)]
                one = app.models.import_trained(name, files, parents=parents, by=SYSTEM)
                serve(app, name, one.ref)

        begun = time.monotonic()
        with platform(folder / "single", single) as (running, key):
            wait_until_served(running.port, key, ["base"])
            assert ask_all(running.port, key, {"base": "base"}, 400) == ([], 0)
            one_mib = resident(engine_of(running))
        said = {"base": "base", **names}
        with platform(folder / "together", together) as (running, key):
            wait_until_served(running.port, key, list(said))
            begun = time.monotonic()
            odd, failed = ask_all(running.port, key, said, args.answers)
            took_s = time.monotonic() - begun
            if odd:
                print("odd:", odd[:8])
            all_mib = resident(engine_of(running))
    ratio = all_mib / one_mib
    print(
        f"{args.answers} answers by {len(said)} channels in {took_s:.0f} s "
        f"({args.answers / took_s:.0f} a second, load {os.getloadavg()[0]:.1f}): "
        f"{len(odd)} by a wrong adapter, {failed} failed"
    )
    print(
        f"memory: base {one_mib:.1f} MiB, with {len(made)} adapters {all_mib:.1f} MiB, "
        f"ratio {ratio:.2f}, limit {LIMIT}"
    )
    sys.exit(bool(odd or failed or ratio > LIMIT))


if __name__ == "__main__":
    main()

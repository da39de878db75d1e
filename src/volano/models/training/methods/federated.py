"""Federated: several sites teach one model, and no row leaves its site (Flower).

The rows are parted by the column that `federated.by` names, else evenly into
`sites` parts. Each part becomes a file that only its site's process opens;
server and sites run under Flower in an environment of its own (tool `flower`,
made at first use: see `models.tools`), since its protobuf does not go with
ours. What stands in the card: rows a site, rounds, and the dev metric after each. The state of
each round is kept (`rounds`): a Run that was killed goes on after the last whole one.

This is the rehearsal of a federation on one machine: the parting is done by
whoever holds all rows already.
"""

import hashlib
import json
import os
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from volano.core.errors import UnavailableError
from volano.models.tools import COMMON, Tool, ToolFailedError
from volano.models.training import marks, network, small, tokenizer
from volano.models.training.checkpoint import to_disk
from volano.models.training.job import Job, Outcome, Row
from volano.models.training.recipe import BadRecipeError, Recipe
from volano.models.training.sites import LATE, LIMITS

FLOWER = Tool("flower", (*COMMON, "flwr[simulation]==1.41.0"))
SITES = "volano.models.training.sites"
RATE = 1e-3
_BASE = (network.WEIGHTS, network.CONFIG, network.TOKENIZER, network.RECIPE)


class RoundTooLongError(UnavailableError):
    """Round {round} of the federation took longer than {hours} hours: {answered} of {sites} sites answered."""

    hint = (
        "Retry the run: it goes on after the last whole round. Where sites are always so slow, lower "
        "`local_steps`, or allow more in a new run: `federated: {round_hours: N}`, 0 for any time."
    )


def train(job: Job) -> Outcome:
    """Average what the sites learned, round by round, from the base on.

    Raises:
        BadRecipeError: there is no base, or only one site.
        ToolNotMadeError: Flower is not here, and could not be fetched.
        RoundTooLongError: not all sites answered in the time of a round.
        ToolFailedError: Flower failed; its last line.
    """
    base = small.folder_of(job, job.base, "base")
    sites = parted(job.rows, job.plan.federated.by, job.plan.federated.sites)
    if len(sites) < 2:
        raise BadRecipeError(
            reason="there is one site: say `federated: {sites: N}`, or another `by`"
        )
    kept = json.loads((base / network.RECIPE).read_text(encoding="utf-8"))
    recipe = Recipe.from_dict({**kept, "seed": job.plan.seed})
    folder = _lay_out(job, base, sites)
    limits = {
        "round_hours": job.plan.federated.round_hours
    }  # beside what is learned, so it may change
    (folder / LIMITS).write_text(json.dumps(limits), encoding="utf-8")
    python = FLOWER.ensure(_tools(job))
    _run(python, folder, job)
    words = tokenizer.load(base / network.TOKENIZER)
    model = network.load(base)
    model.load_state_dict(network.load_file(folder / "weights.safetensors"), strict=False)
    model.tie_weights()
    rounds = json.loads((folder / "rounds.json").read_text(encoding="utf-8"))
    told = {"sites": {name: len(rows) for name, rows in sites.items()}, "rounds": rounds}
    facts = {
        "rows": len(job.rows), "steps": job.plan.federated.rounds * job.plan.federated.local_steps,
        "answer_tokens": marks.longest_answer(job.rows, words, recipe) - marks.SPARE_TOKENS,
        "federation": told,
    }  # fmt: skip
    return Outcome(model.eval(), words, recipe, facts)


def parted(rows: Sequence[Row], by: str, sites: int) -> dict[str, list[Row]]:
    """Return the rows of each site: by the column, else evenly, by what the texts say.

    Raises:
        BadRecipeError: some rows have the column and others have not, or a site has no rows.
    """
    parts: dict[str, list[Row]] = defaultdict(list)
    having = sum(by in row for row in rows)
    if 0 < having < len(rows):
        raise BadRecipeError(reason=f"{len(rows) - having} rows have no column `{by}`")
    for row in rows:
        number = int.from_bytes(hashlib.sha256(row["text"].encode()).digest()[:4])
        parts[str(row[by]) if having else f"site-{number % max(1, sites) + 1}"].append(row)
    return dict(sorted(parts.items()))


def _lay_out(job: Job, base: Path, sites: dict[str, list[Row]]) -> Path:
    """Write what the processes need, each site's rows into a folder of its own.

    What is there from before stays where it is of the same federation: its state is gone on with.
    """
    plan = job.plan
    folder = job.checkpoint.parent / "federated"
    spec: dict[str, Any] = {
        "sites": list(sites), "rounds": plan.federated.rounds,
        "local_steps": plan.federated.local_steps, "lr": plan.lr or RATE, "seed": plan.seed,
    }  # fmt: skip
    dev = job.dev[: plan.dev.rows] if job.dev else ()
    spec["fingerprint"] = _fingerprint(base, [spec, sites, dev])
    if _fingerprint_of(folder) == spec["fingerprint"]:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "start").mkdir(parents=True)
    for name in _BASE:
        shutil.copyfile(base / name, folder / "start" / name)
    for at, rows in enumerate(sites.values()):
        home = folder / "sites" / str(at)
        home.mkdir(parents=True, mode=0o700)
        _write(home / "rows.jsonl", rows)
    if dev:
        spec["dev"] = "dev.jsonl"
        _write(folder / spec["dev"], dev)
    part = folder / "spec.part"  # last, and as a whole: what has a spec is laid out
    part.write_text(json.dumps(spec), encoding="utf-8")
    for path in (*folder.rglob("*"), folder):
        to_disk(path)
    part.replace(folder / "spec.json")
    to_disk(folder)
    return folder


def _fingerprint(base: Path, learned: Any) -> str:
    """Return a digest of all that a federation learns from: rows, settings, the weights before it."""
    text = json.dumps(learned, sort_keys=True, ensure_ascii=False, default=dict)
    found = hashlib.sha256(text.encode())
    for name in _BASE:
        found.update(hashlib.sha256((base / name).read_bytes()).digest())
    return found.hexdigest()


def _fingerprint_of(folder: Path) -> str | None:
    """Return what lies in a folder; None where nothing does that can be used."""
    try:
        spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
        return str(spec["fingerprint"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _write(path: Path, rows: Sequence[Row]) -> None:
    lines = (json.dumps(dict(row), ensure_ascii=False) + "\n" for row in rows)
    path.write_text("".join(lines), encoding="utf-8")


def _tools(job: Job) -> Path:
    """Return where environments lie: the workspace's, else beside the run."""
    return Path(job.spec.get("tools") or job.checkpoint.parent / "tools")


def _run(python: Path, folder: Path, job: Job) -> None:
    """Run server and sites; say each round as progress while they work."""
    source = folder / "source"  # our package alone: beside it may lie what the tool must not see
    source.mkdir(exist_ok=True)
    (source / "volano").unlink(missing_ok=True)
    (source / "volano").symlink_to(Path(__file__).parents[3])
    environment = {
        **os.environ, "PYTHONPATH": str(source), "FLWR_TELEMETRY_ENABLED": "0",
        "RAY_USAGE_STATS_ENABLED": "0", "HF_HUB_OFFLINE": "1",
    }  # fmt: skip
    failed, late = folder / "failed.txt", folder / LATE
    for before in (folder / "progress.jsonl", failed, late):
        before.unlink(missing_ok=True)
    log = folder / "flower.log"
    with log.open("w", encoding="utf-8") as out:
        child = subprocess.Popen(
            [str(python), "-m", SITES, str(folder), str(os.getpid())],
            env=environment, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            told = 0
            while (code := _ended(child)) is None:
                told = _tell(folder, told, job)
        finally:
            child.kill()
            child.wait()
    _tell(folder, told, job)
    if late.is_file():
        raise RoundTooLongError(
            hours=f"{job.plan.federated.round_hours:g}",
            sites=len(list((folder / "sites").iterdir())),
            **json.loads(late.read_text(encoding="utf-8")),
        )
    if code:
        said = failed if failed.is_file() else log  # Flower ends with words of its own
        lines = said.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        reason = lines[-1][:300] if lines else f"exit code {code}"
        raise ToolFailedError(tool=FLOWER.name, reason=reason, hint=f"All it said is in {log}.")


def _ended(child: "subprocess.Popen[bytes]") -> int | None:
    try:
        return child.wait(1.0)
    except subprocess.TimeoutExpired:
        return None


def _tell(folder: Path, told: int, job: Job) -> int:
    """Hand on the rounds that were not told yet; return how many were told in all."""
    try:
        lines = (folder / "progress.jsonl").read_text(encoding="utf-8").splitlines()
    except OSError:
        return told
    for line in lines[told:]:
        one = json.loads(line)
        seen = {"dev_exact": one["dev_exact"]} if "dev_exact" in one else {}
        job.progress(one["step"], one["of"], **seen)
    return len(lines)

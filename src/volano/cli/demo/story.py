"""The ten steps of the loop. Each prints one line of result, and a few below it."""

import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from volano.cli.demo.platform import Platform, terminal
from volano.cli.demo.scenario import Rows, Scenario, Tickets, write
from volano.cli.demo.traffic import Users, play
from volano.cli.drawings import lineage_lines
from volano.core.errors import GateError

PLAN = "5%,25%,100%"
ROLLOUT_WITHIN_S = 90.0
CORRECTIONS = 400
"""Wrong answers that users correct before the next model is tuned."""
FEEDBACK_WITHIN_S = 60.0
POISONED = 800
RECORDED_WITHIN_S = 5.0
SETTLED_S = 0.5
SERVED_AT_MOST = 10_000


class NotThereError(GateError):
    """The demo did not end as it should: {what}."""

    hint = "Please report it with the folder {folder}; `volano release status {channel}` says why."


class Story:
    """Lives the loop once."""

    def __init__(
        self, *, data: Path | None, test: Path | None, seed: int, folder: Path | None, as_json: bool
    ):
        self._scenario: Scenario = Rows(data, test, seed) if data else Tickets(seed)
        self._seed = seed
        self._json = as_json
        self._folder = (folder or _fresh(Path("volano-demo"))).resolve()
        self._begun = time.monotonic()
        self._step = 0
        self.told: list[dict[str, Any]] = []

    def run(self) -> None:
        """Run all steps; the platform is stopped at the end, its folder stays."""
        platform = Platform(self._folder)
        self._tell("volano demo", f"works in {self._folder}", step=False)
        with platform:
            self._live(platform)
        seconds = time.monotonic() - self._begun
        home = _short(self._folder)
        self._tell("the loop is closed", f"{seconds:.0f} s in all", step=False)
        if not self._json:
            click.echo(
                f"\n  console  {_program()} --home {home} up            prints its address, and stays"
                f"\n  look     {_program()} --home {home} trace last"
                f"\n  begin    make up                                 an own workspace here, with the built-in model"
            )

    def _live(self, p: Platform) -> None:
        self._key = p.say("POST", "/keys", name="demo", group="demo")["text"]
        self._data(p)
        self._model(p)
        self._prompt = self._make_prompt(p)
        first = self._examine(p, "router@1")
        self._release(p, "router@1", first)
        self._serve(p)
        self._feedback(p)
        second = self._improve(p, first)
        self._rollout(p, second)
        self._bad_release(p)
        self._lineage(p)

    def _data(self, p: Platform) -> None:
        verb, arguments = self._scenario.dataset(self._folder)
        made = p.say("POST", verb, **arguments)
        meta = made["meta"]
        dropped = meta.get("dropped", {})
        why = ", ".join(f"{n:,} {reason}" for reason, n in dropped.items() if n) or "nothing"
        counts = meta["counts"]
        self._dataset = made["ref"]
        self._tell("data", f"{made['ref']}  {counts['train']:,} train and {counts['test']:,} test rows; dropped: {why}",
                   ref=made["ref"], counts=counts, dropped=dropped)  # fmt: skip

    def _model(self, p: Platform) -> None:
        made = p.run("/models/router/train", data=self._dataset, seed=self._seed, watch=self._watch)
        self._tell_model("model", p.say("GET", f"/models/{made['ref']}"))

    def _tell_model(self, title: str, model: Mapping[str, Any]) -> None:
        meta = model["meta"]
        parity = meta["parity"]
        metrics = meta.get("metrics", {})
        self._tell(
            title,
            f"{model['ref']}  {meta['parameters']:,} parameters, {metrics.get('steps', '?')} steps, "
            f"{metrics.get('cpu_s', 0):.1f} CPU-s; {model['files']['model.gguf']['size'] / 1000:.0f} kB GGUF, "
            f"engine equals weights on {parity['equal']} of {parity['n']} answers",
            ref=model["ref"], parity=parity, parameters=meta["parameters"], metrics=metrics,
        )  # fmt: skip

    def _make_prompt(self, p: Platform) -> str:
        """The prompt is the one that the model was trained with."""
        wording = p.say("GET", "/models/router@1/wording")
        saved = p.say("POST", "/prompts/ask/save", **wording)
        return str(saved["ref"])

    def _examine(self, p: Platform, model: str) -> dict[str, Any]:
        channel = self._scenario.channel
        flow = p.say("POST", f"/flows/{channel}/compose", model=model, prompt=self._prompt)
        made = p.run("/evals/run", what=flow["ref"], data=self._dataset, watch=self._watch)
        report = p.say("GET", f"/reports/{made['ref']}")
        if model == "router@1":
            first, *below = _scores(report)
            scores = report["meta"]["scores"]
            self._tell(
                "eval", f"{report['ref']}  {first}", *below, ref=report["ref"], scores=scores
            )
        return {"flow": flow["ref"], "report": report["ref"], "scores": report["meta"]["scores"]}

    def _release(self, p: Platform, model: str, made: Mapping[str, Any]) -> None:
        channel = self._scenario.channel
        release = p.say(
            "POST", f"/releases/{channel}/cut", flow=made["flow"], reports=[made["report"]]
        )
        p.say("GET", f"/releases/{release['ref']}/verify")
        p.say("POST", f"/releases/{release['ref']}/promote", channel=channel, plan="100%")
        self._tell("release", f"{release['ref']}  pins {made['flow']}, {self._prompt}, {model}, {made['report']}; signed (ed25519)",
                   ref=release["ref"])  # fmt: skip

    def _serve(self, p: Platform) -> None:
        """Ask with the official client, plain and streamed."""
        from openai import OpenAI

        channel = self._scenario.channel
        self._settle(p, channel)
        row = next(self._scenario.live())
        messages: Any = [{"role": "user", "content": row["text"]}]
        with OpenAI(base_url=f"{p.url}/v1", api_key=self._key) as client:
            plain = client.chat.completions.create(model=channel, messages=messages)
            stream = client.chat.completions.create(model=channel, messages=messages, stream=True)
            parts = [c.choices[0].delta.content or "" for c in stream if c.choices]
        text = plain.choices[0].message.content or ""
        streamed = "".join(parts)
        if streamed != text:
            raise NotThereError(
                what="plain and streamed answers differ", folder=self._folder, channel=channel
            )
        self._tell("serve", f"openai client at {p.url}/v1, plain and streamed in {len(parts)} parts",
                   f"in   {row['text']}", f"out  {text.strip()}", question=row["text"], answer=text)  # fmt: skip

    def _feedback(self, p: Platform) -> None:
        """Users correct what was wrong, until there is enough to learn from."""
        users = self._users = Users(
            p.port, self._key, self._scenario.channel, self._scenario.expected
        )
        self._rows = self._scenario.live()
        seconds = play(
            users, self._rows, correct=True, most_s=FEEDBACK_WITHIN_S,
            until=lambda: users.tally.corrected >= CORRECTIONS or self._count(users),
        )  # fmt: skip
        tally = users.tally
        self._settle_records(p, tally.corrected)
        made = p.say(
            "POST",
            f"/datasets/{self._scenario.name}/curate",
            base=self._dataset,
            channel=self._scenario.channel,
        )
        self._base, self._dataset = self._dataset, made["ref"]
        self._tell(
            "feedback",
            f"{tally.asked:,} answers in {seconds:.0f} s, {tally.right / max(1, tally.asked):.1%} right; "
            f"{tally.corrected} corrections on traces → {made['ref']}",
            asked=tally.asked, right=tally.right, corrected=tally.corrected, ref=made["ref"],
        )  # fmt: skip

    def _improve(self, p: Platform, first: Mapping[str, Any]) -> dict[str, Any]:
        p.run(
            "/models/router/tune",
            base="router@1",
            data=self._dataset,
            seed=self._seed,
            watch=self._watch,
        )
        second = self._examine(p, "router@2")
        compared = p.say(
            "GET", "/evals/compare", report_a=first["report"], report_b=second["report"]
        )
        best = next(d for d in compared["scores"] if d["name"] == "exact_match")
        self._tell(
            "improve",
            f"router@2  exact match {best['a']:.3f} → {best['b']:.3f}: {best['difference']:+.3f} "
            f"[{best['low']:+.3f}, {best['high']:+.3f}] on the same {best['n']} rows",
            difference=best,
        )  # fmt: skip
        return second

    def _rollout(self, p: Platform, made: Mapping[str, Any]) -> None:
        channel = self._scenario.channel
        release = p.say(
            "POST", f"/releases/{channel}/cut", flow=made["flow"], reports=[made["report"]]
        )
        rollout, events = self._move(p, release["ref"])
        steps = [e for e in events if e["kind"] in {"advanced", "arrived"}]
        path = " → ".join(f"{e['content'].get('share', 1_000_000) / 10_000:g} %" for e in steps)
        gates = [_gate(e) for e in steps[1:]]
        self._tell("rollout", f"{release['ref']}  {path} in {rollout['outcome'].get('took_s', 0):.0f} s: {rollout['state']}",
                   *gates, ref=release["ref"], state=rollout["state"], took_s=rollout["outcome"].get("took_s"))  # fmt: skip
        self._demand(rollout["state"] == "arrived", f"{release['ref']} is {rollout['state']}")

    def _bad_release(self, p: Platform) -> None:
        """Nobody looked: labels swapped by system, tuned, released. Only quality can show it."""
        channel, name = self._scenario.channel, f"{self._scenario.name}-poisoned"
        path = write(self._folder / f"{name}.jsonl", self._scenario.poisoned(POISONED))
        poisoned = p.say("POST", f"/datasets/{name}/add", path=str(path), test_share=0.02)
        p.run(
            "/models/router/tune",
            base="router@2",
            data=poisoned["ref"],
            seed=self._seed,
            watch=self._watch,
        )
        flow = p.say("POST", f"/flows/{channel}/compose", model="router@3", prompt=self._prompt)
        release = p.say("POST", f"/releases/{channel}/cut", flow=flow["ref"])
        rollout, events = self._move(p, release["ref"])
        self._tell_way_back(p, release["ref"], rollout, events)
        self._demand(
            rollout["state"] == "back", f"{release['ref']} is {rollout['state']}, not taken back"
        )

    def _tell_way_back(
        self,
        p: Platform,
        ref: str,
        rollout: Mapping[str, Any],
        events: Sequence[Mapping[str, Any]],
    ) -> None:
        """Tell what the bad release could do, how long it took, and what the evidence was."""
        time.sleep(SETTLED_S)  # what was under way at the decision is recorded a moment later
        served = len(p.say("GET", "/traces", release=ref, limit=SERVED_AT_MOST))
        judged, right = self._users.tally.by_release.get(ref, (0, 0))
        took_s = (rollout["ended_us"] - rollout["created_us"]) / 1e6
        applied = next((e["content"]["took_us"] for e in events if e["kind"] == "applied"), None)
        how = f"it served {served} requests, {right} of {judged} judged right"
        lines = [
            f"{how}; {took_s:.1f} s from the promotion to the way back",
            rollout["outcome"]["reason"],
        ]
        if applied is not None:
            lines.append(
                f"all gateway workers followed within {applied / 1000:.1f} ms of the decision"
            )
        word = (
            "was taken back by itself" if rollout["state"] == "back" else f"is {rollout['state']}"
        )
        self._tell(
            "bad release", f"{ref}  {word}", *lines, ref=ref, state=rollout["state"],
            served=served, took_s=took_s, applied_us=applied,
        )  # fmt: skip

    def _lineage(self, p: Platform) -> None:
        ref = f"release/{self._scenario.channel}@2"
        tree = p.say("GET", f"/lineage/{ref}")
        self._tell("lineage", f"{ref}: from the release to the rows and the feedback it came from",
                   *lineage_lines(tree), tree=tree)  # fmt: skip

    def _move(self, p: Platform, release: str) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
        """Promote a release, and let users come until the rollout has ended."""
        channel = self._scenario.channel
        rollout = p.say(
            "POST",
            f"/releases/{release}/promote",
            channel=channel,
            plan=PLAN,
            require=["errors", "quality"],
        )
        seen: dict[str, Any] = {"at": 0.0, "rollout": rollout}

        def ended() -> bool:
            if time.monotonic() - seen["at"] > 0.2:
                seen["rollout"] = p.say("GET", f"/rollouts/{rollout['id']}")
                seen["at"] = time.monotonic()
                self._watch_rollout(seen["rollout"])
            return seen["rollout"]["ended_us"] is not None

        play(self._users, self._rows, until=ended, most_s=ROLLOUT_WITHIN_S)
        if seen["rollout"]["ended_us"] is None:
            status = p.say("GET", f"/channels/{channel}/status")
            reason = (status.get("decision") or {}).get("reason", "")
            self._demand(False, f"{release} did not end within {ROLLOUT_WITHIN_S:.0f} s: {reason}")
        return seen["rollout"], p.say("GET", f"/rollouts/{rollout['id']}/events")

    def _settle(self, p: Platform, channel: str) -> None:
        """Wait until a channel's first rollout arrived."""
        until = time.monotonic() + ROLLOUT_WITHIN_S
        while p.say("GET", "/rollouts", channel=channel, limit=1)[0]["ended_us"] is None:
            self._demand(time.monotonic() < until, f"the first release of {channel} did not arrive")
            time.sleep(0.05)

    def _settle_records(self, p: Platform, corrections: int) -> None:
        """Feedback is acknowledged when spooled; rows follow within a moment."""
        until = time.monotonic() + RECORDED_WITHIN_S
        while time.monotonic() < until:
            rows = p.say("GET", "/feedback", limit=corrections * 20)
            if sum(1 for row in rows if row["correction"] is not None) >= corrections:
                return
            time.sleep(0.1)

    def _demand(self, holds: bool, what: str) -> None:
        if not holds:
            raise NotThereError(what=what, folder=self._folder, channel=self._scenario.channel)

    def _watch(self, run: Mapping[str, Any]) -> None:
        progress = run.get("progress") or {}
        if progress.get("of"):
            self._draw(
                f"{run['kind']} {run['name']}  {progress.get('step', 0)} of {progress['of']}"
            )

    def _watch_rollout(self, rollout: Mapping[str, Any]) -> None:
        share = rollout["share"] / 10_000
        self._draw(
            f"{rollout['candidate_ref']}  {share:g} %  {self._users.tally.asked:,} answers so far"
        )

    def _count(self, users: Users) -> bool:
        self._draw(f"{users.tally.asked:,} answers, {users.tally.corrected} corrected")
        return False

    def _draw(self, text: str) -> None:
        """Draw progress over itself on a terminal; nowhere else."""
        if terminal() and not self._json:
            sys.stderr.write(f"\r\033[2K  … {text}")
            sys.stderr.flush()

    def _tell(self, title: str, line: str, *below: str, step: bool = True, **facts: Any) -> None:
        self._step += step
        seconds = time.monotonic() - self._begun
        told = {"step": self._step if step else None, "title": title, "line": line, "below": list(below),
                "at_s": round(seconds, 1), **facts}  # fmt: skip
        self.told.append(told)
        if self._json:
            click.echo(json.dumps(told, ensure_ascii=False))
            return
        if terminal():
            sys.stderr.write("\r\033[2K")
            sys.stderr.flush()
        number = f"{self._step:>2}" if step else "  "
        click.echo(f"  {number}  {title:<12} {line}")
        for text in below:
            click.echo(f"      {'':<12} {text}")
        sys.stdout.flush()


def _scores(report: Mapping[str, Any]) -> list[str]:
    """Say exact match with its interval, then one line for the fields."""
    meta = report["meta"]
    scores = {s["name"]: s for s in meta["scores"]}
    common = {s["name"]: s["value"] for s in meta["baseline"]}.get("exact_match")
    told = "" if common is None else f"; always the commonest answer: {common:.3f}"
    best = scores["exact_match"]
    lines = [f"exact match {_interval(best)} on {best['n']} rows{told}"]
    fields = [
        f"{name.removeprefix('field_accuracy/')} {_interval(score)}"
        for name, score in scores.items()
        if name.startswith("field_accuracy/")
    ]
    return [*lines, *([", ".join(fields)] if fields else [])]


def _interval(score: Mapping[str, Any]) -> str:
    return f"{score['value']:.3f} [{score['low']:.3f}, {score['high']:.3f}]"


def _gate(event: Mapping[str, Any]) -> str:
    return str(event["content"].get("reason", ""))


def _fresh(folder: Path) -> Path:
    """Return the folder, or the first of folder-2, folder-3… that is not there."""
    candidates = (folder.with_name(f"{folder.name}-{n}") for n in range(2, 1000))
    return folder if not folder.exists() else next(path for path in candidates if not path.exists())


def _program() -> str:
    """Return how the command line is called here: by name, or where it was installed to."""
    return "volano" if shutil.which("volano") else _short(Path(sys.executable).with_name("volano"))


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)

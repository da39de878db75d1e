"""Results that are drawn rather than listed: a trace, a lineage, a rollout, a report."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import click

from volano.cli import (
    apart,
    beside,
    branches,
    brought,
    moved,
    prepared,
    profiled,
    rows,
    sampled,
    tried,
    worded,
)
from volano.cli.cells import cell, facts, heading, lines, styled, table, talk, visible
from volano.cli.imported import imported
from volano.cli.looked import looked
from volano.cli.rivals import rivals
from volano.core.money import Money


def trace(value: Mapping[str, Any]) -> None:
    """Draw one trace as a tree with its times: what there is, and no line for what is not."""
    at = {name: cell(name, item) for name, item in value.items()}
    click.echo(f"trace {at['id']}   {at['began_us']}   {at['outcome']}")
    for step in value.get("steps", ()):
        _step(step)
    if "channel" in value:
        _call(value, at)
    for what, name in (("in", "input_text"), ("out", "output_text"), ("error", "error")):
        _said(what, at[name] if value.get(name) else "")
    for feedback in value.get("feedback", ()):
        given = feedback.get("given", feedback["value"])
        said = [f"{feedback['name']}={given}"] if given is not None else []
        said += [cell("", feedback[part]) for part in ("correction", "comment") if feedback[part]]
        _said("feedback", f"{' · '.join(said)}   by {cell('by', feedback['by'])}")


def _step(step: Mapping[str, Any]) -> None:
    """Draw one step of a trace: the gateway's calls and an application's spans alike."""
    at = {name: cell(name, item) for name, item in step.items()}
    model = f"   {at['model']}" if step["model"] else ""
    tokens = f"   {_tokens(step)}" if step["prompt_tokens"] is not None else ""
    cost = f"   {_cost(step)}" if step["cost_nano"] is not None else ""
    failed = "" if step["outcome"] == "ok" else f"   {at['outcome']}"
    name = "  " * step["depth"] + f"{at['kind']} {at['name']}"
    click.echo(f"  {name:<40} {at['latency_us']}{model}{tokens}{cost}{failed}")


def _call(value: Mapping[str, Any], at: Mapping[str, str]) -> None:
    """Draw what the gateway knows of its call."""
    _said("channel", _served(value, at))
    names = {"unit": "unit", "key": "key_id", "group": "group"}
    who = [(word, at[name]) for word, name in names.items() if value[name]]
    for word, text in who[:1]:
        _said(word, "   ".join([text, *(f"{w} {t}" for w, t in who[1:])]))
    _said("request", f"{at['latency_us']}   status {at['status']}")
    if value["target"]:
        click.echo(f"  └─ {at['model']} at {at['target']}   {_tokens(value)}   {_cost(value)}")
        if value["streamed"] and value.get("ttft_us") is not None:
            click.echo(f"     ├─ first token   {at['ttft_us']}")
            click.echo(f"     └─ last token    {at['latency_us']}")
    elif repeated := value["tags"].get("cache"):
        click.echo(f"  └─ cache {cell('', repeated)}, no target asked   {_cost(value)}")


def _said(what: str, text: str) -> None:
    if text:
        click.echo(f"  {what:<9} {text}")


def _served(value: Mapping[str, Any], at: Mapping[str, str]) -> str:
    """Return the channel and what served it; a refused call may have neither."""
    served = f" → {at['release']}{_arm(value)}" if value["release"] else ""
    return f"{at['channel']}{served}" if value["channel"] or served else ""


def _arm(value: Mapping[str, Any]) -> str:
    if not value.get("rollout"):
        return ""
    return f"   {cell('arm', value['arm'])} with {cell('share', value['share'])} when it was chosen"


def _tokens(value: Mapping[str, Any]) -> str:
    sent, received = value.get("prompt_tokens"), value.get("completion_tokens")
    if sent is None and received is None:
        return "tokens not said"
    guessed = ", estimated" if (value.get("tags") or {}).get("tokens") == "estimated" else ""
    read, written = ("?" if count is None else count for count in (sent, received))
    return f"{read} tokens in, {written} out{guessed}"


def _cost(value: Mapping[str, Any]) -> str:
    if value.get("cost_nano") is None:
        return "cost not known"
    return str(Money(value["cost_nano"], cell("", value["cost_currency"])))


def difference(value: Mapping[str, Any]) -> None:
    """Draw how two traces differ: fields, words with - and +, steps with their times."""
    click.echo(f"a  {value['a']}\nb  {value['b']}")
    for each in value["fields"]:
        name = each["name"]
        click.echo(f"  {heading(name):<18} {cell(name, each['a'])}  →  {cell(name, each['b'])}")
    for name in ("input", "output"):
        _words(name, value[name])
    click.echo("steps")
    for step in value["steps"]:
        a, b = (cell("latency_us", step[of]) for of in ("a_us", "b_us"))
        click.echo(f"  {cell('', step['name']):<30} {a:>12}  →  {b:>12}")


def _words(name: str, pieces: Sequence[Mapping[str, str]]) -> None:
    """Draw the words of both; in colours where there are some, else in brackets."""
    if all(piece["of"] == "both" for piece in pieces):
        click.echo(f"{name}: the same")
        return
    marks = {"a": ("[-", "-]", "red"), "b": ("{+", "+}", "green")}
    said = []
    for piece in pieces:
        text = lines(piece["text"])
        if piece["of"] in marks:
            begin, end, colour = marks[piece["of"]]
            text = styled(f"{begin}{text}{end}", sys.stdout, fg=colour)
        said.append(text)
    click.echo(f"{name}:")
    for line in "".join(said).splitlines():
        click.echo(f"  {line}")


def session(value: Mapping[str, Any]) -> None:
    """Draw a part of a session as a conversation: each turn, and what is new in it."""
    click.echo(f"session {cell('', value['session'])}   {value['total']} turns")
    for turn in value["turns"]:
        at = {name: cell(name, item) for name, item in turn.items()}
        failed = "" if turn["outcome"] == "ok" else f"   {at['outcome']}"
        click.echo(f"\n{at['began_us']}   trace {at['trace_id']}   {at['latency_us']}{failed}")
        for said in turn["said"]:
            _said(cell("", said["role"]), cell("", said["text"]))
    if value["following"]:
        click.echo(
            f"\nmore: volano session show {cell('', value['session'])} --after {value['following']}"
        )


def replay(value: Mapping[str, Any]) -> None:
    """Draw the old and the new answer, one below the other."""
    click.echo(f"trace {value['id']}   asks {value['of']} again   {cell('', value['release'])}")
    for which, release in (("old", value["old"]["release"]), ("new", value["release"])):
        one = value[which]
        at = {name: cell(name, item) for name, item in one.items()}
        click.echo(
            f"{which}  {cell('', release)}   {at['outcome']}   {at['latency_us']}   {_tokens(one)}"
        )
        _said("error" if one["error"] else "out", at["error"] if one["error"] else at["text"])


def lineage(value: Mapping[str, Any]) -> None:
    """Draw what an artifact was made from, as a tree."""
    click.echo("\n".join(lineage_lines(value)))


def lineage_lines(node: Mapping[str, Any], seen: set[str] | None = None) -> list[str]:
    """Return the lines of a lineage's tree; what was drawn once is only named again."""
    seen = set() if seen is None else seen
    artifact = node["artifact"]
    again = artifact["digest"] in seen
    seen.add(artifact["digest"])
    role = f"{node['role']}: " if node.get("role") else ""
    mark = " (above)" if again and node["parents"] else ""
    lines = [f"{role}{artifact['kind']} {artifact['ref']}{mark}{_told(artifact)}"]
    parents = [] if again else node["parents"]
    for index, parent in enumerate(parents):
        last = index == len(parents) - 1
        below = lineage_lines(parent, seen)
        lines.append(("└─ " if last else "├─ ") + below[0])
        lines += [("   " if last else "│  ") + line for line in below[1:]]
    return lines


def _told(artifact: Mapping[str, Any]) -> str:
    """Say in a few words what matters of an artifact in a lineage."""
    meta = artifact.get("meta", {})
    said = [artifact["digest"][7:19]]
    counts = meta.get("counts") or {}
    if counts:
        train, test = counts.get("train", 0), counts.get("test", 0)
        said.append(f"{train:,} train and {test:,} test rows")
    curation = meta.get("curation") or {}
    if curation.get("added"):
        said.append(
            f"{curation['added']} rows from {curation['corrections']} corrections on traces"
        )
    if meta.get("parameters"):
        said.append(f"{meta['parameters']:,} parameters")
    if artifact.get("made_by"):
        said.append(f"Run {artifact['made_by'][:8]}")
    return "   " + " · ".join(said)


def status(value: Mapping[str, Any]) -> None:
    """Draw where a channel's rollout is, gate by gate."""
    channel, rollout = value["channel"], value["rollout"]
    click.echo(f"channel {channel['name']} serves {channel['stable_ref']}")
    if rollout is None:
        return
    share = cell("share", rollout["share"])
    click.echo(
        f"rollout {rollout['id']}   {rollout['candidate_ref']}   {rollout['state']}   {share}"
    )
    decision = value.get("decision") or {}
    if decision.get("reason"):
        click.echo(f"  {cell('reason', decision['reason'])}")
    shadow = value.get("shadow")
    if shadow:
        budget = f" of {shadow['budget']}" if shadow["budget"] else ""
        over = ": no more is copied" if shadow["is_spent"] else ""
        click.echo(
            f"  copies of {cell('share', shadow['mirror'])} of the calls: {shadow['copies']}, "
            f"{shadow['failed']} failed; spent {shadow['spent']}{budget}{over}"
        )
    _verdicts(decision.get("verdicts", ()))
    brought.draw(value.get("carried") or (), value.get("skipped"), _verdicts)


def _verdicts(verdicts: Sequence[Mapping[str, Any]]) -> None:
    for verdict in verdicts:
        mark = {"pass": "✓", "fail": "✗", "wait": "…"}[verdict["outcome"]]
        click.echo(f"  {mark} {cell('', verdict['reason'])}")


def report(value: Mapping[str, Any]) -> None:
    """Draw a report: what became of the answers, each score with its interval, and what nobody could score."""
    meta = value["meta"]
    if "target" in meta:
        _chosen(value["ref"], meta)
        return
    click.echo(f"{value['ref']}   {meta.get('subject', '')} on {meta.get('dataset', '')}")
    states = {name: n for name, n in meta.get("states", {}).items() if n}
    if states:
        told = ", ".join(f"{n} {name}" for name, n in states.items())
        click.echo(f"answers  {told}; {meta['n']} rows in {meta['clusters']} clusters")
    scores, lacking = meta.get("scores", []), meta.get("unmeasured", {})
    rows = [{**_rounded(one), "unmeasured": lacking.get(one["name"], 0)} for one in scores]
    known = {row["name"] for row in rows}
    rows += [{"name": name, "unmeasured": n} for name, n in lacking.items() if name not in known]
    columns = ("name", "value", "low", "high", "n", *(("unmeasured",) if lacking else ()))
    table(rows, columns)
    for warning in meta.get("warnings", ()):
        click.echo(lines(warning))


def _chosen(ref: str, meta: Mapping[str, Any]) -> None:
    """Draw the report of a choice: what was asked for, and which one it comes to."""
    rows = f"{meta['n']} rows of {meta['dataset']} ({meta['split']})"
    click.echo(visible(f"{ref}   {meta['candidates']} candidates on {rows}"))
    click.echo(visible(f"target  {meta['target']}"))
    click.echo(visible(str(meta["verdict"])))
    if meta.get("scores"):
        table([_rounded(one) for one in meta["scores"]], ("name", "value", "low", "high", "n"))
    talk(f"next:  volano eval table {ref}")


def _rounded(score: Mapping[str, Any]) -> dict[str, Any]:
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in score.items()}


def comparison(value: Mapping[str, Any] | str) -> None:
    """Draw a comparison: each score of both, and the paired difference with its interval."""
    if isinstance(value, str):
        click.echo(lines(value.rstrip()))
        return
    from volano.evals.told import SHOWN, within

    for one in (value, *value["others"]):
        a, b = one["a"], one["b"]
        click.echo(f"a  {a['report']}   {a['subject']}")
        click.echo(f"b  {b['report']}   {b['subject']}")
        columns = ("name", "a", "b", "difference", "low", "high", "n", "verdict")
        table([_changed(score) for score in (*one["scores"], *one["usage"])], columns)
        for said in within(one):
            click.echo(lines(said))
        click.echo(lines(one["sentence"]))
        _differing(one["slices"])
        flips = one["flips"]
        for row in flips["rows"][:SHOWN]:
            mark = "  critical" if row["critical"] else ""
            click.echo(f"fell  {cell('place', row.get('place') or row['row'])}{mark}")
        more = f"; the first {SHOWN} are shown" if flips["negative"] > SHOWN else ""
        click.echo(
            f"{flips['negative']} rows fell ({flips['critical']} critical), "
            f"{flips['positive']} rose{more}"
        )


def _changed(score: Mapping[str, Any]) -> dict[str, Any]:
    """Return a change rounded; of what is compared by its ratio (times, money) as percent."""
    if score.get("kind") != "ratio":
        return _rounded(score)
    parts = {name: f"{score[name]:+.1%}" for name in ("difference", "low", "high")}
    return {**_rounded(score), **parts}


def _differing(slices: Sequence[Mapping[str, Any]]) -> None:
    """Draw the slices that an average may hide, the worst first, corrected for their number."""
    if not slices:
        return
    moved = [_rounded(one) for one in slices if one["verdict"] != "undecided"]
    click.echo(f"{len(moved)} of {len(slices)} slices differ")
    if moved:
        table(moved, ("by", "value", "a", "b", "difference", "low", "high", "n", "verdict"))


def eval_plan(value: Mapping[str, Any]) -> None:
    """Draw what the rows at hand would find."""
    click.echo(value["sentence"])
    table([_rounded(one) for one in value["table"]], ("repetitions", "detectable", "rows_needed"))
    known = f"from {value['from']}" if value["from"] else "of rows that are right as often as wrong"
    click.echo(f"variance {known}; two-sided {value['alpha']:g}, power {value['power']:g}")
    click.echo(
        f"taken for granted: the two score a row alike with a correlation of {value['correlation']:g};"
        f" if they have nothing in common it takes {1 / (1 - value['correlation']):g} times the rows"
    )


def choice(value: Mapping[str, Any]) -> None:
    """Write what is there as Markdown (candidates, a judge against people), which a terminal can read too."""
    click.echo(lines(value["markdown"].rstrip()))


def plain_artifact(value: Mapping[str, Any]) -> None:
    """Draw an artifact's facts, the digest of each file on a line."""
    shown = {k: v for k, v in value.items() if k not in {"files", "parents", "meta", "notes"}}
    facts(shown)
    for note in value.get("notes", ()):
        click.echo(cell("note", note))
    facts({"meta": value["meta"]} if value["meta"] else {})
    for path, file in value["files"].items():
        click.echo(f"file  {cell('path', path)}  {file['size']} bytes  {file['digest'][7:19]}")
    for note in value.get("notes", ()):
        click.echo(cell("", note))


def noted(value: Mapping[str, Any]) -> None:
    """Draw facts, and what is to be said of them besides."""
    facts({name: item for name, item in value.items() if name != "notes"})
    for note in value.get("notes", ()):
        click.echo(cell("note", note))


def peeked(value: Mapping[str, Any]) -> None:
    """Draw the first rows of a source, then what was set aside and why."""
    for number, row in enumerate(value["rows"], 1):
        click.echo(styled(f"row {number}", sys.stdout, bold=True))
        facts({name: _short(item) for name, item in row.items()})
    if not value["rows"]:
        click.echo("no rows")
    for aside in value["aside"]:
        origin = aside["origin"]
        place = " ".join(
            f"{n} {origin[n]}" for n in ("source", "line", "page", "row") if n in origin
        )
        why = ": ".join(part for part in (aside["reason"], aside["detail"]) if part)
        click.echo(f"set aside  {cell('', place.removeprefix('source '))}  {cell('', why)}")


def _short(value: Any) -> Any:
    return f"{value[:_PEEKED]}…" if isinstance(value, str) and len(value) > _PEEKED else value


_PEEKED = 500
DRAWINGS: dict[tuple[str, str], Callable[[Any], None]] = {
    ("trace", "last"): trace,
    ("trace", "show"): trace,
    ("trace", "diff"): difference,
    ("trace", "replay"): replay,
    ("session", "show"): session,
    ("audit", "lineage"): lineage,
    ("lineage", "show"): branches.graph,
    ("lineage", "row"): branches.fate,
    ("lineage", "export"): branches.json_lines,
    ("channel", "show"): noted,
    ("release", "status"): status,
    ("release", "pairs"): beside.pairs,
    ("release", "diff"): partial(apart.releases, words=_words),
    ("eval", "show"): report,
    ("eval", "compare"): comparison,
    ("eval", "plan"): eval_plan,
    ("eval", "table"): choice,
    ("evaluator", "scores"): sampled.scores,
    ("judge", "report"): choice,
    ("judge", "correct"): choice,
    ("data", "peek"): peeked,
    ("data", "preview"): prepared.preview,
    ("data", "report"): prepared.report,
    ("data", "show"): plain_artifact,
    ("data", "rows"): rows.rows,
    ("data", "profile"): profiled.profile,
    ("data", "search"): profiled.found,
    ("data", "diff"): rows.difference,
    ("prompt", "diff"): worded.difference,
    ("prompt", "try"): tried.tried,
    ("prompt", "show"): plain_artifact,
    ("model", "show"): plain_artifact,
    ("model", "compare"): rivals,
    ("model", "preflight"): looked,
    ("flow", "show"): plain_artifact,
    ("release", "show"): plain_artifact,
    ("gateway", "import"): imported,
    ("drift", "check"): moved.look,
    ("drift", "show"): moved.look,
}

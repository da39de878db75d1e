"""Builds `volano <noun> <verb>` from the sentences in `volano.web.api`."""

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from volano.cli import show, tail, talk, waiting
from volano.cli.cells import jsoned
from volano.cli.root import EXITS, suggest
from volano.web.api import VERBS
from volano.web.api.verb import Param, Verb


class _Source(click.ParamType):
    """Where rows come from: what was said, and the folder it was said in."""

    name = "source"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:  # noqa: ARG002 - click's signature
        return json.dumps({"said": value, "folder": str(Path.cwd())})


class _Document(click.ParamType):
    """A name, or a file that is read here: what is sent is its text, and in which folder it lies."""

    name = "document"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        path = Path(value)
        if not path.is_file() and path.suffix not in (".yaml", ".yml", ".json"):
            return value
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not UTF-8"
            self.fail(f"{value} cannot be read: {why}", param, ctx)
        return {"file": path.name, "text": text, "folder": str(path.resolve().parent)}


TYPES: dict[str, Any] = {
    "text": click.STRING,
    "int": click.INT,
    "float": click.FLOAT,
    "flag": click.BOOL,
    "json": click.STRING,
    "list": click.STRING,
    "output": click.Path(resolve_path=True),
    "scalar": click.STRING,
    "path": click.Path(exists=True, dir_okay=False, resolve_path=True),
    "folder": click.Path(exists=True, resolve_path=True),
    "source": _Source(),
    "document": _Document(),
}


PARTS = {
    ("eval", "suite"): "What is asked, how often, and what must hold.",
    ("data", "cache"): "What recipes keep so that only what changed is done again.",
    ("data", "card"): "What a dataset is, in words.",
    ("data", "contract"): "What rows of a dataset must be.",
    ("model", "card"): "What a model is, in words.",
    ("feedback", "metric"): "What names of feedback mean, version by version.",
    ("trace", "mask"): "What is hidden before it is recorded.",
    ("review", "queue"): "Traces put before people, by one metric.",
}
"""Verbs of two words share a group of their own: `volano feedback metric define`."""


SECTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "data": {
        "Make a version": ("peek", "preview", "prepare", "cache", "add", "import", "curate", "generate"),
        "Look at it": (
            "list", "show", "profile", "rows", "search", "report", "rejected", "diff", "card",
        ),
        "Say what it must be": ("contract", "check"),
        "Labels, the way back, branches": ("label", "unlabel", "rollback", "branch"),
        "Who may read it, who did": (
            "grant", "revoke", "restrict", "open", "classify", "permissions", "reads",
        ),
        "Folders of files": ("track", "tracked", "status", "files", "checkout"),
        "Take it elsewhere": ("export",),
        "Keep it, let it go": ("verify", "hold", "holds", "unhold", "drop", "gc"),
    },
    "release": {
        "Make one, look at it": ("cut", "card", "show", "list", "diff", "verify", "envelope"),
        "Before it moves": (
            "check", "checks", "approve", "approvals", "freeze", "freezes", "thaw",
        ),
        "Move a channel": ("promote", "status", "pairs", "pause", "resume", "skip", "abort", "rollback", "drop"),
        "Find out which is better": ("compare", "conclude"),
        "What happened": ("rollouts", "rollout", "events", "dora"),
        "Let other controllers ask": ("verdict", "confirm"),
        "Let it go": ("deprecate", "undeprecate", "deprecations", "retire", "retired"),
    },
}  # fmt: skip
"""How the help of a noun with many verbs is ordered: by what they are for."""

GATE_SAID_NO = EXITS["GateError"]


class Noun(click.Group):
    """A noun's verbs."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections = SECTIONS.get(self.name or "", {})
        if not sections:
            super().format_commands(ctx, formatter)
            return
        known = {name for names in sections.values() for name in names}
        rest = tuple(name for name in self.commands if name not in known)
        limit = formatter.width - 6 - max(map(len, self.commands))
        for title, names in {**sections, "More": rest}.items():
            here = [name for name in names if name in self.commands]
            if here:
                with formatter.section(title):
                    formatter.write_dl(
                        [(name, self.commands[name].get_short_help_str(limit)) for name in here]
                    )

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in self.commands:
            suggest(ctx, args[0], list(self.commands))
        return super().resolve_command(ctx, args)


def group(noun: str, text: str) -> click.Group:
    """Return the group of a noun."""
    commands: dict[str, click.Command] = {}
    for verb in (v for v in VERBS if v.noun == noun):
        part, _, last = verb.name.rpartition(" ")
        if part and part not in commands:
            commands[part] = Noun(part, commands={}, help=PARTS[noun, part])
        within = commands[part].commands if part else commands  # type: ignore[attr-defined]
        within[last] = _command(verb)
    return Noun(noun, commands=commands, help=text)


def _command(verb: Verb) -> click.Command:
    @click.pass_context
    def run(ctx: click.Context, as_json: bool, **given: Any) -> None:
        arguments = {name: value for name, value in given.items() if value not in (None, ())}
        arguments |= {param.name: _secret(param) for param in verb.params if param.kind == "secret"}
        if (verb.noun, verb.name) == ("trace", "tail"):
            tail.follow(verb, arguments, home=ctx.obj["home"], as_json=as_json)
            return
        detached, told = arguments.pop("detach", False), arguments.pop("wait_for", False)
        waits = told or (verb.waits and not detached)
        starts = verb.waits or verb.may_wait
        awaited = verb.changes and arguments.pop("wait", False)
        with (
            waiting.usage() if starts or verb.script else nullcontext(),
            waiting.drawing(quiet=as_json) as draw,
        ):
            result = talk.say(verb, arguments, home=ctx.obj["home"], seen=draw)
        if awaited:
            quiet = as_json or not sys.stderr.isatty()
            result = waiting.good(waiting.over(result, home=ctx.obj["home"], quiet=quiet))
        if waits:
            ctx.exit(waiting.attend(result, home=ctx.obj["home"], as_json=as_json))
        if as_json:
            click.echo(jsoned(result))
        else:
            show.result(verb, result)
        if verb.gate and not result["ok"]:
            ctx.exit(GATE_SAID_NO)
        if verb.checks and result["problems"]:
            ctx.exit(1)
        if verb.awaits:
            ctx.exit(waiting.code(result))

    as_json = click.Option(["--json", "as_json"], is_flag=True, help="Print the result as JSON.")
    params = [_param(param) for param in verb.params if param.kind != "secret"]
    if verb.waits:
        params.append(click.Option(["--detach"], is_flag=True, help="Do not wait for the Run."))
    if verb.may_wait:
        said = "Wait for the Run; end with 1 when it fails, with 3 when a guard says no."
        params.append(click.Option(["--wait", "wait_for"], is_flag=True, help=said))
    return click.Command(
        verb.name.rpartition(" ")[2], callback=run, params=[*params, as_json], help=verb.help,
        epilog=f"Over HTTP: {verb.method} /api/v1{verb.path}",
    )  # fmt: skip


def _param(param: Param) -> click.Parameter:
    kind = click.Choice(param.choices) if param.choices else TYPES[param.kind]
    if param.first and param.kind == "list":
        return click.Argument([param.name], type=kind, required=param.required, nargs=-1)
    if param.first:
        return click.Argument([param.name], type=kind, required=param.required)
    if param.kind == "flag":
        return click.Option([param.flag, param.name], is_flag=True, default=None, help=param.help)
    shown = param.default not in (None, "", ())
    text = f"{param.help} [default: {_spell(param.default)}]" if shown else param.help
    if param.kind == "list":
        return click.Option(
            [param.flag, param.name], required=param.required, help=text,
            multiple=True, callback=_items,
        )  # fmt: skip
    return click.Option([param.flag, param.name], type=kind, required=param.required, help=text)


def _items(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:  # noqa: ARG001 - click's signature
    """Take a list as one option with commas, or as the option again and again."""
    return tuple(item.strip() for text in given for item in text.split(","))


def _secret(param: Param) -> str:
    """Read a secret: unseen from a terminal, else all of the standard input."""
    if sys.stdin.isatty():
        return str(click.prompt(param.help, hide_input=True, err=True))
    return sys.stdin.read().strip()


def _spell(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)

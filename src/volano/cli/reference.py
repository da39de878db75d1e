"""Writes the reference pages that follow from the code: commands, HTTP API, settings, KPIs, steps, scorers.

    python -m volano.cli.reference docs/reference

A test fails when the pages in the repository are not what this writes.
"""

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import click

from volano import settings as settings_module
from volano.cli import scorer_reference, step_reference
from volano.cli.root import BARE, NOUNS, root
from volano.monitor.machine import GAUGES
from volano.monitor.scorecard import ALL
from volano.monitor.series import ASKED_BY
from volano.monitor.sliced import TOLD_BY
from volano.settings import Settings
from volano.web.api import VERBS
from volano.web.api.routes import STATUS
from volano.web.api.verb import Param, Verb

NOTE = "<!-- Written by `python -m volano.cli.reference docs/reference`; do not edit. -->"


def pages() -> dict[str, str]:
    """Return each page's text by its file name."""
    return {
        "cli.md": cli(),
        "http-api.md": http_api(),
        "settings.md": settings(),
        "kpis.md": kpis(),
        "steps.md": _text([NOTE, *step_reference.lines()]),
        "scorers.md": _text([NOTE, *scorer_reference.lines()]),
    }


def cli() -> str:
    """Return the page of all commands."""
    lines = [
        NOTE,
        "# Command line",
        "",
        "`volano <noun> <verb>`. Results go to stdout, talk goes to stderr; every `<noun> <verb>` takes `--json`.",
        "While volano is up, a command asks its control process; otherwise it does the work itself under the folder",
        "lock. [Exit codes](exit-codes.md) are the same for all. The same sentences over HTTP: [HTTP API](http-api.md).",
        "",
        "## Before the command",
        "",
        *_options(p for p in root.params if isinstance(p, click.Option)),
        "",
        "## Run it",
        "",
    ]
    context = click.Context(root)
    for name, (_, text) in BARE.items():
        command = root.get_command(context, name)
        assert command is not None
        lines += [f"### `volano {name}`", "", text, ""]
        given = _options(p for p in command.params if isinstance(p, click.Option))
        lines += [*given, ""] if given else []
    for noun, text in NOUNS.items():
        lines += [f"## {noun}", "", text, ""]
        for verb in (v for v in VERBS if v.noun == noun):
            lines += _command(verb)
    return _text(lines)


def kpis() -> str:
    """Return the page of all KPIs: as they are defined, so they are documented."""
    rolled = ", ".join(f"`{name}`" for name in ASKED_BY)
    told = ", ".join(f"`{name}`" for name in TOLD_BY)
    lines = [
        NOTE,
        "# KPIs",
        "",
        "Each measure is defined once; pages, alerts, reports and commands say it by this definition. Shares have",
        "Wilson's 95 % interval, which takes calls and voices as independent. What is not measured is *not measured*",
        "and says why; it is never 0. Money of several currencies is not summed. How to use them:",
        "[KPIs and reports](../howto/kpis-and-reports.md).",
    ]
    kinds = (
        ("technical", "How it goes"), ("business", "Is it worth it?"), ("machine", "What it runs on"),
    )  # fmt: skip
    for kind, title in kinds:
        lines += [
            "",
            f"## {title}",
            "",
            "| name | what it says | formula | unit | good is |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| `{one.name}` | {_cell(one.says)} | {_cell(one.formula)} | {one.to_dict()['unit']} | {one.better} |"
            for one in [*ALL.values(), *GAUGES.values()] if one.kind == kind
        ]  # fmt: skip
    lines += [
        "",
        "## By what they can be asked",
        "",
        f"Technical ones from the rollups, over 400 days: by {rolled}.",
        "",
        f"Business ones: by {told} and `tag.NAME`. They are of answers, so that they do not exist by `outcome`, `status`,",
        "`source`, `kind` or `service`; what is said of a user, and of no trace, counts in no slice.",
        "",
        "Those of the machine: of the last hour, as long as volano is up; those of engines by `engine`. Rules of the kind",
        "`threshold` can ask for them too.",
        "",
        "By `language`, `region` and `tag.NAME` all of them are summed from the rows themselves: of the newest 20,000 calls",
        "of the window, as long as these are kept. The language is the tag `language`, else what py3langid tells of",
        "the question (`hu`, `zh`; `volano[data]`), else its script (`latin`, `cyrillic`, `han`, …). The region is the tag",
        "`region` that a call says of itself, else where the gateway stands (the setting `region`).",
    ]
    return _text(lines)


def _command(verb: Verb) -> Iterator[str]:
    first = " ".join(p.name.upper() for p in verb.params if p.first)
    yield from (f"### `volano {verb.noun} {verb.name}{' ' + first if first else ''}`", "")
    yield from (verb.help, "")
    if verb.params:
        yield from ("| argument | | default | meaning |", "|---|---|---|---|")
        for param in verb.params:
            name = param.name.upper() if param.first else param.flag
            yield f"| `{name}` | {_kind(param)} | {_default(param)} | {_cell(param.help)} |"
        yield ""
    yield from (f"Over HTTP: `{verb.method} /api/v1{verb.path}`", "")


def _options(options: Iterable[click.Option]) -> list[str]:
    rows = [
        f"| `{', '.join(o.opts)}` | {_click_kind(o)} | {_cell(o.help or '')} |" for o in options
    ]
    return ["| option | | meaning |", "|---|---|---|", *rows] if rows else []


def _click_kind(option: click.Option) -> str:
    if option.is_flag:
        return "flag"
    names = {"integer": "int", "directory": "path", "file": "path"}
    return names.get(option.type.name, option.type.name)


def http_api() -> str:
    """Return the page of the JSON API."""
    lines = [
        NOTE,
        "# HTTP API",
        "",
        "Every sentence of the [command line](cli.md) is also a request under `/api/v1` on volano's one port.",
        "Model calls are not here: they are OpenAI's API under `/v1`, see [headers](headers.md).",
        "",
        "- `GET` takes its arguments from the query, `POST` from a JSON object; what stands in `{braces}` is in the path.",
        "  Unknown arguments are refused.",
        "- Answers are JSON: an object, or a list of objects. Times are microseconds UTC (`…_us`), shares are",
        "  millionths, sizes are bytes.",
        "- `scope`: `read` and `feedback` can be said with a gateway key that has this scope",
        "  (`Authorization: Bearer vk_…`). `admin` wants the console's session cookie, or the command line.",
        "- Arguments of the kind *path* name a file on the machine: only the command line takes them.",
        "",
        "## Errors",
        "",
        "One shape, with the status of the error's family:",
        "",
        "```json",
        '{"error": {"code": "unknown_channel", "message": "There is no channel `suport`.", "hint": "See them with …"}}',
        "```",
        "",
        "| status | family | meaning |",
        "|---|---|---|",
        *(f"| {s} | `{kind.__name__}` | {inspect.getdoc(kind)} |" for kind, s in STATUS),
        "",
    ]
    for noun, text in NOUNS.items():
        lines += [f"## {noun}", "", text, ""]
        for verb in (v for v in VERBS if v.noun == noun):
            lines += _endpoint(verb)
    return _text(lines)


def _endpoint(verb: Verb) -> Iterator[str]:
    yield from (f"### `{verb.method} /api/v1{verb.path}`", "")
    yield from (f"{verb.help} Scope: `{verb.scope}`.", "")
    if verb.params:
        where = "query" if verb.method == "GET" else "body"
        yield from ("| argument | in | kind | default | meaning |", "|---|---|---|---|---|")
        for param in verb.params:
            place = "path" if f"{{{param.name}}}" in verb.path else where
            kind, default = _kind(param), _default(param)
            yield f"| `{param.name}` | {place} | {kind} | {default} | {_cell(param.help)} |"
        yield ""


def settings() -> str:
    """Return the page of settings."""
    lines = [
        NOTE,
        "# Settings",
        "",
        "Everything works with none. They come from four places; the last wins: the defaults below, `volano.toml` in",
        "the working folder, environment variables `VOLANO_…`, flags of `volano up`. `volano doctor` says which hold",
        "and where each came from. A change takes effect with the next `volano up`.",
        "",
        "```toml",
        "# volano.toml",
        "port = 7071",
        "workers = 2",
        "```",
        "",
        "| setting | default | environment | meaning |",
        "|---|---|---|---|",
    ]
    told = _attribute_docs()
    for field in fields(Settings):
        if field.name in {"folder", "origins"}:
            continue
        default = "" if field.default in (MISSING, "") else f"`{field.default}`"
        name = f"VOLANO_{field.name.upper()}"
        lines.append(f"| `{field.name}` | {default} | `{name}` | {_cell(told[field.name])} |")
    lines += [
        "",
        "`VOLANO_HOME` (or `--home`) names the working folder; state is in its `.volano/`, see [files](files.md).",
        "`NO_COLOR` turns colours off.",
    ]
    return _text(lines)


def _attribute_docs() -> dict[str, str]:
    """Return the text below each attribute of `Settings`."""
    tree = ast.parse(inspect.getsource(settings_module))
    [found] = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Settings"]
    told = {}
    for attribute, below in zip(found.body, found.body[1:], strict=False):
        if isinstance(attribute, ast.AnnAssign) and isinstance(attribute.target, ast.Name):
            text = ast.literal_eval(below.value) if isinstance(below, ast.Expr) else ""
            told[attribute.target.id] = " ".join(text.split())
    return told


def _kind(param: Param) -> str:
    return " or ".join(f"`{c}`" for c in param.choices) if param.choices else param.kind


def _default(param: Param) -> str:
    if param.required:
        return "required"
    value: Any = ",".join(param.default) if isinstance(param.default, tuple) else param.default
    return "" if value in (None, "") else f"`{value}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


def main(folder: Path) -> None:
    """Write the pages into a folder."""
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

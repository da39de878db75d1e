"""The root of the command line: bare verbs, and a lazily loaded group for each noun."""

import difflib
import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

import click

from volano import __version__
from volano.cli import cells
from volano.cli.quick import quick
from volano.core.errors import VolanoError

NOUNS = {
    "data": "Rows become versioned datasets.",
    "prompt": "What is said around the user's words.",
    "registry": "What files say and the registry holds, in step.",
    "model": "Train, tune, point at a provider's model.",
    "flow": "How a prompt and a model answer one request.",
    "eval": "Scores with intervals, comparisons on the same rows.",
    "judge": "Models that score answers, checked against people.",
    "release": "Pin, sign, move step by step, take back.",
    "channel": "The names that clients call.",
    "engine": "What runs models here, and how it is doing.",
    "target": "Connections to provider accounts and servers.",
    "key": "Who may call the gateway.",
    "gateway": "The workers at the door, and how much may be used there.",
    "cost": "What calls cost, what may be spent, prices.",
    "trace": "What happened in each request.",
    "session": "Conversations, turn by turn.",
    "span": "What applications sent of their own work.",
    "retention": "How long traces are kept.",
    "hold": "Traces that are kept whatever retention says.",
    "view": "Filters over traces, saved under a name.",
    "feedback": "What people, programs and judges say of an answer; what came of it.",
    "review": "Answers put before people: queues, verdicts, agreement.",
    "kpi": "How it goes and whether it is worth it: each measure with its formula.",
    "slo": "What is promised, and what is left of the error budget.",
    "alert": "Who is told when it goes wrong.",
    "drift": "Has the traffic moved, and what of it?",
    "evaluator": "What live answers are worth, from a sample.",
    "run": "Durable jobs.",
    "schedule": "Runs that start by themselves: at times, or when something happens.",
    "lineage": "What things came from, what came of them.",
    "audit": "The ledger, and where things come from.",
}

BARE = {
    "up": ("volano.cli.up", "Start the platform here; Ctrl-C stops it."),
    "demo": ("volano.cli.demo", "Live the whole loop once, on a small model trained now."),
    "status": ("volano.cli.status", "Show what serves, what moves, what works, on one screen."),
    "doctor": ("volano.cli.doctor", "Check this machine and this folder, and say what to do."),
    "report": (
        "volano.cli.report",
        "Write what a period cost, changed, broke and was worth: one file.",
    ),
    "plan": ("volano.cli.files:plan", "Say what files would change here; change nothing."),
    "apply": ("volano.cli.files:apply", "Save what differs from files, and set labels."),
    "ci": ("volano.cli.ci", "Judge a change in a repository by the suites that it affects."),
    "init": ("volano.cli.init", "Make the state folder without starting anything."),
}


class Root(click.Group):
    """Lists everything, loads only what is called, and knows what you meant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*BARE, *NOUNS]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        with quick():
            if name in BARE:
                module, _, attribute = BARE[name][0].partition(":")
                return getattr(importlib.import_module(module), attribute or "command")
            if name in NOUNS:
                return importlib.import_module("volano.cli.nouns").group(name, NOUNS[name])
        return None

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and self.get_command(ctx, args[0]) is None:
            suggest(ctx, args[0], self.list_commands(ctx))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Run it"):
            formatter.write_dl([(name, text) for name, (_, text) in BARE.items()])
        with formatter.section("Nouns, each with its verbs"):
            formatter.write_dl(list(NOUNS.items()))


def suggest(ctx: click.Context, given: str, known: list[str]) -> None:
    """Fail with what was probably meant.

    Raises:
        click.UsageError: always.
    """
    given = cells.visible(given)[:80]
    near = difflib.get_close_matches(given, known, n=1)
    meant = f" Did you mean `{near[0]}`?" if near else ""
    raise click.UsageError(f"There is no `{given}` here.{meant}", ctx)


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", message="volano %(version)s")
@click.option(
    "--home",
    type=click.Path(file_okay=False),
    help="The working folder; its state is in .volano/. Default: here, or $VOLANO_HOME.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def root(ctx: click.Context, home: str | None, debug: bool) -> None:
    """Operate language models through their whole life, in one loop."""
    ctx.obj = {"home": home, "debug": debug}


EXITS = {"GateError": 3}


def exit_code(error: VolanoError) -> int:
    """Return 3 where a gate said no, 2 where it was `usage`, else 1."""
    if getattr(error, "usage", False):
        return 2
    return next((EXITS[k.__name__] for k in type(error).__mro__ if k.__name__ in EXITS), 1)


def main(run: Callable[..., Any] = root) -> None:
    """Run the command line; errors are two lines: what, then what to do."""
    debug = "--debug" in sys.argv
    try:
        sys.exit(run(standalone_mode=False) or 0)
    except VolanoError as error:
        if debug:
            raise
        _tell(error.message, error.advice, error.shown)
        sys.exit(exit_code(error))
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on
        sys.exit(0)
    except OSError as error:
        if debug:
            raise
        name = f": {error.filename}" if error.filename else ""
        _tell(f"{error.strerror or error}{name}", "See more with --debug.")
        sys.exit(1)


def _tell(message: str, advice: str, shown: str = "") -> None:
    """Say what went wrong and what to do, a line each, whatever text is quoted in them.

    What was said, with the mark below it, stands between them, each line set in.
    """
    mark = cells.styled("error", sys.stderr, fg="red")
    click.echo(f"{mark}: {cells.visible(message)}", err=True)
    for line in cells.lines(shown).splitlines():
        click.echo(f"       {line}", err=True)
    if advice:
        click.echo(f"hint:  {cells.visible(advice)}", err=True)

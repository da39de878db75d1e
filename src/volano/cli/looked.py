"""What a look at a training recipe found, as `volano model preflight` draws it: the numbers, then each finding."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from volano.cli.cells import talk, visible

_COUNTED = (("cut_rows", "cut"), ("left_out_rows", "left out"))


def looked(value: Mapping[str, Any]) -> None:
    """Draw it; what is to be done next goes to stderr."""
    facts = [*_facts(value)]
    width = max((len(name) for name, _ in facts), default=0)
    for name, said in facts:
        click.echo(f"{name:<{width}}  {said}")
    if facts and value["findings"]:
        click.echo()
    for one in value["findings"]:
        click.echo(f"{one['level']}  {visible(one['name'])}: {visible(one['sentence'])}")
        click.echo(f"{' ' * len(one['level'])}  {visible(one['remedy'])}")
    if value["ok"]:
        click.echo("\nThis recipe can be trained." if facts else "This recipe can be trained.")
        talk("next:  volano model train NAME --recipe FILE")
    else:
        click.echo("\nThis recipe cannot be trained as it is.")


def _facts(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give what was measured, as far as the look came."""
    if (data := value.get("data")) is not None:
        yield "rows", _rows(data)
        yield (
            "tokens",
            (
                f"{data['tokens']:,}; median {data['median_tokens']}, 95 % up to {data['p95_tokens']}, "
                f"longest {data['longest_tokens']} of {data['limit']}"
            ),
        )
        said = f"{visible(data['template'])}; an end of sequence after {data['ends']:.0%} of the answers"
        yield "template", said
    if (memory := value.get("memory")) is not None:
        free = memory["available"]
        said = "" if free is None else f", {_size(free)} free"
        yield "memory", f"about {_size(memory['total'])} needed{said}"
    if (disk := value.get("disk")) is not None:
        yield "disk", f"about {_size(disk['needed'])} needed, {_size(disk['free'])} free"
    if "device" in value:
        yield "device", visible(str(value["device"]))
    if (time := value.get("time")) is not None:
        yield (
            "time",
            (
                f"about {_duration(time['seconds'])}: {time['steps']:,} steps of {time['step_s']:g} s"
                f"{_again(time)}"
            ),
        )


def _again(time: Mapping[str, Any]) -> str:
    """Say how often the steps may be taken, where that is not known before."""
    rounds = int(time.get("rounds", 1))
    longest = _duration(time["seconds"] * rounds)
    return f"; and up to {rounds} rounds of them, {longest}" if rounds > 1 else ""


def _rows(data: Mapping[str, Any]) -> str:
    apart = [f"{data[name]:,} {word}" for name, word in _COUNTED if data[name]]
    return ", ".join([f"{data['rows']:,}", *apart])


def _size(count: float) -> str:
    """Return bytes in the largest unit that leaves a number of 1 or more."""
    units: Sequence[str] = ("bytes", "kB", "MB", "GB", "TB")
    for unit in units[:-1]:
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} {units[-1]}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02} min"

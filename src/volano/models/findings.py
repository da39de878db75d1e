"""Findings: what a look at rows and machine means for a run, in sentences."""

from collections.abc import Mapping
from typing import Any

from volano.models.training.incompatible import Finding

FEW_CUT = 0.01
LOWER = "Lower `batch` or `context`, or say `gradient_checkpointing: true` or `method: lora`."
SMALLER = (
    "Make the network smaller (`network: {hidden, ffn, layers}`), or lower `batch` or `context`."
)


def of(report: Mapping[str, Any]) -> list[Finding]:
    """Return the errors and warnings of a look (see `preflighting`)."""
    if "error" in report:
        said = report["error"]
        return [Finding("error", "rows", said["sentence"], said["remedy"])]
    return [*_data(report["data"]), *_room(report)]


def _data(data: Mapping[str, Any]) -> list[Finding]:
    found = []
    rows = max(1, data["rows"])
    if data["left_out_rows"]:
        level = "error" if data["left_out_rows"] == data["rows"] else "warning"
        said = f"{data['left_out_rows']} of {data['rows']} rows have answers that do not fit into {data['limit']} tokens."
        found.append(Finding(level, "left-out", said, "Raise `context`, or shorten the answers."))
    if data["cut_rows"] > FEW_CUT * rows:
        said = f"{data['cut_rows']} of {data['rows']} rows are longer than {data['limit']} tokens and lose a part."
        found.append(
            Finding(
                "warning",
                "cut",
                said,
                "Raise `context` (small networks: `network: {max_row_tokens}`), or split the texts.",
            )
        )
    if data["ends"] < 1:
        said = f"The template does not end {1 - data['ends']:.0%} of the answers with the end of sequence."
        remedy = "It is added; make sure that the engine's chat template agrees."
        found.append(Finding("warning", "end", said, remedy))
    if data["exact"] < 1:
        said = f"In {1 - data['exact']:.0%} of the rows prompt and answer tokenise otherwise together than apart."
        remedy = "They are tokenised apart, as the engine will see them; end the prompt with a line break to be sure."
        found.append(Finding("warning", "prefix", said, remedy))
    return found


def fits(report: Mapping[str, Any]) -> bool:
    """Whether this machine's memory is enough; where it does not say, or a GPU trains, it may be."""
    memory = report["memory"]
    free = memory["available"]
    return report["device"] != "cpu" or free is None or memory["total"] <= free


def _room(report: Mapping[str, Any]) -> list[Finding]:
    found = []
    memory, disk = report["memory"], report["disk"]
    if not fits(report):
        free = _gb(memory["available"])
        said = f"The run needs about {_gb(memory['total'])}, and {free} of memory are free."
        found.append(Finding("error", "memory", said, SMALLER if report.get("own") else LOWER))
    if disk["needed"] > disk["free"]:
        said = (
            f"The run writes about {_gb(disk['needed'])}, and {_gb(disk['free'])} of disk are free."
        )
        found.append(Finding("error", "disk", said, "Free some space."))
    return found


def _gb(count: int) -> str:
    return f"{count / 1e9:.2f} GB"

"""A strict reader of Prometheus' text format 0.0.4: what a scraper might let pass fails here."""

import math
import re

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{((?:{_LABEL})(?:,{_LABEL})*)\}})? (\S+)")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d+)?(e[+-]?\d+)?|Inf)|NaN")
_ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}

Labels = frozenset[tuple[str, str]]


class Family:
    def __init__(self, kind: str):
        self.kind = kind
        self.samples: dict[tuple[str, Labels], float] = {}

    def value(self, suffix: str = "", **labels: str) -> float:
        """The one sample with exactly these labels."""
        return self.samples[suffix, frozenset(labels.items())]

    def sum(self, suffix: str = "", **labels: str) -> float:
        """Over all samples that have these labels among others."""
        wanted = frozenset(labels.items())
        return sum(v for (s, has), v in self.samples.items() if s == suffix and wanted <= has)


def parse(text: str) -> dict[str, Family]:
    """Raises AssertionError on whatever is not quite right."""
    assert text.endswith("\n"), "the last line has no end"
    found: dict[str, Family] = {}
    helped, now = "", ""
    for line in text[:-1].split("\n"):
        assert line == line.strip(), line
        assert line
        if line.startswith("# HELP "):
            _, _, name, says = line.split(" ", 3)
            assert name not in found, f"{name} comes twice"
            assert says
            assert re.fullmatch(r"([^\\]|\\[\\n])+", says), says
            helped = name
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == helped, f"{name} has a type but no help before it"
            assert re.fullmatch(_NAME, name)
            assert kind in ("counter", "gauge", "histogram")
            assert (kind == "counter") == name.endswith("_total"), name
            now = name
            found[name] = Family(kind)
        else:
            assert not line.startswith("#"), line
            _take(found[now], now, line)
    for name, family in found.items():
        if family.kind == "histogram":
            _check_histogram(name, family)
    return found


def _take(family: Family, name: str, line: str) -> None:
    match = _SAMPLE.fullmatch(line)
    assert match, line
    said = match[1]
    assert said.startswith(name), f"{said} stands among {name}"
    suffix = said[len(name) :]
    assert suffix in (("_bucket", "_sum", "_count") if family.kind == "histogram" else ("",)), line
    pairs = re.findall(_LABEL, match[2] or "")
    assert len(dict(pairs)) == len(pairs), line
    labels = frozenset((key, re.sub(r"\\.", lambda m: _ESCAPES[m[0]], v)) for key, v in pairs)
    assert (suffix, labels) not in family.samples, f"twice: {line}"
    text = line.rpartition(" ")[2]
    assert _NUMBER.fullmatch(text), line
    value = float(text)
    if family.kind != "gauge":
        assert value >= 0, line
    family.samples[suffix, labels] = value


def _check_histogram(name: str, family: Family) -> None:
    ladders: dict[Labels, list[tuple[float, float]]] = {}
    for (suffix, labels), value in family.samples.items():
        if suffix == "_bucket":
            bounds = [float(v) for key, v in labels if key == "le"]
            assert len(bounds) == 1
            rest = frozenset(pair for pair in labels if pair[0] != "le")
            ladders.setdefault(rest, []).append((bounds[0], value))
    for labels, ladder in ladders.items():
        assert ladder == sorted(ladder), f"{name} is not in order"
        assert [count for _, count in ladder] == sorted(count for _, count in ladder)
        assert ladder[-1][0] == math.inf
        assert family.samples["_count", labels] == ladder[-1][1]
        assert ("_sum", labels) in family.samples
    for suffix, labels in family.samples:
        assert suffix == "_bucket" or labels in ladders

"""What masking costs the recorder: rows a second with no rule, with all built-in rules, with five expressions more.

    python benchmarks/masking.py

Calls of a chat with 1 KB of words, and a stream of 40 pieces, made into rows by the code that the recorder uses.
"""

import json
import tempfile
import time
from pathlib import Path

from volano.traces.frame import Call
from volano.traces.mask import DETECTORS, Masking, MaskRule, write_rules
from volano.traces.row import Rows

ROWS = 500
WORDS = (
    "A csomag nem jött meg, írjanak: kovács.péter@példa.hu vagy +36 30 123 4567. Где мой заказ? "
    * 11
)
BUILT_IN = [MaskRule(name, name, "detect", name, f"[{name}]") for name in DETECTORS]
OWN = [MaskRule(f"r{n}", f"r{n}", "regex", rf"ORD{n}-[0-9]{{4,9}}", "[order]") for n in range(5)]


def calls() -> list[Call]:
    """Two shapes in turn."""
    asked = {"model": "m", "messages": [{"role": "user", "content": WORDS}]}
    plain = {
        "choices": [{"message": {"content": WORDS}}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    }
    pieces = [
        {"choices": [{"index": 0, "delta": {"content": WORDS[n * 25 : n * 25 + 25]}}]}
        for n in range(40)
    ]
    answers = [json.dumps(plain).encode(),
               b"".join(b"data: %s\n\n" % json.dumps(piece).encode() for piece in pieces)]  # fmt: skip
    return [
        Call(id=f"{n:032x}", span_id=f"{n:016x}", began_us=n, ended_us=n + 1, door="openai.chat",
             request=json.dumps(asked).encode(), response=answers[n % 2])
        for n in range(ROWS)
    ]  # fmt: skip


def rate(path: Path, rules: list[MaskRule]) -> float:
    """Rows a second with these rules, the best of three."""
    write_rules(path, rules)
    masking = Masking(path)
    masking.refresh()
    rows, given, best = Rows(None, masking), calls(), 0.0
    for _ in range(3):
        began_s = time.perf_counter()
        for call in given:
            rows.make(call)
        best = max(best, ROWS / (time.perf_counter() - began_s))
    return best


def main() -> None:
    """Print rates and ratios."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mask.json"
        bare = rate(path, [])
        print(f"no rule                      {bare:8,.0f} calls/s")
        for name, rules in (("five built in", BUILT_IN), ("and five expressions", BUILT_IN + OWN)):
            found = rate(path, rules)
            print(f"{name:<28} {found:8,.0f} calls/s   {bare / found:5.1f} times the work")


if __name__ == "__main__":
    main()

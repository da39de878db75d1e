"""Search for bytes that break the door, led by coverage (atheris, libFuzzer).

    python tests/fuzz/fuzz_http.py http -max_total_time=60
    python tests/fuzz/fuzz_http.py readers corpus/ -max_total_time=600
    python tests/fuzz/fuzz_http.py streams crash-...     one input again

The targets are in `tests/support/fuzzing.py`. It is not part of the tests: atheris
is not among what they need, and it has no end of its own (a minute unless told).
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECONDS = "-max_total_time=60"


def main(arguments: list[str]) -> int:
    """Fuzz one target; the rest is libFuzzer's."""
    sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]
    name, *rest = arguments or ["http"]
    try:
        import atheris
    except ModuleNotFoundError:
        print("atheris is missing: pip install atheris", file=sys.stderr)
        return 2
    with atheris.instrument_imports():
        from support.fuzzing import TARGETS
    if name not in TARGETS:
        print(f"there is no target {name}; there are {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    if not any(word.startswith("-") or Path(word).is_file() for word in rest):
        rest.append(SECONDS)
    atheris.Setup([sys.argv[0], *rest], TARGETS[name])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

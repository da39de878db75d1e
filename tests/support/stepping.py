"""Running one step by hand, as a recipe would: over shards, with what was dropped and changed."""

from pathlib import Path

from volano.data.step import Notes

HU = "Kedves Ügyfelünk! A bankkártyáját a postán küldtük el, és öt munkanapon belül meg kell érkeznie."
DE = "Guten Tag! Ihre Karte ist mit der Post unterwegs und sollte in fünf Werktagen bei Ihnen sein."
RU = "Здравствуйте! Мы отправили вашу карту по почте, и она должна прийти в течение пяти дней."
ZH = "您好！我们已经把您的银行卡寄出，应该会在五个工作日内到达。如果没有收到，请联系我们的客服。"
EN = "Hello! We have sent your card by post, and it should be with you within five working days."
FIVE = {"hu": HU, "de": DE, "ru": RU, "zh": ZH, "en": EN}


class Ran(list):
    """The rows that went on, with `dropped`, `changed` and `rejected` beside them."""


def run(step, rows, *, shards: int = 1, folder: Path | None = None) -> Ran:
    """Run a step over rows that are cut into shards; a whole step needs a folder."""
    rows = [row if isinstance(row, dict) else {"text": row} for row in rows]
    size = -(-len(rows) // shards) or 1
    parts = [rows[at : at + size] for at in range(0, len(rows), size)] or [[]]
    decided = [None] * len(parts)
    if step.whole:
        folders = [folder / f"shard{at}" for at in range(len(parts))]
        for part, place in zip(parts, folders, strict=True):
            place.mkdir(parents=True)
            step.survey(iter(part), place)
        (folder / "decided").mkdir()
        decided = step.decide(folders, folder / "decided")
    ran, rejected = Ran(), []
    notes = Notes(step.name, rejected.append)
    for part, own in zip(parts, decided, strict=True):
        ran += step.apply(iter(part), notes, own)
    ran.dropped, ran.changed, ran.rejected = dict(notes.dropped), dict(notes.changed), rejected
    return ran

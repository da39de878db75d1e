"""What a profile says of rows in five languages, of hostile ones, and to whom."""

import json
from math import log
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from volano.core.principal import Principal
from volano.data.profile import Profiles
from volano.data.profile.distinct import LEAST_KEPT, Distinct
from volano.data.profile.errors import NoClassesError, UnknownColumnError
from volano.data.profile.profile import hidden
from volano.data.profile.sample import blocks
from volano.data.profile.sieve import BadConditionError, UnknownKindError
from volano.data.step import Rejected
from volano.monitor.drift.script import script
from volano.store.errors import DroppedError

ANNA = Principal("person", "anna")
TEXTS = {
    "en": "Where is my order {n}? It should have arrived three days ago, and nobody answers.",
    "hu": "A {n} számú megrendelésem még mindig nem érkezett meg, kérem a segítségüket ebben.",
    "de": "Meine Bestellung {n} ist noch immer nicht angekommen, bitte schicken Sie mir eine neue.",
    "ru": "Мой заказ {n} до сих пор не доставлен, пожалуйста, верните мне деньги за него.",
    "zh": "我的订单{n}三天前就应该到了，请问退款什么时候能到账？谢谢您的帮助。",
}
HOSTILE = ["", "   ", "\u202e" * 40, "<script>alert(1)</script>", "a" * 150_000, "\x00\x07"]


@pytest.fixture
def profiles(datasets, tmp_path: Path) -> Profiles:
    return Profiles(datasets, tmp_path / "profiles", script)


def rows_of(n: int = 40) -> list[dict]:
    return [
        {"text": text.format(n=name * 3 + 1000), "label": "refund" if name % 4 else "billing",
         "lang": code, "score": name / 7}
        for name in range(n) for code, text in TEXTS.items()
    ]  # fmt: skip


def write(datasets, rows, name="tickets", **more):
    placed = [("test" if at % 10 == 9 else "train", row) for at, row in enumerate(rows)]
    return datasets.write(name, placed, meta={}, by=ANNA, **more)


def test_five_languages_are_told_and_lead_to_their_rows(datasets, profiles) -> None:
    write(datasets, rows_of())
    found = profiles.show("tickets", by=ANNA)
    told = {one["language"]: one["rows"] for one in found["languages"]}
    assert told == dict.fromkeys(TEXTS, 40)
    for one in found["languages"]:
        places = [f"{each['split']}:{each['at']}" for each in one["places"]]
        picked = profiles.pick("tickets", places, by=ANNA)
        assert {row["lang"] for row in picked} == {one["language"]}
        assert [row["id"] for row in picked] == [each["id"] for each in one["places"]]
    assert found["looked_at"] == found["rows"] == 200
    assert json.loads(json.dumps(found)) == found


def test_a_minority_language_is_no_outlier_and_a_far_longer_text_is(datasets, profiles) -> None:
    rows = [row for row in rows_of(120) if row["lang"] in ("en", "hu")]
    rows += [row for row in rows_of(5) if row["lang"] == "zh"]
    rows += [{"text": rows[0]["text"] * 40, "label": "refund"}]
    rows += [{"text": "ŧ¶ĸŋđðæſ ¢µ”“»« łĸŋđ ¶ŧ←↓→øþ ħŋđðſæ ßłĸ " * 2, "label": "refund"}]
    write(datasets, rows)
    odd = profiles.show("tickets", by=ANNA)["outliers"]
    picked = {
        kind: profiles.pick("tickets", [f"{o['split']}:{o['at']}" for o in one["found"]], by=ANNA)
        for kind, one in odd.items()
    }
    assert [len(row["text"]) > 3_000 for row in picked["length"]] == [True]
    assert [row["text"][:2] for row in picked["characters"]] == ["ŧ¶"]


def test_repeats_and_clusters_of_what_is_much_alike(datasets, profiles) -> None:
    rows = rows_of(3)
    same = {"text": "Kérem  a SZÁMLÁT, ahogy megbeszéltük.", "label": "billing"}
    rows += [same, {**same, "text": "kérem a számlát, ahogy megbeszéltük.", "score": 1.0}]
    found = profiles.show(write(datasets, rows).ref, by=ANNA)["duplicates"]
    assert (found["equal"]["groups"], found["equal"]["repeats"]) == (1, 1)
    assert found["equal"]["found"][0]["rows"] == 2
    assert found["similar"]["groups"] == 4  # in short Chinese texts a number is much
    assert found["similar"]["runs"] == "5 characters"


def test_personal_data_is_counted_and_never_kept(datasets, profiles) -> None:
    rows = [*rows_of(2), {"text": "Írjon: kovacs.bela@example.hu, kérem!", "label": "other"}]
    found = profiles.show(write(datasets, rows).ref, by=ANNA)
    [one] = [one for one in found["personal"] if one["kind"] == "email"]
    assert (one["rows"], one["found"], one["column"]) == (1, 1, "text")
    told = {name: found[name] for name in ("personal", "duplicates", "outliers", "languages")}
    assert "kovacs" not in json.dumps(told)


def test_columns_say_what_is_missing_distinct_and_frequent(datasets, profiles) -> None:
    rows = [*rows_of(4), {"text": "Later there is a new column.", "label": None, "vip": True}]
    found = profiles.show(write(datasets, rows).ref, by=ANNA)
    columns = {one["name"]: one for one in found["columns"]}
    assert columns["vip"]["missing"]["rows"] == 20
    assert len(columns["vip"]["missing"]["places"]) == 12
    assert columns["label"]["missing"]["rows"] == 1
    assert columns["lang"]["distinct"] == 5
    assert columns["label"]["values"][0]["value"] == "refund"
    [label] = found["labels"]
    assert [one["rows"] for one in label["classes"]] == [15, 5]
    assert 0.8 < label["evenness"] < 0.82


def test_a_label_of_many_classes_is_balanced_over_all_of_them(datasets, profiles) -> None:
    """Banking77 has 77 intents, CLINC 151."""
    rows = [
        {"text": f"Kérdés {n}, {'abcdefgh'[n % 8]}", "label": f"szándék {n % 77:02}", "topic": f"nur einmal {n}",
         "other": f"{n % 60}"}
        for n in range(77 * 4)
    ]  # fmt: skip
    ref = write(datasets, [*rows, *rows[:1]]).ref
    [label] = profiles.show(ref, by=ANNA)["labels"]
    assert label["column"] == "label" and len(label["classes"]) == 77
    assert sorted({one["rows"] for one in label["classes"]}) == [4, 5]
    assert sum(one["rows"] for one in label["classes"]) == 77 * 4 + 1
    shares = [5 / 309, *[4 / 309] * 76]
    assert label["evenness"] == round(-sum(p * log(p) for p in shares) / log(77), 4)
    [asked] = profiles.show(ref, label="other", by=ANNA)["labels"]
    assert len(asked["classes"]) == 60


def test_a_column_that_is_not_there_is_not_profiled_as_empty(datasets, profiles) -> None:
    rows = [{"text": f"Sor {n}", "label": {"queue": f"{n % 2}"}, "same": "x"} for n in range(1200)]
    ref = write(datasets, rows).ref
    for wrong in ("labl", "lab", "label", "id"):
        with pytest.raises(UnknownColumnError, match="rows that were looked at") as error:
            profiles.show(ref, label=wrong, by=ANNA)
        assert "There are: label.queue, same, text." in error.value.advice
    for wrong in ("txt", "label.queue"):
        with pytest.raises(UnknownColumnError, match="rows that were looked at") as error:
            profiles.show(ref, column=wrong, by=ANNA)
        assert "There are: label, same, text." in error.value.advice
    for own in ("id", "origin", "split"):
        assert profiles.show(ref, rows=20, column=own, by=ANNA)["text"]["column"] == own
    for name, values in (("same", "1 values"), ("text", "1200 values")):
        with pytest.raises(NoClassesError, match=values):
            profiles.show(ref, column="label", label=name, by=ANNA)
    assert profiles.show(ref, label="label.queue", by=ANNA)["labels"][0]["evenness"] == 1


def test_of_no_rows_no_column_is_named(datasets, profiles, monkeypatch) -> None:
    ref = write(datasets, [{"text": "Sor"}]).ref
    monkeypatch.setattr("volano.data.profile.profile.blocks", lambda *_: [])
    with pytest.raises(UnknownColumnError) as error:
        profiles.show(ref, column="text", by=ANNA)
    assert "There are: none." in error.value.advice


def test_classes_are_counted_however_many_columns_come_before(datasets, profiles) -> None:
    rows = [{"text": "x", **dict.fromkeys(map(str, range(220)), 1), "z": n % 2} for n in range(4)]
    ref = write(datasets, rows).ref
    [found] = profiles.show(ref, label="z", by=ANNA)["labels"]
    assert found["column"] == "z" and len(found["classes"]) == 2
    assert profiles.show(ref, column="z", by=ANNA)["text"]["column"] == "z"
    with pytest.raises(UnknownColumnError):
        profiles.show(ref, label="zz", by=ANNA)


def test_a_hidden_column_is_unknown_to_whom_it_is_hidden(datasets, profiles, monkeypatch) -> None:
    rows = [{"text": f"Sor {n}", "ssn": f"{n % 2}", "one": {"a": "x"}} for n in range(6)]
    ref = write(datasets, rows).ref
    profiles.show(ref, label="ssn", by=ANNA)
    monkeypatch.setattr(datasets, "hidden", lambda *_, **__: frozenset({"ssn", "one"}))
    for enter in (profiles.show, profiles.kept):
        for asked in (
            {"label": "ssn"}, {"label": "one.a"}, {"column": "ssn"}, {"column": "one"}, {"column": "id"},
        ):  # fmt: skip
            with pytest.raises(UnknownColumnError) as error:
                enter(ref, by=ANNA, **asked)
            assert "There are: text." in error.value.advice
    with pytest.raises(UnknownColumnError) as error:
        profiles.show(ref, label="nope", by=ANNA)
    assert "There are: text." in error.value.advice


def test_hostile_rows_are_profiled_like_others(datasets, profiles) -> None:
    rows = [{"text": text, "x": {"y": [text]}} for text in HOSTILE]
    rows += [{"text": 7}, {"other": None, "text": ["a", {"b": "c"}]}, {"nothing": True}]
    rows += [{f"column {n}": n for n in range(300)}]
    found = profiles.show(write(datasets, rows).ref, by=ANNA)
    assert found["rows"] == 10
    assert len(found["columns"]) == 200
    assert sum(one["rows"] for one in found["text"]["bins"]) == 10
    assert found["text"]["most"] == pytest.approx(150_000, rel=0.01)


def test_of_many_rows_a_sample_is_looked_at_and_said(datasets, profiles) -> None:
    write(datasets, rows_of(200))
    found = profiles.show("tickets", rows=300, by=ANNA)
    assert found["rows"] == 1000
    assert 298 <= found["looked_at"] <= 300
    assert {one["split"]: one["rows"] for one in found["splits"]} == {"train": 900, "test": 100}


def test_a_profile_is_kept_and_goes_with_its_rows(datasets, profiles, versions, tmp_path) -> None:
    ref = write(datasets, rows_of(2)).ref
    assert profiles.kept(ref, by=ANNA) is None
    made = profiles.show(ref, by=ANNA)
    assert profiles.kept(ref, by=ANNA) == made
    versions.drop(ref, by=ANNA)
    with pytest.raises(DroppedError):
        profiles.show(ref, by=ANNA)
    assert not list((tmp_path / "profiles").iterdir())


def test_what_a_hidden_column_says_is_told_nowhere(datasets, profiles) -> None:
    rows = [{**row, "name": f"Nagy Éva {n % 3}"} for n, row in enumerate(rows_of(4))]
    found = profiles.show(write(datasets, rows).ref, by=ANNA)
    shown = json.dumps(hidden(found, frozenset({"name", "text", "label"})), ensure_ascii=False)
    assert "Nagy Éva" in json.dumps(found, ensure_ascii=False)
    for secret in ("Nagy Éva", "refund", '"zh", "rows"', '"p50": 7'):
        assert secret not in shown.partition('"columns"')[0] + shown.partition('"labels"')[2]
    assert "Nagy Éva" not in shown
    ids = [place["id"] for one in found["languages"] for place in one["places"]]
    for columns in ({"name"}, {"name", "text", "label"}):
        told = json.dumps(hidden(found, frozenset(columns)))
        assert ids and not [one for one in ids if one in told]


def test_reasons_of_rows_that_were_left_out(datasets, profiles) -> None:
    gone = [Rejected({"text": "x"}, "quality", "too short") for _ in range(3)]
    ref = write(datasets, rows_of(1), rejected=gone).ref
    reasons = profiles.show(ref, by=ANNA)["rejected"]["reasons"]
    assert reasons == [{"step": "quality", "reason": "too short", "rows": 3}]


@pytest.mark.parametrize(
    ("words", "code"),
    [("SZÁMÚ MEGRENDELÉSEM", "hu"), ("bestellung", "de"), ("МОЙ ЗАКАЗ", "ru"), ("退款", "zh")],
)
def test_words_are_found_in_any_language(datasets, profiles, words: str, code: str) -> None:
    write(datasets, rows_of(6))
    found = profiles.search("tickets", words, limit=100, by=ANNA)
    assert [row["lang"] for row in found["rows"]] == [code] * 6
    assert (found["looked_at"], found["next"]) == (30, None)
    for row in found["rows"]:
        [again] = profiles.pick("tickets", [f"{row['split']}:{row['at']}"], by=ANNA)
        assert again["id"] == row["id"]


def test_a_search_goes_on_where_it_stopped(datasets, profiles) -> None:
    write(datasets, rows_of(6))
    seen, start = [], 0
    while start is not None:
        found = profiles.search("tickets", where=["lang=ru"], start=start, limit=2, by=ANNA)
        seen += [row["id"] for row in found["rows"]]
        start = found["next"]
    assert len(seen) == len(set(seen)) == 6


def test_conditions_on_split_length_language_and_personal_data(datasets, profiles) -> None:
    rows = [*rows_of(4), {"text": "a@example.org", "label": None}]
    ref = write(datasets, rows).ref
    search = profiles.search
    assert len(search(ref, split="test", by=ANNA)["rows"]) == 2
    assert len(search(ref, least=1, most=20, by=ANNA)["rows"]) == 1
    assert len(search(ref, language="de", by=ANNA)["rows"]) == 4
    assert len(search(ref, personal="email", by=ANNA)["rows"]) == 1
    assert len(search(ref, where=["label="], by=ANNA)["rows"]) == 1
    with pytest.raises(BadConditionError):
        search(ref, where=["label"], by=ANNA)
    with pytest.raises(UnknownKindError):
        search(ref, personal="shoe size", by=ANNA)


@pytest.mark.parametrize("place", ["", "train", "train:", "train:x", "nix:0", "train:99999", ":::"])
def test_a_place_that_is_none_is_passed_over(datasets, profiles, place: str) -> None:
    ref = write(datasets, rows_of(1)).ref
    assert profiles.pick(ref, [place], by=ANNA) == []


@given(
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 100_000), max_size=3),
    st.integers(1, 50_000),
)
@example({"a": 1268}, 1267)
def test_blocks_lie_apart_within_their_splits(counts: dict[str, int], most: int) -> None:
    chosen = blocks(counts, most)
    for split, rows in counts.items():
        mine = [block for block in chosen if block.split == split]
        ends = [block.start + block.rows for block in mine]
        assert all(b.start >= end for end, b in zip(ends, mine[1:], strict=False))
        assert all(end <= rows for end in ends)
        assert bool(mine) == bool(rows)
    assert sum(block.rows for block in chosen) <= max(most, len(counts)) + len(counts)


def test_distinct_values_are_counted_then_estimated() -> None:
    some = Distinct()
    for n in range(LEAST_KEPT - 1):
        some.add(str(n))
        some.add(str(n))
    assert (some.exact, some.count) == (True, LEAST_KEPT - 1)
    for n in range(60_000):
        some.add(str(n))
    assert not some.exact
    assert some.count == pytest.approx(60_000, rel=0.08)

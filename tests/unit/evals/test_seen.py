import pytest

from volano.data import Row
from volano.evals.planning import plan
from volano.evals.seen import look, sentence, unseen

TEXT = "Hol van a csomagom? Tegnapelőtt adtam fel, és azóta sem érkezett meg a címzetthez."


def row(name, text):
    return Row(name, text, "shipping")


def test_equal_and_nearly_equal_texts_were_seen_whatever_their_label():
    rows = [row("a", TEXT), row("b", f"{TEXT} Köszi"),
            row("c", "Wo ist mein Paket?"), row("d", "Где моя посылка?")]  # fmt: skip
    found = look(rows, [("tickets@1", [TEXT.upper(), "别的东西"]), ("faq@2", ["Где моя посылка?"])])
    assert set(found.exact) == {"a", "d"}
    assert found.near == ("b",)
    assert found.places == {"tickets@1": 2, "faq@2": 1}


def test_another_order_number_is_another_row():
    assert not look([row("a", f"{TEXT} 4711")], [("t", [f"{TEXT} 4712"])]).ids


def test_the_score_without_seen_rows_is_told():
    rows = [row(f"r{n}", f"Frage Nummer {n}: {TEXT}") for n in range(20)]
    lines = [{"id": f"r{n}", "scores": {"exact_match": float(n < 12)}} for n in range(20)]
    told = look(rows, [("t", [one.text for one in rows[:10]])]).to_dict(lines, {})
    assert (told["exact"], told["of"], told["without"][0]["value"]) == (10, 20, 0.2)
    assert sentence(told).startswith(
        "10 of 20 rows were seen in training: exact match without them 0.200 ["
    )


def test_nothing_seen_is_not_worth_a_sentence():
    assert sentence(look([row("a", TEXT)], [("t", [])]).to_dict([], {})) == ""
    assert sentence({}) == ""


def test_where_nothing_is_known_nothing_is_said_to_be_clean():
    assert unseen(9, ["t@1", "p@2"]) == "None of the 9 rows stands in t@1, p@2."
    assert "is not known here" in unseen(9, [])


def test_a_plan_says_what_the_rows_find_and_what_it_takes_for_granted():
    told = plan(300, 0.02)
    assert told["correlation"] == 0.5
    assert not told["enough"]
    assert told["table"][0]["rows_needed"] == pytest.approx(4906, abs=2)
    assert plan(told["table"][0]["rows_needed"], 0.02)["enough"]


def test_repetitions_and_clusters_of_a_report_change_the_plan():
    lines = [
        {"id": f"r{n}", "scores": {"em": float((n * 7 + k * 3) % 5 < 3)}, "cluster": f"c{n // 5}"}
        for n in range(100)
        for k in range(3)
    ]
    told = plan(100, 0.05, lines=lines)
    needed = [one["rows_needed"] for one in told["table"]]
    assert needed[0] > needed[1] > needed[2]
    assert told["score"] == "em"

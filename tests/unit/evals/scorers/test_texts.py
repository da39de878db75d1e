import pytest

from support.scored import one, scored
from volano.evals.scorers.normal import words
from volano.evals.scoring import BadScorerError, make


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("  Budapest.\n", "budapest"),
        ("STRASSE", "Straße"), ("STRAẞE", "straße"),
        ("Москва!", "«москва»"),
        ("（北京）", "北京"), ("ＡＢＣ１２３", "abc123"), ("你好，世界！", "你好 世界"),
        ("a\u0301rvíztűrő", "árvíztűrő"),
        ("İstanbul", "istanbul"), ("ﬁne", "fine"), ("don’t", "don't"),
        ("zero\u200bwidth\ufeff", "zerowidth"), ("well-known", "well known"),
    ],
)  # fmt: skip
def test_what_means_the_same_is_the_same(said, wanted):
    assert one("normalised", said, wanted) == 1


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("1,5", "15"),
        ("-5", "5"),
        ("kor", "kór"),
        ("ISPARTA", "ısparta"),
        ("Masse", "Maße!x"),
        ("", "x"),
    ],
)
def test_what_does_not_mean_the_same_is_not(said, wanted):
    assert one("normalised", said, wanted) == 0


def test_the_settings_say_what_matters():
    assert one({"normalised": {"case": False}}, "Ja", "ja") == 0
    assert one({"normalised": {"punctuation": False}}, "ja!", "ja") == 0
    assert one({"normalised": {"form": "NFC"}}, "Ａ", "A") == 0
    assert one({"normalised": {"language": "tr"}}, "ISPARTA", "ısparta") == 1
    assert one({"normalised": {"language": "tr"}}, "İZMİR", "izmir") == 1
    for language, said, wanted in [
        ("en", "The cat", "cat"),
        ("de", "der Hund", "Hund"),
        ("hu", "A macska", "macska"),
    ]:
        assert one({"normalised": {"articles": True, "language": language}}, said, wanted) == 1
    with pytest.raises(BadScorerError, match="articles"):
        make({"normalised": {"articles": True, "language": "zh"}})
    with pytest.raises(BadScorerError, match="NFC"):
        make({"normalised": {"form": "NFD"}})


def test_each_han_character_is_a_word():
    assert words("我爱Python 3.12，你呢？") == ["我", "爱", "python", "3.12", "你", "呢"]
    assert words("Árvíz – tűrő") == ["árvíz", "tűrő"]


@pytest.mark.parametrize(
    ("said", "wanted", "is_in"),
    [
        ("Die Karotte ist orange", "rot", 0), ("Es ist ROT!", "rot", 1),
        ("首都是北京。", "北京", 1), ("首都是上海。", "北京", 0),
        ("A főváros: Budapest.", "budapest", 1), ("Это Москва, да", "москва", 1),
    ],
)  # fmt: skip
def test_contains_looks_for_whole_words(said, wanted, is_in):
    assert one("contains", said, wanted) == is_in


def test_contains_takes_any_all_or_none():
    said = "Kávé és tea"
    for need, texts, wanted in [
        ("any", ["tea", "чай"], 1), ("all", ["tea", "чай"], 0), ("all", ["tea", "KÁVÉ"], 1),
        ("none", ["чай", "茶"], 1), ("none", ["tea"], 0),
    ]:  # fmt: skip
        assert one({"contains": {"texts": texts, "need": need}}, said) == wanted
    assert one({"contains": {"words": False}}, "Karotte", "rot") == 1
    assert scored("contains", "x", {"a": 1}) == {}
    assert scored("contains", "x", "") == {}
    with pytest.raises(BadScorerError, match="list"):
        make({"contains": {"texts": "tea"}})


def test_one_of_takes_any_answer_that_is_allowed():
    assert one("one_of", "Eins", "1", expected={"references": ["1", "eins", "一"]}) == 1
    assert one({"one_of": {"texts": ["ja", "да"]}}, "Да!") == 1
    assert one({"one_of": {"texts": ["ja"]}}, "ja, gern") == 0


def test_a_regex_looks_where_it_is_told():
    spec = {"pattern": "[A-Z]{2}[0-9]+"}
    assert one({"regex": spec}, "code AB12") == 1
    assert one({"regex": {**spec, "at": "start"}}, "code AB12") == 0
    assert one({"regex": {**spec, "at": "whole"}}, " AB12\n") == 1
    assert one({"regex": {"pattern": r"\p{Han}+", "at": "whole"}}, "北京") == 1
    assert one({"regex": {"pattern": "ответ", "flags": "i"}}, "ОТВЕТ") == 1


def test_a_group_of_a_regex_is_compared_with_the_label():
    spec = {"regex": {"pattern": r"(?:Answer|Válasz|答案)[:：]\s*(.+)$", "group": 1}}
    assert one(spec, "gondolom…\nVálasz: Igen", "igen") == 1
    assert one(spec, "答案：不", "是") == 0
    assert one(spec, "nothing", "x") == 0
    assert scored(spec, "Answer: x", {"a": 1}) == {}


def test_a_catastrophic_pattern_leaves_the_row_unmeasured():
    spec = {"regex": {"pattern": r"(a|aa|b?a)+(x+x+)+y", "timeout_s": 0.05}}
    assert "longer" in one(spec, "a" * 60 + "x" * 5000 + "z").why


@pytest.mark.parametrize(
    "spec",
    [{"pattern": "("}, {"pattern": "a", "flags": "q"}, {"pattern": "a", "group": 1}, {}, {"pattern": 3},
     {"pattern": "a", "timeout_s": 0}, {"pattern": "a", "at": "end"}],
)  # fmt: skip
def test_a_wrong_pattern_is_refused_before_anything_is_asked(spec):
    with pytest.raises(BadScorerError):
        make({"regex": spec})

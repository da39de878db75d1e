"""Rules of quality: each drop names the rule and the value; rules mean something in each language."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from support.stepping import FIVE, run
from volano.data.errors import BadStepError
from volano.data.rules import FAMILIES, MEASURES, Page, Rule, checks_for
from volano.data.rules.lines import C4_LINES, cleaned
from volano.data.rules.measures import sentences
from volano.data.steps.quality import Quality

EVERYTHING = tuple(FAMILIES)
LONG = {
    "en": "The bank has sent you a card and it should be with you in five days. If it is not there by then, please call us and we will look into it together with the post office. You can also write to the branch where you have your account, and somebody will answer you within a day. ",
    "de": "Die Bank hat Ihnen eine Karte geschickt, und sie sollte in fünf Tagen bei Ihnen sein. Wenn sie dann nicht da ist, rufen Sie uns bitte an, und wir sehen gemeinsam mit der Post nach. Sie können auch der Filiale schreiben, in der Sie das Konto haben, und jemand antwortet Ihnen in einem Tag. Vielen Dank für Ihr Vertrauen. ",
    "hu": "A bank elküldte önnek a kártyát, és öt napon belül meg kell érkeznie. Ha addig nem érkezik meg, kérjük, hívjon fel minket, és a postával együtt utánanézünk, hogy hol van. Írhat annak a fióknak is, ahol a számláját vezeti, és egy napon belül valaki válaszol. Ha már máshol lakik, kérjük, adja meg az új címét is, mert csak oda küldhetjük. Köszönjük a türelmét! ",
    "ru": "Банк отправил вам карту, и она должна прийти в течение пяти дней. Если её к тому времени не будет, позвоните нам, пожалуйста, и мы вместе с почтой выясним, где она находится. Вы можете также написать в отделение, в котором открыт ваш счёт, и кто-нибудь ответит вам за один день. Если вы живёте теперь по другому адресу, сообщите его нам. Спасибо за терпение! ",
    "zh": "银行已经把您的卡寄出，应该会在五天之内到达。如果到时候还没有收到，请打电话给我们，我们会和邮局一起查找它在哪里。您也可以写信给开户的分行，一天之内就会有人答复您。如果您现在住在别的地方，请把新的地址告诉我们，因为我们只能寄到那里。谢谢您的耐心等待！",
}


@pytest.mark.parametrize("language", LONG)
def test_good_text_passes_every_family(language):
    step = Quality(families=EVERYTHING, mark="bad")
    for tag in (language, None):
        [row] = run(step, [{"text": LONG[language], "language": tag}])
        assert row["bad"] == []


@pytest.mark.parametrize(
    ("family", "text", "reason"),
    [
        ("gopher", "too short", "gopher.min_words"),
        ("gopher", "x y " * 60, "gopher.min_mean_word"),
        ("gopher", "Donaudampfschifffahrtsgesellschaft " * 60, "gopher.max_mean_word"),
        ("gopher", LONG["en"] + "#tagged " * 30, "gopher.hashes"),
        ("gopher", LONG["hu"].replace(" ", " ... ", 20), "gopher.ellipses"),
        ("gopher", LONG["ru"].replace(". ", ".\n- ").replace("Банк", "- Банк"), "gopher.bullets"),
        ("gopher", "12345 " * 60, "gopher.alphabetic"),
        ("gopher", "lorem dolor amet ipsum " * 20, "gopher.stop_words"),
        ("gopher-repetition", "Buy it now!\n" * 9 + LONG["en"], "gopher.repeated_lines"),
        ("gopher-repetition", "买它吧\n\n" * 9, "gopher.repeated_lines"),
        ("gopher-repetition", "the cat sat " * 40, "gopher.top_2_gram"),
        ("gopher-repetition", "我们很好。" * 40, "gopher.top_2_gram"),
        ("c4", "One. Two.", "c4.few_words"),
        ("c4", LONG["de"] + "lorem ipsum", "c4.lorem_ipsum"),
        ("c4", "function () { return 1; }", "c4.curly"),
        ("fineweb", "first\nsecond\nthird", "fineweb.ended_lines"),
        ("fineweb", "Yes.\n" * 3 + "No.\n" * 3, "fineweb.repeated_line_chars"),
    ],
)
def test_bad_text_is_dropped_with_rule_and_value(family, text, reason):
    ran = run(Quality(families=(family,)), [text])
    assert ran.dropped == {reason: 1}
    if not reason.startswith("c4"):
        assert "at least" in ran.rejected[0].detail or "at most" in ran.rejected[0].detail


def test_the_value_stands_beside_the_limit():
    ran = run(Quality(families=("gopher",)), ["only four words here"])
    assert ran.rejected[0].detail == "4, at least 50"


def test_c4_takes_lines_out():
    text = (
        "Home | Search\nThe card was sent to you five days ago.[1]\n"
        "Please enable JavaScript to see this whole page.\nIt should be with you by now, dear customer.\n"
        "This site uses cookies so that it works better.\nPlease call us if it is not there yet.\n"
        "Az oldal sütiket használ, hogy önnek jobb legyen."
    )
    [row] = ran = run(Quality(families=("c4",)), [text])
    assert row["text"].split("\n") == [
        "The card was sent to you five days ago.",
        "It should be with you by now, dear customer.",
        "Please call us if it is not there yet.",
    ]
    assert set(ran.changed) == {"c4.not_ended", "c4.javascript", "c4.policy", "c4.citation"}


def test_what_c4_takes_out_is_in_its_table():
    names = {rule.name for rule in C4_LINES}
    for text in ("{", "lorem ipsum", "a\nb.", "Use of cookies is what we do here.", "[1] x"):
        assert set(cleaned(text)[1]) <= names


def test_marking_tells_all_and_drops_and_changes_nothing():
    text = "short\nshort\nshort"
    [row] = run(Quality(families=EVERYTHING, mark="bad"), [text])
    assert row["text"] == text
    assert len(row["bad"]) >= 4


def test_rules_of_ones_own():
    step = Quality(rules={
        "min_chars": {"zh": 4, "*": 8}, "max_symbol_ratio": 0.2,
        "must_match": r"\p{L}", "must_not_match": ["(?i)viagra", "ОГРН"],
    })  # fmt: skip
    ran = run(
        step,
        [
            "我的卡呢",
            "short",
            "oh !!! ??? !!! ...",
            "buy VIAGRA today",
            "наш ОГРН такой",
            "12345678",
            "it is fine",
        ],
    )
    assert [row["text"] for row in ran] == ["我的卡呢", "it is fine"]
    assert ran.dropped == {
        "min_chars": 1,
        "max_symbol_ratio": 1,
        "must_not_match": 2,
        "must_match": 1,
    }
    assert ran.rejected[0].detail == "5, at least 8"


def test_a_published_limit_can_be_changed_switched_off_and_set_by_language():
    rules = {"gopher.min_words": 2, "gopher.stop_words": None, "gopher.max_mean_word": {"de": 40}}
    step = Quality(families=("gopher",), rules=rules)
    rows = [
        {"text": "Donaudampfschiff abgefahren", "language": "de"},
        {"text": "Donaudampfschiff abgefahren", "language": "en"},
    ]
    ran = run(step, rows)
    assert [row["language"] for row in ran] == ["de"]
    assert ran.dropped == {"gopher.max_mean_word": 1}


@pytest.mark.parametrize(
    "settings",
    [{}, {"families": ("gofer",)}, {"rules": {"min_beauty": 1}}, {"rules": {"min_chars": "many"}},
     {"rules": {"must_match": "("}}, {"rules": {"must_match": 3}}, {"rules": ["min_chars"]}],
)  # fmt: skip
def test_bad_settings_are_refused(settings):
    with pytest.raises(BadStepError):
        Quality(**settings)


def test_rows_without_text_are_dropped_and_lone_surrogates_are_no_trouble():
    ran = run(Quality(rules={"must_match": "a"}), [{"text": None}, "a\ud800", {"label": "x"}])
    assert len(ran) == 1
    assert ran.dropped == {"no text": 2}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_rule_of_a_family_has_a_source_and_a_measure(family):
    for rule in FAMILIES[family]:
        assert "arXiv" in rule.source
        assert rule.measure in MEASURES
        assert rule.name.startswith(family.partition("-")[0])


def test_gopher_is_as_published():
    limits = {rule.name: rule.limit for rule in FAMILIES["gopher-repetition"]}
    assert [limits[f"gopher.top_{n}_gram"] for n in (2, 3, 4)] == [0.20, 0.18, 0.16]
    assert [limits[f"gopher.repeated_{n}_grams"] for n in range(5, 11)] == [
        0.15,
        0.14,
        0.13,
        0.12,
        0.11,
        0.10,
    ]


def plain_dups(words, size, chars):
    """As datatrove counts them, place by place."""
    seen, at, count = set(), 0, 0
    while at < len(words) - size + 1:
        gram = tuple(words[at : at + size])
        if gram in seen:
            count += sum(map(len, gram))
            at += size
        else:
            seen.add(gram)
            at += 1
    return count / chars


@examples(200)
@given(st.lists(st.sampled_from(["a", "bb", "c", "kártya", "карта"]), min_size=1, max_size=80))
def test_repeated_grams_are_counted_as_published(words):
    text = " ".join(words)
    page = Page(text)
    for n in range(5, 11):
        assert page.dup_grams(n) == pytest.approx(plain_dups(words, n, len(text)))
    fresh = Page(text)
    assert fresh.dup_grams(8) == page.dup_grams(8)


@examples(100)
@given(st.text(max_size=80))
def test_every_measure_takes_any_text(text):
    page = Page(text)
    for measure, _ in MEASURES.values():
        value = measure(page)
        assert value is None or value >= 0


@pytest.mark.parametrize("language", FIVE)
def test_sentences_are_counted_in_each_language(language):
    assert sentences(FIVE[language]) in (2, 3)


def test_a_rule_can_mean_nothing_in_a_language():
    rule = Rule("r", "min", "words", 3, languages={"zh": None})
    assert checks_for([rule], "zh") == []
    assert len(checks_for([rule], "de")) == 1


@pytest.mark.parametrize(
    "text", ["." * 200_000 + "x", '!"' * 100_000, "a " * 100_000, "我" * 20_000, "\n" * 100_000]
)
def test_hostile_texts_take_no_longer_than_long(text):
    run(Quality(families=EVERYTHING, mark="bad"), [text])


def test_a_pattern_that_could_try_for_ever_takes_linear_time():
    text = "a" * 200_000 + "!"
    began = time.process_time()
    [row] = run(Quality(rules={"must_not_match": ["^(a+)+$", "^(a|aa)+$", "(.*a){30}$"]}), [text])
    assert row["text"] == text
    assert time.process_time() - began < 20
    with pytest.raises(BadStepError):  # a program of gigabytes
        Quality(rules={"must_match": "((a{1,100}){1,100}){1,100}"})

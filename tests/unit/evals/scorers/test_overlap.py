"""Shared words and characters. Expected values of chrF and BLEU: sacrebleu 2.6.0; of ROUGE: rouge-score 0.1.2."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.scored import one, scored
from volano.core.errors import UnavailableError
from volano.evals.scorers.bits import common, distance
from volano.evals.scorers.chrf import chrf
from volano.evals.scorers.overlap import bleu
from volano.evals.scoring import Tools

SACREBLEU = [  # CHRF().sentence_score and CHRF(word_order=2).sentence_score, divided by 100
    ("The cat sat on the mat.", "The cat is sitting on the mat!", 0.44686370463926023, 0.470835526702703),
    ("A macska a szőnyegen ült.", "A macska a szőnyegen ül, és alszik.", 0.6672005670641482, 0.6255599053241654),
    ("Кошка сидела на коврике.", "Кот сидит на коврике (спит).", 0.3792035541476305, 0.3751263494888203),
    ("Die Katze saß auf der Matte.", "Die Katze sitzt auf der Fußmatte.", 0.5041918426119886, 0.5097395035292028),
    ("猫坐在垫子上。", "那只猫正坐在垫子上。", 0.492588657864117, 0.42221884959781464),
    ("refund", "chargeback", 0.036231884057971016, 0.031055900621118012),
    ("", "x", 0.0, 0.0), ("ab", "ab c", 0.6363636363636362, 0.6097560975609755),
]  # fmt: skip


@pytest.mark.parametrize(("said", "wanted", "plain", "plus"), SACREBLEU)
def test_chrf_is_that_of_sacrebleu(said, wanted, plain, plus):
    assert chrf(said, wanted) == pytest.approx(plain, abs=1e-12)
    assert chrf(said, wanted, words=2) == pytest.approx(plus, abs=1e-12)
    assert one({"chrf": {"words": 2}}, said, wanted) == pytest.approx(plus, abs=1e-12)


@pytest.mark.parametrize(
    ("said", "wanted", "value"),
    [  # BLEU(effective_order=True, tokenize="none", smooth_method="exp").sentence_score / 100
        ("the cat sat on the mat", "the cat is sitting on the mat", 0.32159351091190125),
        ("a macska a szőnyegen ült", "a macska a szőnyegen ül és alszik", 0.44827003201768256),
        ("кошка сидела на коврике", "кот сидит на коврике и спит", 0.1937692912686648),
        ("die katze saß auf der matte", "die katze sitzt auf der matte", 0.3799178428257963),
        ("猫 坐 在 垫 子 上", "那 只 猫 正 坐 在 垫 子 上", 0.48235607976922606),
        ("one two", "two one", 0.7071067811865478),
    ],
)
def test_bleu_is_that_of_sacrebleu(said, wanted, value):
    assert bleu(said.split(), wanted.split()) == pytest.approx(value, abs=1e-12)
    assert one("bleu", said, wanted) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(
    ("said", "wanted", "values"),
    [
        ("the cat sat on the mat", "the cat is sitting on the mat", (10 / 13, 6 / 11, 10 / 13)),
        ("police killed the gunman", "police kill the gunman today", (2 / 3, 2 / 7, 2 / 3)),
        ("one two three four", "four three two one", (1.0, 0.0, 0.25)),
    ],
)
def test_rouge_is_that_of_the_package_of_google(said, wanted, values):
    assert [*scored("rouge", said, wanted).values()] == pytest.approx(values)


@pytest.mark.parametrize(
    ("said", "wanted", "value"),
    [
        ("北京", "北京市", 0.8), ("в Москве", "Москва", 0), ("der Hund", "Der Hund bellt", 0.8),
        ("egy két", "két három", 0.5), ("the the", "the", 2 / 3),
    ],
)  # fmt: skip
def test_f1_counts_shared_words(said, wanted, value):
    assert one("token_f1", said, wanted) == pytest.approx(value)


def test_the_best_reference_counts():
    more = {"expected": {"references": ["hund", "кот", "猫"]}}
    for spec in ("token_f1", "chrf", "edit_similarity", "bleu", "embedding"):
        assert one(spec, "猫", **more) == 1
    assert set(scored("rouge", "кот", **more).values()) == {1.0}
    assert scored("rouge", "кот", {"a": 1}) == scored("chrf", "x", {"a": 1}) == {}


def table(a, b):
    """Return Levenshtein's distance and the common subsequence by the tables of the textbook."""
    edits, shared = [*range(len(b) + 1)], [0] * (len(b) + 1)
    for i, x in enumerate(a, 1):
        e, s = [i], [0]
        for j, y in enumerate(b, 1):
            e.append(min(edits[j] + 1, e[-1] + 1, edits[j - 1] + (x != y)))
            s.append(shared[j - 1] + 1 if x == y else max(shared[j], s[-1]))
        edits, shared = e, s
    return edits[-1], shared[-1]


@given(st.text("abcд订", max_size=80), st.text("abcд订", max_size=80))
def test_the_long_integers_agree_with_the_tables(a, b):
    assert (distance(a, b), common(a, b)) == table(a, b) == (distance(b, a), common(b, a))


def test_they_agree_beyond_one_machine_word():
    draw = random.Random(7)
    a, b = ("".join(draw.choices("abcd", k=k)) for k in (300, 210))
    assert (distance(a, b), common(a, b)) == table(a, b)


def test_similarity_is_one_less_the_share_of_edits():
    assert one("edit_similarity", "kitten", "sitting") == pytest.approx(1 - 3 / 7)
    assert one({"edit_similarity": {"normalise": True}}, "ÁRVÍZ!", "árvíz") == 1
    long = "ab" * 50_000
    assert one("edit_similarity", long, long) == 1
    assert "too long" in one("edit_similarity", long, long + "c").why


def test_near_spelling_is_near_without_an_embedder():
    for near, far, label in [
        ("Rückerstattungen", "Passwort", "Rückerstattung"), ("возвраты", "пароль", "возврат"),
        ("退款申请", "修改密码", "申请退款"), ("visszatérítések", "jelszó", "visszatérítés"),
    ]:  # fmt: skip
        assert one("embedding", near, label) > 0.5 > one("embedding", far, label)


def test_vectors_of_an_embedder_are_used_and_its_failure_is_no_zero():

    seen = {"jó": [1.0, 0.0], "gut": [0.6, 0.8], "schlecht": [-1.0, 0.0], "nichts": [0.0, 0.0]}
    tools = Tools(vectors=lambda model, texts: [seen[text] for text in texts])
    spec = {"embedding": {"model": "e5"}}
    assert one(spec, "jó", "gut", tools=tools) == pytest.approx(0.6)
    assert one(spec, "jó", "schlecht", tools=tools) == 0
    assert "no usable" in one(spec, "jó", "nichts", tools=tools).why

    def down(model, texts):
        raise UnavailableError("nobody there")

    assert "nobody there" in one(spec, "jó", "gut", tools=Tools(vectors=down)).why

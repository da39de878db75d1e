import pytest

from support.scored import scored
from volano.evals.scorers.citation import sentences, unsupported
from volano.evals.scoring import BadScorerError, Tools, Unmeasured, make

PASSAGES = [
    "A visszatérítés öt munkanapon belül megérkezik a bankszámlára.",
    "Возврат оформляется в личном кабинете после подтверждения.",
    "Die Rückerstattung dauert fünf Werktage nach der Bestätigung.",
    "退款将在五个工作日内到账。",
    "Refunds arrive on the card within five working days.",
]


def test_a_mark_belongs_to_its_sentence_on_either_side_of_the_stop():
    told = [*sentences("Eins [1]. Zwei. [2, 3] Drei ohne. 四【4†src】。五[1-3]！")]
    assert [(one.text.strip(" ."), one.cites) for one in told[:3]] == [
        ("Eins", (1,)),
        ("Zwei", (2, 3)),
        ("Drei ohne", ()),
    ]
    assert [one.cites for one in told[3:]] == [(4,), (1, 2, 3)]


@pytest.mark.parametrize(
    "answer",
    [
        "A visszatérítés öt munkanapon belül megérkezik [1].", "Возврат оформляется в личном кабинете [2].",
        "Die Rückerstattung dauert fünf Werktage [3].", "退款五个工作日内到账[4]。", "Refunds arrive within five working days [5].",
        "Refunds arrive [5]. Возврат оформляется [2].",
    ],
)  # fmt: skip
def test_what_stands_in_its_passage_is_supported(answer):
    found = scored("citation_support", answer, context=PASSAGES)
    assert [*found.values()] == [1, 1, 1]


def test_what_is_unsupported_is_named_with_the_reason():
    answer = "Refunds arrive within five working days [5]. Wir zahlen sofort in bar [3]. 免费[9]。Ez így van."
    tools = Tools()
    found = scored("citation_support", answer, context=PASSAGES, tools=tools)
    assert [*found.values()] == pytest.approx([1 / 3, 2 / 3, 3 / 4])
    (bad,) = tools.notes["unsupported"].values()
    assert [(one["sentence"], one["why"]) for one in bad] == [
        ("Wir zahlen sofort in bar.", "0% of it is there"),
        ("免费。", "there is no passage 9"),
    ]
    assert unsupported(answer, PASSAGES, least=0.01) == bad


def test_what_cannot_be_told_is_unmeasured():
    told = scored("citation_support", "Nothing cited here.", context=PASSAGES)
    assert [isinstance(one, Unmeasured) for one in told.values()] == [True, True, False]
    assert told["citation_support/cited"] == 0
    for answer, context, why in [
        ("x [1]", (), "no context"),
        ("x " * 200_001, PASSAGES, "too long"),
    ]:
        assert {
            why in one.why for one in scored("citation_support", answer, context=context).values()
        } == {True}
    assert "empty" in scored("citation_support", "", context=PASSAGES)["citation_support/cited"].why
    with pytest.raises(BadScorerError):
        make({"citation_support": {"least": 0}})


def test_a_giant_range_of_marks_stays_small():
    assert len(next(sentences("x [1-9999]")).cites) == 51

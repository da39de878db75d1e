import pytest

from volano.data.curate import CORRECTED, MISFIT, SUPERSEDED, UNUSABLE, curate
from volano.data.dedup import CONFLICT, EXACT, LEAK, NEAR, NO_TEXT, count
from volano.data.errors import BadCorrectionError
from volano.data.row import rows_of

LONG = "My parcel has not arrived although the courier promised to deliver it on Monday morning"
BASE = [
    {"text": LONG, "label": {"queue": "shipping", "reference": "1"}},
    {"text": "I was charged twice", "label": {"queue": "billing", "reference": "2"}},
]
TEST = [{"text": "Where is it?", "label": {"queue": "shipping", "reference": "3"}}]


def correction(text, queue="refund", *, trace="t1", feedback="f1", label=None, **more):
    label = {"queue": queue, "reference": "9"} if label is None else label
    return {"trace_id": trace, "text": text, "label": label, "feedback_id": feedback, **more}


def run(*corrections, base=BASE, test=TEST):
    train, schema = rows_of(base)
    kept_test, _ = rows_of(test, like=schema)
    return curate(train, kept_test, schema, corrections, threshold=0.9)


def test_a_correction_becomes_a_row_with_its_origin():
    new = run(correction("Смоук из принтера", trace="aa", feedback="ff"))
    assert [row.text for row in new.train] == [
        BASE[0]["text"],
        BASE[1]["text"],
        "Смоук из принтера",
    ]
    assert new.added[0].origin == {"trace": "aa", "feedback": "ff"}
    assert not new.dropped


def test_json_text_is_read_and_put_in_order():
    new = run(correction("x", label='{"reference": "7", "queue": "refund"}'))
    assert list(new.added[0].label.items()) == [("queue", "refund"), ("reference", "7")]


def test_of_one_trace_the_newest_correction_wins():
    old, new = correction("x", "billing", at_us=5, feedback="f5"), correction("x", at_us=3)
    curated = run(old, new)
    assert [row.label["queue"] for row in curated.added] == ["billing"]
    assert count(curated.dropped) == {SUPERSEDED: 1}
    assert run(correction("x", "billing"), correction("x")).added[0].label["queue"] == "refund"


def test_two_traces_that_contradict_each_other_teach_nothing():
    curated = run(correction("x", "billing"), correction("X", "refund", trace="t2"))
    assert not curated.added
    assert count(curated.dropped) == {CONFLICT: 2}


def test_a_correction_replaces_the_base_row_it_contradicts():
    curated = run(correction("I was  charged twice"))
    assert [row.label["queue"] for row in curated.train] == ["shipping", "refund"]
    assert curated.replaced == 1
    (gone,) = curated.dropped
    assert (gone.reason, gone.of) == (CORRECTED, curated.added[0].id)


def test_what_is_known_already_is_not_added():
    same = correction(BASE[0]["text"].upper(), label=BASE[0]["label"])
    near = correction(LONG + "!", label=BASE[0]["label"], trace="t2")
    assert count(run(same, near).dropped) == {EXACT: 1, NEAR: 1}


def test_the_test_split_is_never_trained_on():
    curated = run(correction("where is IT?"), correction("Where is it?!", trace="t2"))
    assert count(curated.dropped) == {LEAK: 1}
    assert [row.text for row in curated.added] == ["Where is it?!"]


@pytest.mark.parametrize(
    ("label", "why"),
    [
        ("refund", "not JSON"),
        ('{"queue": "a", "queue": "b", "reference": "1"}', "not JSON"),
        ('{"queue": NaN, "reference": "1"}', "not JSON"),
        ('["refund"]', "neither"),
        ({"queue": "refund"}, "`reference` is missing"),
        ({"queue": "refund", "reference": "1", "mood": "bad"}, "`mood` is unknown"),
        ({"queue": "refund", "reference": 1}, "`reference` must be text"),
        (17, "neither"),
        ({"queue": "\ud800", "reference": "1"}, "canonical"),
    ],
)
def test_labels_that_do_not_fit_say_why(label, why):
    curated = run(correction("x", label=label))
    (gone,) = curated.dropped
    assert gone.reason == MISFIT
    assert why in gone.detail
    assert gone.row.origin == {"trace": "t1", "feedback": "f1"}


@pytest.mark.parametrize(
    ("text", "reason"), [("", NO_TEXT), (None, UNUSABLE), ("\ud800", UNUSABLE)]
)
def test_texts_that_cannot_be_used(text, reason):
    curated = run(correction(text))
    assert count(curated.dropped) == {reason: 1}
    assert curated.dropped[0].row.text.isprintable()


def test_labels_that_are_texts():
    base = [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]
    curated = run(
        correction("c", label=" z "), correction("d", label={"q": 1}, trace="t2"),
        correction("e", label="", trace="t3"), base=base, test=[],
    )  # fmt: skip
    assert [(row.text, row.label) for row in curated.added] == [("c", "z")]
    assert count(curated.dropped) == {MISFIT: 1, "empty label": 1}


def test_every_correction_is_accounted_for():
    given = [correction(f"text {n % 7}", trace=f"t{n % 9}", at_us=n) for n in range(40)]
    curated = run(*given)
    assert len(curated.added) + len(curated.dropped) == 40
    assert len(curated.train) == 2 + len(curated.added)


def test_a_correction_without_a_trace_is_refused():
    with pytest.raises(BadCorrectionError, match="Correction 2 has no `trace_id`"):
        run(correction("a"), {"text": "b", "label": "x", "feedback_id": "f"})

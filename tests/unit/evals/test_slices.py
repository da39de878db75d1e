from volano.evals.slices import by_slice, slices, weakest

LABELS = [{"queue": q, "ref": str(n)} for n, q in enumerate(["a", "b"] * 10)]


def test_rows_are_grouped_by_the_first_field_with_few_values():
    assert slices(LABELS) == ["a", "b"] * 10
    assert slices([{"ref": str(n), "lang": "hu" if n % 2 else "zh"} for n in range(30)])[:2] == [
        "zh",
        "hu",
    ]


def test_texts_group_by_themselves_where_they_are_few():
    assert slices(["да", "nem"] * 5) == ["да", "nem"] * 5
    assert set(slices([str(n) for n in range(100)])) == {""}


def test_a_field_that_is_named_is_taken():
    assert slices(LABELS, "nothing") == [""] * 20
    assert slices(LABELS, "queue") == ["a", "b"] * 10


def test_slices_have_both_scores_and_small_ones_are_left_out():
    found = by_slice(["a"] * 10 + ["b"] * 3, [1.0] * 13, [1.0] * 5 + [0.0] * 8)
    assert found == {"a": {"score": 0.5, "beside": 1.0, "n": 10}}
    assert weakest(found) == 0.5
    assert weakest({}) is None

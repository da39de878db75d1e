import pytest

from volano.evals.errors import BadTargetError
from volano.evals.target import Limit, Target, parse

PARENT = {"size": 500_000, "score": 0.9, "speed": 1000}


def test_the_sentence_of_the_house_is_read():
    target = parse("size<=100KB, score>=98%, fastest")
    assert target.limits == (
        Limit("size", False, 100_000),
        Limit("score", True, 0.98, of_parent=True),
    )
    assert target.wish == "speed"


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("size ≤ 100 KiB", Limit("size", False, 102_400)),
        ("size<30%", Limit("size", False, 0.3, True)),
        ("score>=0.95", Limit("score", True, 0.95)),
        ("agreement>=99%", Limit("agreement", True, 0.99)),
        ("FLIPS <= 1%", Limit("flips", False, 0.01)),
        ("p95<=1.5s", Limit("p95", False, 1500)),
        ("latency<=200ms", Limit("latency", False, 200)),
        ("speed>=1_000", Limit("speed", True, 1000)),
        ("memory<=1GiB", Limit("memory", False, 2**30)),
        ("cost<=0.5", Limit("cost", False, 0.5)),
    ],
)
def test_limits_are_read_with_their_units(text, limit):
    assert parse(text).limits == (limit,)


def test_yaml_says_the_same():
    short = parse("size<=100KB, score>=98%, smallest")
    mapping = "constraints: {size: '<= 100KB', score: '>= 98%'}\nobjective: smallest"
    listed = "constraints:\n- size<=100KB\n- score>=98%\nobjective: smallest"
    assert parse(mapping) == parse(listed) == short


def test_a_target_survives_its_plain_form():
    target = parse("size<=100KB, score>=98%, cheapest")
    assert Target.from_dict(target.to_dict()) == target
    assert str(target) == "size <= 100 KB, score >= 98 % of the reference's, cheapest"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it says nothing"),
        ("sise<=3KB", "did you mean `size`"),
        ("fastst", "did you mean `fastest`"),
        ("fastest, smallest", "one wish only"),
        ("size<=100", "given in B, KB"),
        ("score>=98", "say 98%"),
        ("score=98%", "reads like"),
        ("size<=1KB, size<=2KB", "twice"),
        ("score>=0.9, score<=0.8", "nothing lies between"),
        ("size<=1e999KB", "too large"),
        ("size<=1..2KB", "not a number"),
        ("latency<=3KB", "given in MS, S"),
        ("constraints: [", "not YAML"),
        ("constraints: 7", "a mapping or a list"),
        ("objective: fastest\nmore: 1", "has the keys"),
        ("x" * 5000, "at most"),
    ],
)
def test_what_cannot_be_read_says_where_and_why(text, says):
    with pytest.raises(BadTargetError, match=says):
        parse(text)


def test_limits_are_kept_by_the_parents_measure():
    target = parse("size<=20%, score>=98%, fastest")
    assert target.kept({"size": 100_000, "score": 0.882}, PARENT)
    assert not target.kept({"size": 100_001, "score": 0.9}, PARENT)
    assert not target.kept({"size": 100_000, "score": 0.88}, PARENT)


def test_what_was_not_measured_keeps_no_limit_and_breaks_none():
    target = parse("cost<=1, memory<=50%, cheapest")
    assert not target.kept({}, PARENT)
    assert target.broken({"memory": 3}, PARENT) == []
    assert [one.measure for one in target.broken({"cost": 2}, PARENT)] == ["cost"]

import xml.etree.ElementTree as ET

from volano.evals.compare import Side
from volano.evals.comparison import several
from volano.evals.told import junit, markdown, text


def side(values, ref="r@1"):
    lines = [{"id": f"row{n}", "answer": "igen", "scores": {"exact_match": value}}
             for n, value in enumerate(values)]  # fmt: skip
    return Side(ref, f"model/{ref}", lines)


def compared(a, b, *, critical=False, answer="plain", margin=0.02):
    first, second = side(a), side(b, ref="r@2")
    lines = [{**line, "critical": critical, "answer": answer} for line in second.lines]
    return several([first, Side("r@2", "model/новая", lines)], margin=margin)


def test_markdown_has_one_short_table_and_the_rest_folded():
    told = markdown(compared([1] * 50, [0] * 20 + [1] * 30))
    assert told.startswith("### model/новая against model/r@1".replace("@", "@&#8203;"))
    assert "| exact\\_match | 1.000 | 0.600 | -40.0 points" in told
    assert "❌ worse" in told
    assert "<details><summary>20 rows fell (0 critical), 0 rose</summary>" in told


def test_rows_in_markdown_are_linked_where_there_is_an_address():
    told = markdown(compared([1], [0]), link=lambda report, at: f"https://x/{report}/{at}")
    assert "[`row0`](https://x/r@2/0)" in told


def test_what_a_model_wrote_is_text_in_markdown():
    hostile = "<img src=x onerror=alert(1)> | **bold** [a](http://evil) @everyone\n# head `x`"
    told = markdown(compared([1] * 9, [0] * 9, answer=hostile))
    for bad in ("<img", "**bold**", "http://", "@everyone", "\n# head"):
        assert bad not in told
    assert "&lt;img" in told


def test_the_sentence_is_told_whole_and_a_long_answer_is_clipped():
    """Its end says how sure it is."""
    told = compared([1, 0] * 4, [1, 0, 0, 1] * 2, answer="слово " * 90)
    told["sentence"] = (
        f"{'exact match is undecided: ' * 9}not worse by more than 5 points, with 95 % confidence."
    )
    said = markdown(told)
    assert "with 95 % confidence. 8 rows, paired" in said
    assert "…" in said


def test_junit_fails_what_is_worse_skips_what_is_undecided_and_passes_the_rest():
    worse = ET.fromstring(junit(compared([1] * 50, [0] * 20 + [1] * 30)).split("\n", 1)[1])
    assert (worse.get("tests"), worse.get("failures"), worse.get("skipped")) == ("2", "1", "0")
    same = ET.fromstring(junit(compared([1, 0] * 400, [1, 0] * 400)).split("\n", 1)[1])
    assert (same.get("failures"), same.get("skipped")) == ("0", "0")
    few = ET.fromstring(junit(compared([1, 0], [1, 0])).split("\n", 1)[1])
    assert (few.get("failures"), few.get("skipped")) == ("0", "1")


def test_junit_fails_when_a_critical_row_fell_though_the_score_did_not():
    told = compared([1] * 1 + [0] * 1 + [1] * 900, [0] * 1 + [1] * 1 + [1] * 900, critical=True)
    root = ET.fromstring(junit(told).split("\n", 1)[1])
    failed = [
        case.get("name") for case in root.iter("testcase") if case.find("failure") is not None
    ]
    assert failed == ["critical rows"]


def test_junit_is_xml_whatever_an_answer_holds():
    told = junit(compared([1], [0], critical=True, answer="\x00\x1b[31m]]> <&\ud800 中文"))
    root = ET.fromstring(told.split("\n", 1)[1].encode())
    assert "中文" in root.find(".//testcase[@name='critical rows']/failure").text


def test_junit_has_the_shape_that_readers_expect():
    root = ET.fromstring(junit(compared([1], [0])).split("\n", 1)[1])
    assert root.tag == "testsuites"
    for suite in root:
        assert suite.tag == "testsuite"
        assert {"name", "tests", "failures", "errors", "skipped", "time"} <= set(suite.keys())
        assert int(suite.get("tests")) == len(suite)
        for case in suite:
            assert case.tag == "testcase"
            assert {"name", "classname", "time"} <= set(case.keys())
            assert {child.tag for child in case} <= {"failure", "skipped", "error"}


def test_text_says_the_verdict_in_words():
    assert "exact match is worse" in text(compared([1] * 50, [0] * 20 + [1] * 30))


def test_a_row_that_fell_is_called_as_in_the_console():
    lines = [{"id": "0f" * 32, "answer": "nem", "critical": True, "scores": {"exact_match": 0}}]
    good = [{**lines[0], "scores": {"exact_match": 1}}]
    found = several([Side("r@1", "m", good, {}, "dev"), Side("r@2", "m", lines, {}, "dev")])
    assert "| `dev:0` **critical** |" in markdown(found)
    assert ">dev:0: nem" in junit(found)
    assert found["flips"]["rows"][0]["row"] == "0f" * 32
    del found["flips"]["rows"][0]["place"]  # as comparisons were kept before
    assert "`0f0f0f0f0f0f0f0f`" in markdown(found)


def test_what_is_worse_within_the_margin_passes_and_every_form_says_so():
    told = compared([1] * 400, [0] * 60 + [1] * 340, margin=0.5)
    assert told["scores"][0]["verdict"] == "worse"
    assert ET.fromstring(junit(told).split("\n", 1)[1]).get("failures") == "0"
    said = "By more than the margin of 50 points: exact_match not worse."
    assert said in text(told)
    assert said.replace("_", "\\_") in markdown(told)
    narrow = compared([1] * 400, [0] * 60 + [1] * 340, margin=0.05)
    root = ET.fromstring(junit(narrow).split("\n", 1)[1])
    assert root.get("failures") == "1"
    assert "worse by more than 5 points" in root.find(".//failure").get("message")
    assert "of 5 points: exact_match worse." in text(narrow)


def test_a_margin_is_a_part_of_shares_and_ratios_and_plain_numbers_have_none():
    told = compared([1] * 400, [0] * 60 + [1] * 340, margin=0.05)
    [share] = told["scores"]
    cost = {**share, "name": "cost", "unit": "money", "verdict": "worse", "not_worse": "yes"}
    told["scores"] = [share, {**share, "name": "latency", "kind": "ratio", "unit": "ms"}, cost]
    root = ET.fromstring(junit(told).split("\n", 1)[1])
    failed = [one.get("name") for one in root.iter("testcase") if one.find("failure") is not None]
    assert failed == ["exact_match", "latency", "cost"]
    assert "of 5 points: exact_match worse." in text(told)
    assert "of 5 %: latency worse." in text(told)
    assert "cost not worse" not in text(told)


def test_what_is_left_out_of_a_table_is_counted():
    told = markdown(compared([1] * 95, [0] * 95))
    assert told.count("| `row") == 20
    assert "| and 75 more | | |" in told
    assert "more |" not in markdown(compared([1] * 20, [0] * 20))


def test_the_legend_names_the_correction_by_which_an_interval_beside_zero_is_undecided():
    first, second = side([1, 0] * 20), side([0, 0] * 20, ref="r@2")
    for at, line in enumerate([*first.lines, *second.lines]):
        line["slices"] = {"queue": str(at % 2)}
    told = markdown(several([first, second]))
    assert "2 slices" in told
    assert "(Benjamini-Hochberg)" in told
    assert "(Holm)" in told

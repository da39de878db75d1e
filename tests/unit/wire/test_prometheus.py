import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.prometheus import parse
from volano.wire.prometheus import Page


def test_a_page_reads_as_the_format_says():
    page = Page()
    page.counter("calls_total", "Calls.\nAll \\ of them.", [({"door": 'a"b\\c\nd'}, 3), ({}, 2)])
    page.gauge("now", "Now.", [({}, -1.5), ({"x": "ü"}, math.inf), ({"x": "y"}, 1e-7)])
    page.histogram("took_seconds", "Time.", [0.1, 2.5], [({"c": "s"}, [1, 0, 2], 9.25)])
    assert page.text() == (
        "# HELP calls_total Calls.\\nAll \\\\ of them.\n"
        "# TYPE calls_total counter\n"
        'calls_total{door="a\\"b\\\\c\\nd"} 3\n'
        "calls_total 2\n"
        "# HELP now Now.\n"
        "# TYPE now gauge\n"
        "now -1.5\n"
        'now{x="ü"} +Inf\n'
        'now{x="y"} 1e-07\n'
        "# HELP took_seconds Time.\n"
        "# TYPE took_seconds histogram\n"
        'took_seconds_bucket{c="s",le="0.1"} 1\n'
        'took_seconds_bucket{c="s",le="2.5"} 1\n'
        'took_seconds_bucket{c="s",le="+Inf"} 3\n'
        'took_seconds_sum{c="s"} 9.25\n'
        'took_seconds_count{c="s"} 3\n'
    )
    parse(page.text())


@given(st.dictionaries(st.text(), st.integers(0) | st.floats(min_value=0), max_size=5), st.text())
def test_whatever_a_label_says_is_read_back(values, says):
    page = Page()
    page.counter("n_total", f"x{says}x", [({"l": text}, v) for text, v in values.items()])
    found = parse(page.text())["n_total"]
    for text, value in values.items():
        read = found.value(l=text)
        assert read == float(value) or (math.isnan(read) and math.isnan(value))


@pytest.mark.parametrize(
    "text",
    ["a 1\n", "# TYPE a counter\na 1\n", "# HELP a A.\n# TYPE a counter\n",
     "# HELP a A.\n# TYPE a gauge\na 1", "# HELP a A.\n# TYPE a gauge\na{b=1} 1\n",
     "# HELP a A.\n# TYPE a gauge\na 1\na 2\n", "# HELP a A.\n# TYPE a gauge\nb 1\n",
     "# HELP a A.\n# TYPE a histogram\na_sum 1\na_count 1\n"],
)  # fmt: skip
def test_the_strict_reader_is_strict(text):
    with pytest.raises((AssertionError, KeyError)):
        parse(text)

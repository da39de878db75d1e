import json

import msgspec

from volano.evals.answered import Answered
from volano.evals.lines import dumped, exact


def test_lines_hold_any_text():
    one = Answered("ő", "你好 \ud800 мир", tools=({"name": "x", "arguments": {"": "\udc00"}},))
    assert Answered.from_dict(json.loads(exact(one))).answer == one.answer
    assert json.loads(dumped(one.to_dict()))["answer"] == "你好 ? мир"


def test_a_fast_line_says_what_a_plain_one_says():
    one = Answered("1", "Grüße\u2028", latency_us=5)
    assert json.loads(exact(one)) == msgspec.to_builtins(one) | {"tools": []}
    assert dumped({"a": 1.0, "b": None}) == b'{"a":1.0,"b":null}'

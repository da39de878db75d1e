"""A template says what Jinja would say, and cannot say what it must not."""

import json

import jinja2.sandbox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.core.template.errors import BadTemplateError, FillError
from volano.core.template.limits import LOOP, OUTPUT_CHARS, TEMPLATE_CHARS
from volano.core.template.parse import parse
from volano.core.template.tree import fill


def filled(text, **values):
    tree, _ = parse(text)
    return fill(json.loads(json.dumps(tree)), values)  # as it travels


@pytest.mark.parametrize(
    ("text", "values", "made"),
    [
        ("{{ név }}, {{ 名 }}!", {"név": "Ildikó", "名": "李雷"}, "Ildikó, 李雷!"),
        ("{% if n > 1 %}viele{% elif n == 1 %}eins{% else %}keins{% endif %}", {"n": 1}, "eins"),
        ("{% for x in xs %}{{ loop.index }}.{{ x }}{{ ',' if not loop.last }}{% else %}none{% endfor %}",
         {"xs": ["да", "нет"]}, "1.да,2.нет"),
        ("{% for x in xs %}{{ x }}{% else %}none{% endfor %}", {"xs": []}, "none"),
        ("{% for k, v in o|items %}{{ k }}={{ v }};{% endfor %}", {"o": {"a": 1, "b": True}}, "a=1;b=true;"),
        ("{{ o.a.b }} {{ o['a']['b'] }} {{ xs[0] }} {{ xs[-1] }}", {"o": {"a": {"b": "ű"}}, "xs": [1, 2]}, "ű ű 1 2"),
        ("{{ t|trim|upper|replace('Á', 'A')|truncate(3, '') }}", {"t": " árvíz "}, "ARV"),
        ("{{ o }} {{ o|tojson(1) }}", {"o": {"q": "你好"}}, '{"q": "你好"} {\n "q": "你好"\n}'),
        ("{{ o.nothing|default('–') }}{{ o.nothing is defined }}", {"o": {}}, "–false"),
        ("{% if 'x' in t and t is string or not t %}y{% endif %}", {"t": "x"}, "y"),
        ("{{ 'a' ~ 1 ~ none }}{{ -2 }}{{ 2.5|round(1) }}", {}, "a1null-22.5"),
        ("{% raw %}{{ x }}{% endraw %}{# gone #}", {}, "{{ x }}"),
        ("a\n{% if true %}\n  b\n{% endif %}\nc\n", {}, "a\n  b\nc\n"),
    ],
)  # fmt: skip
def test_what_templates_can_say(text, values, made):
    assert filled(text, **values) == made


PIECES = st.lists(
    st.sampled_from([
        "{{ t }}", "{{ n }}", "{{ t|upper }}", "{{ xs|join(', ') }}", "{{ t|length }}", "szöveg ",
        "{% if t %}{{ t }}{% else %}–{% endif %}", "{% if n > 2 and t %}да{% elif n == 0 %}нет{% endif %}",
        "{% for x in xs %}{{ loop.index }}{{ x }}{% if not loop.last %};{% endif %}{% endfor %}",
        "{{ xs|first }}", "{{ t if n else 'q' }}", "{{ t ~ n }}", "\n", "  {% if true %}\nx\n  {% endif %}\n",
        "{{ t|replace('a', 'bb') }}", "{{ t|title }}", "{{ t|default('z', true) }}", "{{ xs|last|lower }}",
    ]),
    max_size=8,
)  # fmt: skip


@given(
    PIECES,
    st.text(max_size=8),
    st.integers(0, 5),
    st.lists(st.text("abŐя票", min_size=1), min_size=1),
)
def test_it_says_what_jinja_says(pieces, t, n, xs):
    text = "".join(pieces)
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )  # fmt: skip
    if "title" not in text or (t.isascii() and t.isalpha()):  # Jinja has word rules of its own
        assert filled(text, t=t, n=n, xs=xs) == environment.from_string(text).render(
            t=t, n=n, xs=xs
        )


HOSTILE = [
    "{{ ''.__class__ }}", "{{ ''['__class__'] }}", "{{ x._private }}", "{{ x.＿＿class＿＿ }}", "{{ _x }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ x|attr('__class__') }}",
    "{{ 'a' * 10**9 }}", "{{ 10 ** 10 ** 10 }}", "{{ range(10**9) }}", "{% for i in range(99) %}{% endfor %}",
    "{{ 'x'.format(1) }}", "{{ '%s'|format(x) }}", "{{ '{0.__class__}'.format(x) }}", "{{ 'a' % x }}",
    "{{ 1 + 1 }}", "{{ x() }}", "{{ cycler }}{{ cycler('a') }}", "{{ self.x() }}", "{{ xs[1:] }}",
    "{% set x = 1 %}", "{% macro m() %}{% endmacro %}", "{% include 'x' %}", "{% import 'x' as y %}",
    "{% from 'x' import y %}", "{% extends 'x' %}", "{% block b %}{% endblock %}", "{% call x() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}", "{% with a = 1 %}{% endwith %}", "{% autoescape true %}{% endautoescape %}",
    "{% for x in xs if x %}{% endfor %}", "{% for x in xs recursive %}{% endfor %}", "{% for x.y in xs %}{% endfor %}",
    "{{ x|pprint }}", "{{ x|map('upper') }}", "{{ x|join(attribute='__class__') }}", "{{ x|join(*y) }}",
    "{{ x is callable }}", "{{ x is sameas y }}", "{{ {'a': 1} }}", "{{ 9" + "9" * 6000 + " }}",
    "{{ 1e999 }}", "{{", "{% if %}", "{% endif %}", "{% for x in xs %}", "{{ 'unclosed }}", "{% nonsense %}",
    "{{ x|replace('a') }}", "{{ x|upper(1) }}", "{% do x %}", "{% break %}", "{{ loop() }}", "{{ xs|sort }}",
    "(" * 10 + "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "{{ " + "not " * 5000 + "1 }}",
    "{{ " + "[" * 3000 + "]" * 3000 + " }}", "{% if 1 %}" * 500 + "{% endif %}" * 500,
    "{% for a in xs %}" * 60 + "{% endfor %}" * 60, "{{ x" + ".a" * 400 + " }}", "{{ x" + "|upper" * 400 + " }}",
    "x" * 2**20, "{{ x }}" * 2**17, "{{ '" + "a" * 2**20,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_a_template_must_not_say_is_refused_when_it_is_read(text):
    with pytest.raises(BadTemplateError):
        parse(text)


MANY = list(range(LOOP))
TOO_MUCH = [
    ("{% for a in xs %}{% for b in xs %}{% for c in xs %}{% endfor %}{% endfor %}{% endfor %}", {"xs": MANY}),
    ("{% for a in xs %}{{ t }}{% endfor %}", {"xs": MANY, "t": "x" * 1000}),
    ("{% for a in xs %}" + "x" * 50_000 + "{% endfor %}", {"xs": MANY}),
    ("{% for a in xs %}{% endfor %}", {"xs": [*MANY, 1]}),
    ("{{ t" + "|replace('a', 'aaaaaaaaaa')" * 12 + " }}", {"t": "a" * 10}),
    ("{{ xs|join(t) }}", {"xs": MANY, "t": "x" * 1000}),
    ("{{ t|indent(40)|indent(40)|indent(40) }}", {"t": "x\n" * 20_000}),
    ("{% for a in xs %}{% if o == o %}{% endif %}{% endfor %}", {"xs": MANY, "o": [MANY] * 50}),
    ("{% for a in xs %}{% if 'b' in t %}{% endif %}{% endfor %}", {"xs": MANY, "t": "a" * 500_000}),
    ("{% for a in xs %}{{ (o|tojson)|length }}{% endfor %}", {"xs": MANY, "o": [MANY] * 50}),
    ("{{ " + " ~ ".join(["t"] * 100) + " }}", {"t": "x" * 50_000}),
    ("{{ t|lines|length }}", {"t": "\n" * 20_000}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "values"), TOO_MUCH, ids=range(len(TOO_MUCH)))
def test_what_would_be_too_much_ends(text, values):
    with pytest.raises(FillError):
        filled(text, **values)


@pytest.mark.parametrize(
    "text",
    ["{{ x }}", "{{ o.x }}", "{{ o.x.y }}", "{% if x %}{% endif %}", "{{ x|upper }}", "{{ n|upper }}",
     "{% for a in n %}{% endfor %}", "{% for a, b in xs %}{% endfor %}", "{{ n < t }}", "{{ -t }}",
     "{{ xs[99] }}", "{{ t.upper }}", "{{ t.format }}", "{{ n in n }}", "{{ xs['a'] }}", "{{ n is divisibleby(0) }}",
     "{{ [] | first }}", "{{ o.a > 1 }}", "{{ x ~ 'a' }}", "{{ loop.index }}", "{{ n|length }}", "{{ o|join }}"],
)  # fmt: skip
def test_what_is_not_there_or_of_another_kind_is_an_error(text):
    with pytest.raises(FillError):
        filled(text, o={"a": None}, n=3, t="t", xs=[1])


def test_values_are_not_read_as_templates():
    for text in ("{{ t }}", "{% for x in [t] %}{{ x }}{% endfor %}"):
        for value in ("{{ 7 }}", "{% raw %}", "{0.__class__}", "%s", "\\1", "a\0b"):
            assert filled(text, t=value) == value


def test_names_are_told_in_the_order_of_their_use_and_loops_bind_theirs():
    _, names = parse(
        "{{ b }}{% for a in xs %}{{ a }}{{ loop.index }}{{ c }}{% endfor %}{{ a }}{{ b }}"
    )
    assert names == ("b", "xs", "c", "a")
    assert parse("{{ ne\u0301v }}")[1] == ("n\u00e9v",)


def test_the_largest_template_is_read():
    assert len(filled("x" * TEMPLATE_CHARS)) == TEMPLATE_CHARS < OUTPUT_CHARS

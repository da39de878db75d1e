"""Templates of strangers: what they say stays text, and no template is worth more than its letters."""

import random
import tracemalloc

import pytest
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from volano.models.exchange.go_template import NotUnderstoodError, to_jinja
from volano.models.exchange.go_tree import MOST_CHARS, MOST_DEPTH, MOST_SAID

TALK = [{"role": "user", "content": "hello"}]
MOST_BYTES = 64 << 20
NAMES = {"messages", "m", "v", "loop", "namespace"}
HOSTILE = [
    "'", "\\", '"', "}}", "{%", "%}", "{#", "#}", "%s", "%", "])", "(", ")", " ~ ", "\n", "\r", "\t",
    " | ", "messages", "v.system", "{% for x in range(3) %}INJECTED{% endfor %}", "é", "\x00", "\u2028",
    "{{ INJECTED }}", "\\'", "\\x41", "raw", "-%}", "0",
]  # fmt: skip


def page():
    return ImmutableSandboxedEnvironment()


def nested(one: str, given: str, times: int) -> str:
    return f"({one} " * times + ".Prompt" + f" {given})" * times


def spread(times: int, *, text: str = "") -> str:
    """Return turns that are left early again and again: what follows would be there twice each time."""
    early = '{{ if eq .Role "a" }}x{{ if eq .Role "b" }}{{ continue }}{{ end }}{{ else }}y{{ end }}'
    return "{{ range .Messages }}" + early * times + text + "{{ end }}"


BOMBS = {
    **{piece: piece * (MOST_CHARS // len(piece)) for piece in
       ("{{", '{{ "', "{{/*", "{{/* }}", "{{ if .System }}", "{{ (", "{{- ", "`")},
    "eq": "{{ " + nested("eq", "1 1", 30) + " }}",
    "eq of texts": "{{ " + nested("eq", '"a" "b"', MOST_DEPTH - 1) + " }}",
    "eq of many": "{{ if " + nested("eq", "1 " * 60, 4) + " }}{{ end }}",
    "a long eq": '{{ if eq "' + "x" * 9000 + '"' + " .Prompt" * 6000 + " }}{{ end }}",
    "many eq": '{{ range .Messages }}{{ if eq .Content "x"' + ' "x"' * 15000 + " }}{{ end }}{{ end }}",
    "quotes": "'" * 9000 + "{{ .Prompt }}" + '{{ "' + "\\\\" * 27000 + '" }}' + spread(8, text="'" * 40000),
    "continue": spread(9, text="z" * 40000),
    "many continues": spread(600),
    "nothing said": spread(9, text='{{ if and ""' + ' ""' * 13000 + " }}{{ end }}"),
    "continues after continues": "{{ range .Messages }}" + "{{ if .Content }}" * 36
        + "{{ if .Content }}{{ continue }}{{ end }}" * 361 + "{{ end }}" * 37,
    "continues in a row": "{{ range .Messages }}" + "{{ if .Content }}{{ continue }}{{ end }}" * 200 + "{{ end }}",
}  # fmt: skip


@pytest.mark.parametrize("template", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_read_once_and_refused(template):
    tracemalloc.start()
    try:
        with pytest.raises(NotUnderstoodError):
            to_jinja(template)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()


def test_blocks_within_each_other_are_read_as_deep_as_jinja_goes():
    deep = MOST_DEPTH - 1
    template = "{{ if .Prompt }}" * deep + "{{ .Prompt }}" + "{{ else }}no{{ end }}" * deep
    assert page().from_string(to_jinja(template)).render(messages=TALK) == "hello"


@pytest.mark.parametrize(
    "action",
    [
        'or .Prompt (printf (slice "a%s" 1) "v")',
        'printf (slice "a%s" "x") "v"',
        'printf (or .Prompt "a%s") "v"',
        'printf .Prompt "v"',
        'printf (printf "%s" "%s") "v"',
    ],
)
def test_only_a_text_of_the_template_is_a_form(action):
    tail = "])) }}{% for x in range(3) %}INJECTED {% endfor %}{# {{ .System }}#}tail"
    with pytest.raises(NotUnderstoodError):
        to_jinja("{{ " + action + " }}" + tail + "{{ .Prompt }}")


def quoted(text: str, draw: random.Random) -> str:
    """Return a Go string that says a text."""
    if "`" not in text and "\r" not in text and draw.random() < 0.3:
        return f"`{text}`"
    for raw, said in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(raw, said)
    return f'"{text}"'


def hostile(draw: random.Random) -> str:
    return "".join(draw.choices(HOSTILE, k=draw.randint(0, 4)))


def said(draw: random.Random, depth: int = 0) -> tuple[str, str]:
    """Return an expression of Go, and what Go prints of it."""
    kind = draw.choice(["text", "text", "field", "printf", "or", "and"]) if depth < 3 else "text"
    if kind == "text":
        text = hostile(draw)
        return quoted(text, draw), text
    if kind == "field":
        return ".Prompt", "hello"
    parts = [said(draw, depth + 1) for _ in range(draw.randint(1, 3))]
    inner = " ".join(f"({go})" if " " in go and go[0] not in '"`' else go for go, _ in parts)
    if kind == "printf":
        form = [hostile(draw).replace("%", "") for _ in range(len(parts) + 1)]
        told = form[0] + "".join(
            text + rest for (_, text), rest in zip(parts, form[1:], strict=True)
        )
        return f"printf {quoted('%s'.join(form), draw)} {inner}", told
    texts = [text for _, text in parts]
    whole = next((text for text in texts if bool(text) == (kind == "or")), texts[-1])
    return f"{kind} {inner}", whole


def test_what_go_prints_is_printed_whatever_letters_it_has():
    draw = random.Random(20261123)
    for _ in range(100):
        go, told = said(draw)
        between = hostile(draw).replace("{{", "")
        template = f"{{{{ .Prompt }}}}{between} {{{{ {go} }}}}"
        assert (
            page().from_string(to_jinja(template)).render(messages=TALK) == f"hello{between} {told}"
        )


def test_words_of_a_template_become_no_code():
    """Random words are refused, or become a template that knows no more than what we write."""
    draw = random.Random(20261123)
    words = [
        "or", "and", "not", "eq", "ne", "lt", "len", "slice", "printf", "(", ")", ".Prompt", ".System",
        "$x", "$x", ":=", "=", "0", "1", "-1", "true", '"a%s"', "`'b`", '"])"', ".Tools", "$.Prompt",
        "if", "else", "end", "messages", "|", "range(3)", "v.system", "INJECTED", "'", '"', "%}", "}}",
    ]  # fmt: skip
    read = 0
    for _ in range(1500):
        soup = " ".join(draw.choices(words, k=draw.randint(1, 5)))
        try:
            template = to_jinja("{{ $x := .Prompt }}{{ " + soup + " }}INJECTED")
        except NotUnderstoodError:
            continue
        read += 1
        assert len(template) <= MOST_SAID
        made = page().parse(template)
        assert {one.name for one in made.find_all(nodes.Name)} <= NAMES
        assert {one.node.name for one in made.find_all(nodes.Call)} == {"namespace"}
        assert {one.name for one in made.find_all(nodes.Filter)} <= {"length"}
        page().from_string(template).render(messages=TALK)
    assert read > 50

"""Templates of Ollama become chat templates that say the same, byte by byte.

The templates, and what Ollama renders of them, are its own: github.com/ollama/ollama, `template/`.
"""

import json
import shutil
import socket
from pathlib import Path

import pytest
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from volano.models import builtin
from volano.models.checks.gguf import check_gguf
from volano.models.exchange.go_template import MOST_CHARS, NotUnderstoodError, to_jinja
from volano.models.exchange.worded import write_template
from volano.serving import EngineSpec, engine

SYSTEM = {"role": "system", "content": "Be 'kind' {{ .X }} \\n."}
ASKS = {"role": "user", "content": "Hé?"}
SAYS = {"role": "assistant", "content": "你好。"}
AGAIN = {"role": "user", "content": "Tschüß"}
TALK = [SYSTEM, ASKS, SAYS, AGAIN]
S = SYSTEM["content"]


def rendered(template, *turns):
    kind = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    return kind.from_string(to_jinja(template)).render(messages=turns, add_generation_prompt=True)


CHATML = "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"
CHATML_BEFORE = """{{ if .System }}<|im_start|>system
{{ .System }}<|im_end|>
{{ end }}{{ if .Prompt }}<|im_start|>user
{{ .Prompt }}<|im_end|>
{{ end }}<|im_start|>assistant
{{ .Response }}<|im_end|>
"""
CHATML_SAID = (
    f"<|im_start|>system\n{S}<|im_end|>\n<|im_start|>user\nHé?<|im_end|>\n<|im_start|>assistant\n"
    "你好。<|im_end|>\n<|im_start|>user\nTschüß<|im_end|>\n<|im_start|>assistant\n"
)
LLAMA2 = """{{- $system := "" }}[INST] {{ range .Messages }}
{{- if eq .Role "system" }}
{{- if not $system }}{{ $system = .Content }}
{{- else }}{{ $system = printf "%s\\n\\n%s" $system .Content }}
{{- end }}
{{- else if eq .Role "user" }}<<SYS>>
{{- if $system }}
{{ $system }}
{{ $system = "" }}
{{- end }}<</SYS>>

{{ .Content }} [/INST]
{{- else if eq .Role "assistant" }} {{ .Content }}</s><s>[INST] {{ end }}
{{- end }}"""
LLAMA3 = """{{ if .System }}<|start_header_id|>system<|end_header_id|>

{{ .System }}<|eot_id|>{{ end }}{{ if .Prompt }}<|start_header_id|>user<|end_header_id|>

{{ .Prompt }}<|eot_id|>{{ end }}<|start_header_id|>assistant<|end_header_id|>

{{ .Response }}<|eot_id|>"""
GEMMA3 = """{{- range $i, $_ := .Messages }}
{{- $last := eq (len (slice $.Messages $i)) 1 }}
{{- if eq .Role "user" }}<start_of_turn>user
{{- if and (eq $i 1) $.System }}
{{ $.System }}
{{ end }}
{{ .Content }}<end_of_turn>
{{ else if eq .Role "assistant" }}<start_of_turn>model
{{ .Content }}<end_of_turn>
{{ end }}
{{- if $last }}<start_of_turn>model
{{ end }}
{{- end }}
"""
SOLAR = """{{- range .Messages }}
{{- if eq .Role "system" }}### System:
{{- else if eq .Role "user" }}### User:
{{- else if eq .Role "assistant" }}### Assistant:
{{ .Content }}</s>

{{ continue }}
{{- end }}
{{ .Content }}

{{ end }}### Assistant:
"""
QWEN = """{{- if .Messages }}
{{- if or .System .Tools }}<|im_start|>system
{{- if .System }}
{{ .System }}
{{- end }}
{{- if .Tools }}

# What you may call
{{- range .Tools }}
{"function": {{ .Function }}}
{{- end }}
{{- end }}<|im_end|>
{{ end }}
{{- range $i, $_ := .Messages }}
{{- $last := eq (len (slice $.Messages $i)) 1 -}}
{{- if eq .Role "user" }}<|im_start|>user
{{ .Content }}<|im_end|>
{{ else if eq .Role "assistant" }}<|im_start|>assistant
{{ if .Content }}{{ .Content }}
{{- else if .ToolCalls }}<tool_call>
{{ range .ToolCalls }}{"name": "{{ .Function.Name }}", "arguments": {{ .Function.Arguments }}}
{{ end }}</tool_call>
{{- end }}{{ if not $last }}<|im_end|>
{{ end }}
{{- else if eq .Role "tool" }}<|im_start|>user
<tool_response>
{{ .Content }}
</tool_response><|im_end|>
{{ end }}
{{- if and (ne .Role "assistant") $last }}<|im_start|>assistant
{{ end }}
{{- end }}
{{- else }}
{{- if .System }}<|im_start|>system
{{ .System }}<|im_end|>
{{ end }}{{ if .Prompt }}<|im_start|>user
{{ .Prompt }}<|im_end|>
{{ end }}<|im_start|>assistant
{{ end }}{{ .Response }}{{ if .Response }}<|im_end|>{{ end }}"""
"""Qwen 2.5 is asked this way at Ollama, and many that came after it."""
MISTRAL = "[INST] {{ if .System }}{{ .System }} {{ end }}{{ .Prompt }} [/INST]"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (CHATML, CHATML_SAID),
        (CHATML_BEFORE, CHATML_SAID),
        (QWEN, CHATML_SAID),
        (
            LLAMA2,
            f"[INST] <<SYS>>\n{S}\n<</SYS>>\n\nHé? [/INST] 你好。</s><s>[INST] <<SYS>><</SYS>>\n\nTschüß [/INST]",
        ),
        (
            LLAMA3,
            (
                f"<|start_header_id|>system<|end_header_id|>\n\n{S}<|eot_id|>"
                "<|start_header_id|>user<|end_header_id|>\n\nHé?<|eot_id|>"
                "<|start_header_id|>assistant<|end_header_id|>\n\n你好。<|eot_id|>"
                "<|start_header_id|>user<|end_header_id|>\n\nTschüß<|eot_id|>"
                "<|start_header_id|>assistant<|end_header_id|>\n\n"
            ),
        ),
        (
            GEMMA3,
            (
                f"<start_of_turn>user\n{S}\n\nHé?<end_of_turn>\n<start_of_turn>model\n你好。<end_of_turn>\n"
                "<start_of_turn>user\nTschüß<end_of_turn>\n<start_of_turn>model\n\n"
            ),
        ),
        (
            SOLAR,
            (
                f"### System:\n{S}\n\n### User:\nHé?\n\n### Assistant:\n你好。</s>\n\n"
                "### User:\nTschüß\n\n### Assistant:\n"
            ),
        ),
        (MISTRAL, f"[INST] {S} Hé? [/INST]你好。[INST] Tschüß [/INST]"),
    ],
)
def test_a_talk_reads_as_ollama_writes_it(template, said):
    assert rendered(template, *TALK) == said


def test_tools_and_thinking_are_absent_whatever_stands_in_their_branches():
    template = "{{ if .Tools }}{{ json .Tools }}{{ end }}" + CHATML.replace(
        "{{ .Content }}",
        "{{ if and .ToolCalls (eq .Role `assistant`) }}{{ conjure }}{{ else }}{{ .Content }}{{ end }}",
    )
    assert rendered(template, *TALK) == CHATML_SAID


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ .Prompt", "{{ .Prompt"),
        ("{{ if .System }}{{ .Prompt }}", "if"),
        ("{{ end }}{{ .Prompt }}", "end"),
        ("{{ .Prompt }}{{ json . }}", "json"),
        ("{{ .Prompt }}{{ .Weather }}", ".Weather"),
        ("{{ $x }}{{ .Prompt }}", "$x"),
        ("{{ if .Response }}{{ .Response }}{{ end }}{{ .Prompt }}", ".Response"),
        ("Hello.", ".Prompt"),
        ('{{ printf "%d" .Prompt }}', "printf"),
        ("{{ with .Prompt }}{{ . }}{{ end }}", "with"),
        ("{{ if eq .Prompt }}{{ end }}", "eq"),
        ("{{ range .Prompt }}{{ end }}", "range"),
        ('{{ "a\\x41" }}{{ .Prompt }}', "x"),
        ("{{ /* a */ }}{{ .Prompt }}", "/* a */"),
        ("{{ if .Prompt }}" * 60, "blocks"),
        ("{{ " + "(" * 90 + ".Prompt }}", "("),
        ("x" * (MOST_CHARS + 1), "characters"),
        ("\ud800{{ .Prompt }}", "characters"),
        ("{{ if gt 0123 5 }}a{{ end }}{{ .Prompt }}", "0123"),
        ("{{ $² := 1 }}{{ .Prompt }}", "$²"),
        ("{{ or .System.Prompt .Prompt }}", ".System.Prompt"),
        ('{{ or "a""b" }}{{ .Prompt }}', '"a""b"'),
        ("{{ .Prompt }}{{ break }}", "break"),
        ("{{/* a */ .System }}{{ .Prompt }}", "/* a */"),
        ("{{ .Prompt }}{{ end of }}", "end of"),
        ('{{ .Prompt }}{{ "a\\\'" }}', "\\'"),
    ],
)
def test_what_is_not_read_is_named_and_never_guessed(template, words):
    with pytest.raises(NotUnderstoodError) as error:
        to_jinja(template)
    assert words in error.value.message


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("a {{- /* }} {{ */ -}} b{{/* c */}}{{ .Prompt }}", "abHé?"),
        ("{{ if .Suffix }}<{{ .Suffix }}>{{ end }}{{ .Prompt }}", "Hé?"),
        (
            '{{ if eq .ThinkLevel "" }}medium{{ else }}{{ weird }}{{ end }} {{ .Prompt }}',
            "medium Hé?",
        ),
        ('{{ if ne .ThinkLevel "" }}{{ weird }}{{ end }}{{ .ThinkLevel }}{{ .Prompt }}', "Hé?"),
        ("{{ if gt (len .Tools) 0 }}{{ weird }}{{ end }}{{ .Prompt }}", "Hé?"),
        ("{{ if not .Tools }}none {{ end }}{{ .Prompt }}", "none Hé?"),
        ("{{ if and .IsThinkSet (not .Think) }}{{ weird }}{{ end }}{{ .Prompt }}", "Hé?"),
        ("{{ if .Tools }}{{ with .Tools }}{{ . }}{{ end }}!{{ end }}{{ .Prompt }}", "Hé?"),
        ("{{ if or .Prompt .Tools }}{{ or .System .Prompt }}{{ end }}", "Hé?"),
        ("{{range .Messages}}{{.Thinking}}{{range .Images}}{{.}}{{end}}{{.Content}}{{end}}", "Hé?"),
        ("{{ $n := len .Messages }}{{ range .Messages }}{{ $n }}{{ .Content }}{{ end }}", "1Hé?"),
        ('{{ if eq .Prompt "a" "Hé?" }}b{{ end }}{{ .Prompt }}', "bHé?"),
        ("{{ range .Messages }}{{ .Content }}{{ else }}{{ weird }}{{ end }}", "Hé?"),
    ],
)
def test_what_is_absent_is_as_empty_as_go_has_it(template, said):
    assert rendered(template, ASKS) == said


@pytest.mark.parametrize(
    "template",
    [
        "{{ .Prompt }}{{ .Suffix }}",
        "{{ .Prompt }}{{ .Tools }}",
        "{{ .Prompt }}{{ not .Tools }}",
        "{{ .Prompt }}{{ .Think }}",
        '{{ .Prompt }}{{ eq .Prompt "x" }}',
        "{{ .Prompt }}{{ or .System .Tools }}",
        "{{ .Prompt }}{{ len .Prompt }}",
        "{{ .Prompt }}{{ if gt .Prompt 1 }}{{ end }}",
        '{{ .Prompt }}{{ if eq .Suffix "" }}{{ end }}',
        "{{ range .Messages }}{{ len (slice $.Messages 7) }}{{ end }}",
        "{{ range .Messages }}{{ .Tools }}{{ end }}",
        "{{ range .Messages }}{{ . }}{{ end }}",
        "{{ range $m := .Messages }}{{ $m }}{{ end }}",
        "{{ range .Messages }}{{ .Content }}{{ end }}{{ .Prompt }}",
        '{{ $x := "a" }}{{ $x = 1 }}{{ .Prompt }}',
    ],
)
def test_what_jinja_says_in_another_way_is_refused(template):
    with pytest.raises(NotUnderstoodError):
        to_jinja(template)


def test_a_message_without_words_says_nothing():
    nothing = {"role": "assistant", "content": None}
    assert rendered(CHATML, ASKS, nothing).endswith(
        "assistant\n<|im_end|>\n<|im_start|>assistant\n"
    )
    assert "None" not in rendered(CHATML_BEFORE, ASKS, nothing)


A, B = ({"role": "system", "content": text} for text in "AB")
U1, U2 = ({"role": "user", "content": text} for text in ("u1", "u2"))
X = {"role": "assistant", "content": "x"}
OLD = "{{ if .System }}<sys>{{ .System }}{{ end }}{{ if .Prompt }}<u>{{ .Prompt }}{{ end }}<a>{{ .Response }}<e>"
NEW = "{{ range .Messages }}<{{ .Role }}>{{ .Content }}{{ end }}"


@pytest.mark.parametrize(
    ("template", "turns", "said"),
    [
        (OLD, [A, B, U1, U2], "<sys>A\n\nB<u>u1\n\nu2<a>"),
        (OLD, [A, U1, X, X, U2], "<sys>A<u>u1<a>x\n\nx<e><u>u2<a>"),
        (OLD, [A, U1, B, U2], "<sys>A<u>u1<a><e><sys>B<u>u2<a>"),
        (OLD, [A, X, B, U1], "<sys>A<a>x<e><sys>B<u>u1<a>"),
        (OLD, [A], "<sys>A<a>"),
        (OLD, [U1, X], "<u>u1<a>x<e>"),
        (NEW, [A, B, U1, U2], "<system>A\n\nB<user>u1\n\nu2"),
        ("{{ .System }}" + NEW, [A, U1, B], "A\n\nB<system>A<user>u1<system>B"),
    ],
)
def test_neighbours_of_one_role_are_one_message(template, turns, said):
    assert rendered(template, *turns) == said


@pytest.mark.parametrize(
    "template",
    [
        '{{ $x := "a" }}{{ if .Prompt }}{{ $x := "b" }}{{ end }}{{ $x }}{{ .Prompt }}',
        '{{ if .Prompt }}{{ $x := "b" }}{{ end }}{{ $x }}',
        '{{ range .Messages }}{{ if eq .Role "user" }}{{ $x := .Content }}{{ end }}{{ $x }}{{ end }}',
        '{{ range .Messages }}{{ if .Content }}{{ $x := "b" }}{{ else }}{{ continue }}{{ end }}{{ $x }}{{ end }}',
        "{{ range $i, $m := .Messages }}{{ end }}{{ $i }}",
        '{{ $i := "a" }}{{ range $i, $m := .Messages }}{{ end }}{{ $i }}',
    ],
)
def test_a_variable_ends_with_its_block_and_hides_no_other(template):
    with pytest.raises(NotUnderstoodError) as error:
        to_jinja(template)
    assert "$" in error.value.message


def test_blocks_beside_each_other_have_variables_of_one_name():
    template = '{{ if .Prompt }}{{ $x := "a" }}{{ $x }}{{ end }}{{ if .Prompt }}{{ $x := 1 }}{{ $x }}{{ .Prompt }}{{ end }}'
    assert rendered(template, ASKS) == "a1Hé?"


def asked_of(folder: Path, path: str, body: object) -> dict:
    """Ask the engine in a folder for one of its own doors."""
    raw = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.0\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(30)
        line.connect(str(folder / "e.sock"))
        line.sendall(head.encode() + raw)
        with line.makefile("rb") as said:
            return json.loads(said.read().partition(b"\r\n\r\n")[2])


FIVE = [LLAMA2, GEMMA3, SOLAR, QWEN, OLD]


@pytest.mark.parametrize("template", FIVE, ids=["llama2", "gemma3", "solar", "qwen", "old"])
def test_llama_cpp_renders_it_as_we_do(template, tmp_path, monkeypatch):
    """Its own reader of Jinja knows less than Python's, and says nothing where it does."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "model.gguf"
    shutil.copy(builtin.FOLDER / "model.gguf", file)
    write_template(file, check_gguf(file, numbers=False), to_jinja(template))
    address = f"unix:{tmp_path}/e.sock"
    spec = EngineSpec("x", str(file), "x", address, n_parallel=1, n_ctx=512)
    with engine(spec):
        for talk in (TALK, [A, B, U1, U2, X, U1]):
            said = asked_of(tmp_path, "/apply-template", {"messages": talk})
            assert said["prompt"] == rendered(template, *talk)

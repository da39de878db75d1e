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
MISTRAL = "[INST] {{ if .System }}{{ .System }} {{ end }}{{ .Prompt }} [/INST]"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (CHATML, CHATML_SAID),
        (CHATML_BEFORE, CHATML_SAID),
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
        ("{{ if .Prompt }}" * 60, "blocks"),
        ("{{ " + "(" * 90 + ".Prompt }}", "("),
        ("x" * (MOST_CHARS + 1), "characters"),
    ],
)
def test_what_is_not_read_is_named_and_never_guessed(template, words):
    with pytest.raises(NotUnderstoodError) as error:
        to_jinja(template)
    assert words in error.value.message


@pytest.mark.parametrize("piece", ["{{", '{{ "', "{{/*", "{{ if .System }}", "{{ (", "{{- ", "`"])
def test_a_bomb_is_read_once_and_refused(piece):
    with pytest.raises(NotUnderstoodError):
        to_jinja(piece * (MOST_CHARS // len(piece)))


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


@pytest.mark.parametrize("template", [LLAMA2, GEMMA3, SOLAR], ids=["llama2", "gemma3", "solar"])
def test_llama_cpp_renders_it_as_we_do(template, tmp_path, monkeypatch):
    """Its own reader of Jinja knows less than Python's, and says nothing where it does."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "model.gguf"
    shutil.copy(builtin.FOLDER / "model.gguf", file)
    write_template(file, check_gguf(file, numbers=False), to_jinja(template))
    address = f"unix:{tmp_path}/e.sock"
    spec = EngineSpec("x", str(file), "x", address, n_parallel=1, n_ctx=512)
    with engine(spec):
        said = asked_of(tmp_path, "/apply-template", {"messages": TALK})
    assert said["prompt"] == rendered(template, *TALK)

"""YAML from strangers: what it means, what is refused, and that no error quotes the file."""

import contextlib
import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from volano.adapters.gateways.yaml_text import (
    MAX_BYTES,
    BadYamlError,
    TooLongError,
    read,
)

SECRET = "sk-very-secret"


@pytest.mark.parametrize(
    "text",
    [
        "", "a: 1", "- 1\n- 2", "a: {b: [1, 2.5, true, null, ~, text]}", "a: 'x'\nb: \"y\\n\"",
        "a: |\n  lines\n  here\n", "on: yes\noff: no", "a: 2024-10-21", "a: 0x10\nb: 1_000",
        "a: 1e-6\nb: 2.5e-06", "---\na: 1\n...\n", "# only words\n", "a:\n", "é: ü", "? a\n: b",
    ],
)  # fmt: skip
def test_plain_yaml_means_what_other_readers_take_it_for(text):
    expected = yaml.safe_load(text)
    if isinstance(expected, dict):
        expected = {str(key): value for key, value in expected.items()}
    assert read(text.encode()) == expected


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
        ),
        max_leaves=20,
    )
)
def test_what_was_written_is_read(value):
    assert read(yaml.safe_dump(value).encode()) == value


def test_anchors_and_merges_are_read():
    text = """
    base: &base {model: a, rpm: 6}
    one: {<<: *base, rpm: 7}
    two: {<<: [*base, {more: 1}]}
    again: *base
    """
    assert read(text.encode()) == {
        "base": {"model": "a", "rpm": 6},
        "one": {"model": "a", "rpm": 7},
        "two": {"model": "a", "rpm": 6, "more": 1},
        "again": {"model": "a", "rpm": 6},
    }


def bomb(levels=12):
    lines = [f"a0: &a0 [{', '.join(['x'] * 10)}]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("raw", "line", "part"),
    [
        (bomb(), 5, "with its aliases"),
        (b"a: &a [*a]", 1, "inside of what it names"),
        (b"b: 1\na: *nothing", 2, "alias"),
        (b"a: !!python/object/apply:os.system [id]", 1, "tag"),
        (b"a: !secret x", 1, "tag"),
        (b"!!map {a: 1}", 1, "tag"),
        (b"a: 1\nb: 2\na: 3", 3, "a key is there twice"),
        (b"a: {b: 1, b: 2}", 1, "a key is there twice"),
        (b"a: 1\n---\nb: 2", 2, "second document"),
        (b"? [a, b]\n: c", 1, "a key is a list"),
        (b"a: " + b"[" * 60 + b"]" * 60, 1, "nested deeper"),
        (b"a: {<<: 1}", 1, "no object"),
        (b"a: 1\nb: \xff", 2, "UTF-8"),
        (b"a: 2024-99-99", 1, "a date"),
        (b"a: " + b"9" * 5000, 1, "a number"),
    ],
)
def test_hostile_yaml_is_refused_with_the_line_and_the_reason(raw, line, part):
    with pytest.raises(BadYamlError) as refused:
        read(raw)
    assert f"line {line}:" in refused.value.message
    assert part in refused.value.message


@pytest.mark.parametrize(
    "text",
    [
        "key: [{s}", "key: '{s}", 'key: "{s}', "key: *{s}", "key: !{s} x", "a: {s}: b: {s}",
        "\t{s}: 1", "key: @{s}", "key: %{s}", "key: \x01{s}", "{s}: {s}\n{s}: 2",
        "key: |{s}", "a: &{s} [*{s}]", "- {s}\nb: 1", 'key: "\\{s}"',
    ],
)  # fmt: skip
def test_no_error_quotes_the_file(text):
    with pytest.raises(BadYamlError) as refused:
        read(text.replace("{s}", SECRET).encode())
    assert SECRET not in f"{refused.value.message} {refused.value.advice} {refused.value.facts}"
    assert SECRET not in str(refused.value.__cause__)


def test_a_large_file_is_not_looked_at():
    before = time.process_time()
    with pytest.raises(TooLongError):
        read(b"x" * (MAX_BYTES + 1))
    assert time.process_time() - before < 1


@given(st.binary(max_size=200) | st.text(alphabet="ab:-[]{}&*!|>'\"\n #,?<%@`", max_size=60))
def test_any_bytes_are_read_or_refused(raw):
    with contextlib.suppress(BadYamlError, TooLongError):
        read(raw if isinstance(raw, bytes) else raw.encode())

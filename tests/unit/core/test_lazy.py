"""A lazy module loads when it is first used, and then is the module."""

import subprocess
import sys

import pytest

from volano.core.lazy import lazy


def test_it_gives_what_the_module_has():
    assert lazy("json").loads("[1]") == [1]
    assert lazy("collections.abc").Mapping is __import__("collections.abc").abc.Mapping


def test_what_the_module_lacks_is_an_attribute_error():
    with pytest.raises(AttributeError):
        assert lazy("json").nothing
    with pytest.raises(AttributeError):
        assert lazy("json").__nothing__


def test_large_libraries_do_not_load_with_the_app():
    names = "pyarrow", "httpx2", "genai_prices", "jinja2", "duckdb"
    code = f"import sys, volano.app.app; print([n for n in {names} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "[]\n"

"""One trained model in each engine's format, and each engine on it."""

import shutil
from pathlib import Path

import pytest

from support.running import Running
from support.weights import ct2_folder, onnx_folder, trained_folder
from volano.models.builtin import FOLDER
from volano.serving import EngineSpec

PLACES = {"llamacpp": None, "ctranslate2": ct2_folder, "onnx": onnx_folder}


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    pytest.importorskip("torch", reason="converters need the [train] extra")
    return trained_folder(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="session", params=sorted(PLACES))
def model(request, tmp_path_factory):
    """The kind of engine, and what it is given."""
    make = PLACES[request.param]
    if make is None:
        return request.param, str(FOLDER / "model.gguf")
    pytest.importorskip("ctranslate2" if request.param == "ctranslate2" else "onnxruntime")
    trained = request.getfixturevalue("trained")
    target = tmp_path_factory.mktemp("models") / request.param
    return request.param, str(make(trained, target))


@pytest.fixture(scope="session")
def spec_of(model, tmp_path_factory):
    """Return a function that makes a spec with a socket of its own."""
    kind, path = model
    folder = tmp_path_factory.mktemp("s")
    made = iter(range(1000))
    yield lambda **more: EngineSpec(
        "m", path, "router", f"unix:{folder}/{next(made)}.sock", 8, 8 * 256, kind=kind, **more
    )
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def running(spec_of):
    with Running(spec_of()) as engine:
        yield engine


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)

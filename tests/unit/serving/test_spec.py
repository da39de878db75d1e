import pytest

from volano.serving import BadAddressError, EngineSpec, command

SPEC = EngineSpec("router", "/models/router.gguf", "support", "unix:/run/engine.sock")


def test_a_spec_survives_the_command_line():
    assert EngineSpec.from_json(command(SPEC)[-1]) == SPEC


def test_the_socket_is_the_address_without_its_scheme():
    assert str(SPEC.socket) == "/run/engine.sock"


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8080",
        "unix:relative.sock",
        "unix:/run/engine",
        "unix:/" + "é" * 60 + ".sock",
    ],
)
def test_an_engine_listens_on_unix_sockets_only(address):
    with pytest.raises(BadAddressError):
        _ = EngineSpec("router", "m.gguf", "m", address).socket

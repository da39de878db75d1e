"""Settings: four layers, the last wins, and wrong values are told with their origin."""

import pytest

from volano.core.errors import InvalidError
from volano.settings import BadSettingError, NotLoopbackError, UnknownSettingError, load


def test_everything_works_with_no_settings(tmp_path, monkeypatch):
    monkeypatch.delenv("VOLANO_HOME", raising=False)
    settings = load(tmp_path)
    assert settings.folder == tmp_path / ".volano"
    assert settings.url == "http://127.0.0.1:7070"
    assert settings.catalog_url.startswith("sqlite:///")


def test_the_last_layer_wins(tmp_path, monkeypatch):
    (tmp_path / "volano.toml").write_text("port = 7001\nworkers = 2\nengine_slots = 4\n")
    monkeypatch.setenv("VOLANO_PORT", "7002")
    monkeypatch.setenv("VOLANO_WORKERS", "3")
    settings = load(tmp_path, port=7003, workers=None)
    assert (settings.port, settings.workers, settings.engine_slots) == (7003, 3, 4)
    assert settings.origins["workers"] == "the environment"


def test_a_certificate_makes_the_address_https(tmp_path):
    plain = load(tmp_path)
    assert (plain.tls, plain.tls_files) == (False, None)
    (tmp_path / "volano.toml").write_text('tls_certificate = "tls/a.pem"\ntls_key = "/k/a.key"\n')
    settings = load(tmp_path)
    assert settings.url == "https://127.0.0.1:7070"
    files = settings.tls_files
    assert files is not None
    assert [str(file) for file in files] == [str(tmp_path / "tls/a.pem"), "/k/a.key"]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "example.com", "::"])
def test_only_loopback_is_listened_on(tmp_path, host):
    with pytest.raises(NotLoopbackError):
        load(tmp_path, host=host)


@pytest.mark.parametrize(
    "text", ["port = 'x'", "port = 70000", "wrokers = 2", "port = [", "workers = 0", "host = 3"]
)
def test_a_wrong_setting_says_what_and_where(tmp_path, text):
    (tmp_path / "volano.toml").write_text(text)
    with pytest.raises(InvalidError) as caught:
        load(tmp_path)
    assert isinstance(caught.value, BadSettingError)
    assert "volano.toml" in caught.value.advice


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("port = true", "whole number"),
        ("port = 7070.9", "whole number"),
        ("workers = '2.5'", "whole number"),
        ("port = [7070]", "whole number"),
        ("port = -1", "0 to 65535"),
        ("workers = 65", "1 to 64"),
        ("max_body_bytes = 0", "1 KiB to 64 MiB"),
        ("spool_max_bytes = -5", "at least 1 MiB"),
        ("jobs_at_once = 0", "at least 1"),
        ("engine_threads = 0", "at least 1"),
        ("engine_slots = 257", "1 to 256"),
        ("spool_full = 'drop'", "refuse or unrecorded"),
        ("catalog = 3", "text"),
        ("tls_certificate = 'a'", "`tls_certificate`"),
        ("tls_key = 'a'", "`tls_key`"),
        ("\x00", "volano.toml"),
    ],
)
def test_what_a_setting_must_be(tmp_path, text, why):
    (tmp_path / "volano.toml").write_text(text)
    with pytest.raises(BadSettingError, match=why):
        load(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 7071", "has a setting `prot` that volano does not know (did you mean `port`?)."),
        (
            "Engine-Slots = 4",
            "`Engine-Slots` that volano does not know (did you mean `engine_slots`?).",
        ),
        ("folder = '/tmp'", "`folder` that volano does not know."),
        ("origins = 3", "`origins` that volano does not know"),
        ("[gateway]\nport = 1", "`gateway` that volano does not know: settings stand at the top"),
    ],
)
def test_an_unknown_setting_names_the_file_the_name_and_what_was_meant(tmp_path, text, said):
    path = tmp_path / "volano.toml"
    path.write_text(text)
    with pytest.raises(UnknownSettingError) as caught:
        load(tmp_path)
    assert caught.value.message.startswith(f"{path} has a setting ")
    assert said in caught.value.message
    assert caught.value.advice.startswith(f"Correct or remove it in {path}; known are host, port,")


def test_a_file_that_is_no_text_or_cannot_be_read(tmp_path):
    (tmp_path / "volano.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadSettingError):
        load(tmp_path)
    (tmp_path / "volano.toml").unlink()
    (tmp_path / "volano.toml").mkdir()
    with pytest.raises(BadSettingError, match="directory"):
        load(tmp_path)


def test_a_file_with_a_byte_order_mark(tmp_path):
    (tmp_path / "volano.toml").write_bytes(b"\xef\xbb\xbfport = 7071\n")
    assert load(tmp_path).port == 7071


def test_empty_variables_and_flags_that_were_not_given_say_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("VOLANO_PORT", "")
    settings = load(tmp_path, host=None)
    assert (settings.port, settings.host, settings.origins) == (7070, "127.0.0.1", {})


def test_a_bad_variable_names_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("VOLANO_WORKERS", "many")
    with pytest.raises(BadSettingError) as caught:
        load(tmp_path)
    assert "the environment" in caught.value.advice


def test_the_home_comes_from_the_flag_the_environment_or_here(tmp_path, monkeypatch):
    monkeypatch.setenv("VOLANO_HOME", str(tmp_path / "env"))
    assert load().home == tmp_path / "env"
    assert load(tmp_path / "flag").home == tmp_path / "flag"
    monkeypatch.delenv("VOLANO_HOME")
    monkeypatch.chdir(tmp_path)
    assert load().home == tmp_path
    assert load().path("run", "x") == tmp_path / ".volano" / "run" / "x"


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:7070"), ("::1", "http://[::1]:7070"),
     ("localhost", "http://localhost:7070")],
)  # fmt: skip
def test_where_clients_come(tmp_path, host, url):
    assert load(tmp_path, host=host).url == url


def test_another_catalog(tmp_path):
    url = "postgresql+psycopg://db.example/volano"
    assert load(tmp_path, catalog=url).catalog_url == url


SCALED = "engine_slots = 8\nengine_queue = 3\nengine_replicas_max = 4\n"


def test_more_calls_can_wait_than_start_one_more_engine(tmp_path):
    path = tmp_path / "volano.toml"
    path.write_text(SCALED + "engine_scale_queue = 4")
    with pytest.raises(BadSettingError, match="only 3 calls can wait for an engine"):
        load(tmp_path)
    path.write_text(SCALED + "engine_scale_queue = 3")
    assert load(tmp_path).engine_scale_queue == 3
    path.write_text(SCALED + "engine_scale_queue = 15\nworkers = 2")
    with pytest.raises(BadSettingError, match="only 14 calls"):
        load(tmp_path)
    for more in ("engine_scale_first_token_ms = 500", "engine_replicas = 4"):
        path.write_text(SCALED + "engine_scale_queue = 4\n" + more)
        assert load(tmp_path).engine_scale_queue == 4

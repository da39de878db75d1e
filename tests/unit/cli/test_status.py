"""`volano status`, on one screen."""

from types import SimpleNamespace

from volano.cli import status


def test_a_refused_channel_is_not_said_to_serve(capsys):
    settings = SimpleNamespace(url="http://127.0.0.1:7070", path=lambda *_: _Nothing())
    channels = [{"name": name, "stable_ref": f"{name}@1", "share": 0} for name in ("bad", "fine")]
    told = {"holder": {}, "channels": channels, "refused": {"bad": "it is not what was signed"}}
    status._show(settings, told)
    out, err = capsys.readouterr()
    assert "fine serves fine@1" in out
    assert "bad is refused: it is not what was signed" in out
    assert "bad serves" not in out
    assert "--channel bad --plan 100%" in err


class _Nothing:
    def read_text(self):
        raise OSError

"""`volano status`, on one screen."""

import json
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


def test_a_process_that_leaves_is_shown_as_long_as_it_is_there(capsys):
    children = {
        "engine-a": {"pid": None, "restarts": 0, "leaving": [7]},
        "worker-0": {"pid": 9, "restarts": 1, "leaving": [8]},
        "worker-1": {"pid": None, "restarts": 3},
    }
    path = SimpleNamespace(read_text=lambda: json.dumps({"children": children}))
    settings = SimpleNamespace(url="http://127.0.0.1:7070", path=lambda *_: path)
    status._show(settings, {"holder": {}})
    lines = [line.split(maxsplit=1)[1] for line in capsys.readouterr()[0].splitlines()]
    assert lines[3:7] == [
        "engine-a  7   is leaving",
        "worker-0  9   started again 1 times",
        "worker-0  8   is leaving",
        "worker-1  None   started again 3 times",
    ]


class _Nothing:
    def read_text(self):
        raise OSError

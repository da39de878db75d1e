"""Two models side by side in a terminal."""

from volano.cli.rivals import rivals

SIDE = {"model": "a@1", "format": "gguf", "engine": "llamacpp", "bytes": 7, "parameters": None,
        "answer_tokens": 3.0, "latency_us": 900, "cost": None, "report": "r@1"}  # fmt: skip


def test_speed_has_a_unit_and_what_nobody_measured_is_said(capsys):
    flips = {"negative": 0, "positive": 0, "score": "exact_match", "rows": []}
    rivals({"a": {**SIDE, "speed": {"tokens_per_s": 76394.2}}, "b": {**SIDE, "speed": None},
            "scores": [], "flips": flips})  # fmt: skip
    said = capsys.readouterr().out
    assert "76,394 tokens/s" in said
    assert "not measured" in said
    assert "{" not in said

from volano.web.pages.model_diff import _some


def test_a_large_figure_is_written_out():
    assert _some(76394.2, "tokens/s") == "76\u202f394\u202ftokens/s"
    assert _some(2.3456) == "2.346"
    assert _some(None) == "–"

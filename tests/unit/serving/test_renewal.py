from volano.serving.renewal import Renewals


def test_what_is_asked_is_told_once(tmp_path):
    control, supervisor = Renewals(tmp_path / "renew.json"), Renewals(tmp_path / "renew.json")
    assert supervisor.news() == []
    control.ask(["worker-0", "worker-1"])
    assert supervisor.news() == ["worker-0", "worker-1"]
    assert supervisor.news() == []
    control.ask(["worker-1"])
    assert supervisor.news() == ["worker-1"]


def test_a_control_that_was_restarted_goes_on_where_the_file_is(tmp_path):
    supervisor = Renewals(tmp_path / "renew.json")
    Renewals(tmp_path / "renew.json").ask(["worker-0"])
    assert supervisor.news() == ["worker-0"]
    Renewals(tmp_path / "renew.json").ask(["worker-0"])
    assert supervisor.news() == ["worker-0"]


def test_what_was_asked_of_an_earlier_platform_is_over(tmp_path):
    Renewals(tmp_path / "renew.json").ask(["worker-0"])
    supervisor = Renewals(tmp_path / "renew.json")
    supervisor.forget()
    assert supervisor.news() == []


def test_a_file_that_says_something_else_asks_for_nothing(tmp_path):
    for text in ("{", "[]", '{"worker-0": "x"}', "3"):
        (tmp_path / "renew.json").write_text(text)
        assert Renewals(tmp_path / "renew.json").news() == []

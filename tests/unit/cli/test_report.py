"""`volano report`: what is written as what, and what is said where it cannot be printed."""

import pytest
from click.testing import CliRunner

from volano.cli.report import BadEndingError, NoBrowserError, NotPrintedError, find_browser, printed
from volano.cli.root import root


def test_a_report_is_one_file(tmp_path):
    run = CliRunner().invoke
    made = run(root, ["--home", str(tmp_path), "init"])
    assert made.exit_code == 0
    to = tmp_path / "report.html"
    done = run(root, ["--home", str(tmp_path), "report", "--to", str(to)])
    assert done.exception is None
    assert "Nobody called in this period." in to.read_text(encoding="utf-8")
    wrong = run(root, ["--home", str(tmp_path), "report", "--to", str(tmp_path / "report.doc")])
    assert isinstance(wrong.exception, BadEndingError)


def test_without_a_browser_it_says_what_to_do(tmp_path):
    with pytest.raises(NoBrowserError):
        find_browser(path=str(tmp_path))
    browser = tmp_path / "chromium"
    browser.write_text("#!/bin/sh\necho no display >&2\nexit 3\n")
    browser.chmod(0o755)
    assert find_browser(path=str(tmp_path)) == str(browser)
    with pytest.raises(NotPrintedError, match="no display"):
        printed("<p>", tmp_path / "x.pdf", str(browser))
    browser.write_text(
        '#!/bin/sh\nfor a; do case $a in --print-to-pdf=*) echo %PDF > "${a#*=}";; esac; done\n'
    )
    printed("<p>", tmp_path / "x.pdf", str(browser))
    assert (tmp_path / "x.pdf").read_text() == "%PDF\n"

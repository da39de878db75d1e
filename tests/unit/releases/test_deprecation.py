"""What should be left is said with its date and its successor; it serves as before."""

import pytest

from support.workspace import ANNA
from volano.access.errors import BadMomentError
from volano.releases.errors import (
    BadDeprecationError,
    NotDeprecatedError,
    RetiredReleaseError,
    UnknownChannelError,
)
from volano.releases.standing import Standings
from volano.store.errors import UnknownArtifactError

DAY_US = 86_400_000_000


def test_a_release_is_deprecated_and_that_is_taken_back(workspace):
    workspace.serve()
    new = workspace.cut()
    published = len(workspace.published)
    given = {"on": "2027-03-01", "successor": new.ref, "why": "ő lassú"}
    one = workspace.deprecations.deprecate("support@1", **given, by=ANNA)
    assert (one.name, one.successor, one.since_us) == (
        "support@1", "support@2", workspace.clock.now_us(),
    )  # fmt: skip
    assert one.until_us == 1_803_859_200_000_000
    assert len(workspace.published) == published + 1
    assert one.says.endswith("to be used until 2027-03-01 (ő lassú); its successor is support@2")
    assert workspace.deprecations.list() == [one]
    assert workspace.releases.channel("support").stable_ref == "support@1"
    workspace.deprecations.undeprecate("support@1", by=ANNA)
    assert workspace.deprecations.list() == []
    assert len(workspace.published) == published + 2
    with pytest.raises(NotDeprecatedError):
        workspace.deprecations.undeprecate("support@1", by=ANNA)
    verbs = {event.verb for event in workspace.ledger.list(subject="release/support@1")}
    assert {"release.deprecate", "release.undeprecate"} <= verbs


def test_said_again_it_has_a_new_day_and_the_old_beginning(workspace):
    workspace.serve()
    first = workspace.deprecations.deprecate("support@1", on="30d", by=ANNA)
    workspace.clock.advance(3600)
    again = workspace.deprecations.deprecate("support@1", on="never", by=ANNA)
    assert (again.since_us, again.until_us) == (first.since_us, None)
    assert workspace.deprecations.list() == [again]


def test_a_channel_is_deprecated_for_another(workspace):
    workspace.serve("old/väg")
    workspace.serve("new")
    one = workspace.deprecations.deprecate_channel("old/väg", on="90d", successor="new", by=ANNA)
    assert (one.subject, one.successor, one.is_channel) == ("channel/old/väg", "new", True)
    assert workspace.deprecations.by_subject() == {"channel/old/väg": one}
    workspace.deprecations.undeprecate_channel("old/väg", by=ANNA)
    with pytest.raises(NotDeprecatedError):
        workspace.deprecations.undeprecate_channel("old/väg", by=ANNA)


@pytest.mark.parametrize("on", ["2020-01-01", "0", "9999-12-31T23:59:59-12:00", "999999999w"])
def test_a_day_that_is_over_or_beyond_all_calendars_is_none(workspace, on):
    workspace.serve()
    with pytest.raises((BadDeprecationError, BadMomentError)):
        workspace.deprecations.deprecate("support@1", on=on, by=ANNA)
    assert workspace.deprecations.list() == []


def test_nobody_is_sent_to_what_is_none(workspace):
    workspace.serve()
    workspace.serve("b")
    say = workspace.deprecations
    with pytest.raises(UnknownArtifactError):
        say.deprecate("support@1", on="9d", successor="support@7", by=ANNA)
    with pytest.raises(BadDeprecationError, match="follow itself"):
        say.deprecate("support@1", on="9d", successor="support@1", by=ANNA)
    with pytest.raises(UnknownChannelError):
        say.deprecate_channel("support", on="9d", successor="nowhere", by=ANNA)
    with pytest.raises(UnknownChannelError):
        say.deprecate_channel("nowhere", on="9d", by=ANNA)
    say.deprecate_channel("support", on="9d", successor="b", by=ANNA)
    with pytest.raises(BadDeprecationError, match="deprecated, too"):
        say.deprecate_channel("b", on="9d", successor="support", by=ANNA)


def test_a_retired_release_is_no_successor_and_is_not_deprecated(workspace):
    workspace.serve()
    gone = workspace.cut()
    workspace.retirements.retire(gone.ref, by=ANNA)
    with pytest.raises(RetiredReleaseError):
        workspace.deprecations.deprecate("support@1", on="9d", successor=gone.ref, by=ANNA)
    with pytest.raises(RetiredReleaseError):
        workspace.deprecations.deprecate(gone.ref, on="9d", by=ANNA)


def test_it_is_told_of_release_and_channel(workspace):
    workspace.serve()
    standings = Standings(
        workspace.releases,
        workspace.deprecations,
        workspace.retirements,
        workspace.environments,
        workspace.demands,
    )
    assert standings.channel("support").notes == ()
    workspace.deprecations.deprecate("support@1", on="2030-01-02", by=ANNA)
    workspace.deprecations.deprecate_channel("support", on="2030-01-03", by=ANNA)
    workspace.environments.order("support", order=("x", "support"), by=ANNA)
    served, left, arrived = standings.show("support@1").notes
    assert served == "Served by channel support."
    assert left.startswith("Deprecated since 20")
    assert left.endswith("until 2030-01-02.")
    assert arrived.startswith("Arrived on support at ")
    [note] = standings.channel("support").notes
    assert note.endswith("to be used until 2030-01-03.")
    gone = workspace.cut()
    workspace.retirements.retire(gone.ref, why="rád", by=ANNA)
    told = standings.show(gone.ref).notes
    assert told[0] == "Served by no channel."
    assert "by person:anna: rád; it never serves again." in told[1]

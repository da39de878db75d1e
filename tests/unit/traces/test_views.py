"""Views are filters with a name: read when they are saved, written in one spelling."""

import pytest

from support.databases import database_url, opened
from volano.core.clock import ManualClock
from volano.core.principal import Principal
from volano.store.ledger import Ledger
from volano.traces.errors import BadViewNameError, EmptyViewError, FilterError, UnknownViewError
from volano.traces.views import Views

ANNA = Principal("person", "anna")


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_view_is_saved_replaced_and_forgotten(tmp_path, kind):
    with database_url(kind, tmp_path) as url, opened(url) as db:
        ledger = Ledger(db, ManualClock(7))
        views = Views(db, ledger, ManualClock(7))
        views.save("slow", where="LATENCY>2000ms", by=ANNA)
        saved = views.save("slow", where="latency > 3s", text=" 退款 ", by=ANNA)
        assert (saved.where, saved.text, saved.saved_by) == ("latency > 3s", "退款", "person:anna")
        assert views.list() == [saved] == [views.show("slow")]
        views.remove("slow", by=ANNA)
        assert views.list() == []
        assert [e.verb for e in ledger.list(subject="view/slow")][:1] == ["remove-view"]
        for wrong, error in (
            ({"name": "x", "where": "latency > 2"}, FilterError),
            ({"name": "x"}, EmptyViewError),
            ({"name": " ", "where": "status = 1"}, BadViewNameError),
            ({"name": "a\u202eb", "where": "status = 1"}, BadViewNameError),
        ):
            with pytest.raises(error):
                views.save(**wrong, by=ANNA)
        with pytest.raises(UnknownViewError):
            views.remove("slow", by=ANNA)

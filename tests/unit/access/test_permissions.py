"""Who may read a thing, and which columns are hidden from whom."""

import pytest

from volano.access.errors import (
    BadClassError,
    BadPrincipalError,
    NoPermissionError,
    NotPermittedError,
)
from volano.access.permissions import Permissions
from volano.access.session import local_principal
from volano.core.clock import ManualClock
from volano.core.principal import SYSTEM, Principal
from volano.store.ledger import Ledger

OWNER = Principal("person", "olga", roles=frozenset({"owner"}))
KEY = Principal("service", "key/ci", group="shop/support")
NIGHTLY = Principal("service", "schedule/nightly")


@pytest.fixture
def permissions(database):
    clock = ManualClock()
    return Permissions(database, Ledger(database, clock), clock)


def test_a_dataset_is_open_until_the_first_grant(permissions):
    assert permissions.check("jegyek", "read", KEY).read
    permissions.grant("jegyek", "service:key/ci", "read", by=OWNER)
    assert permissions.check("jegyek", "read", KEY).read
    with pytest.raises(NotPermittedError, match="service:key/ci may not write dataset/jegyek"):
        permissions.check("jegyek", "write", KEY)
    with pytest.raises(NotPermittedError):
        permissions.check("jegyek", "read", NIGHTLY)
    assert permissions.check("others", "read", NIGHTLY).write


def test_it_stays_closed_when_the_last_grant_is_taken_back_until_it_is_opened(permissions):
    permissions.grant("a", "service:key/ci", "read", by=OWNER)
    permissions.revoke("a", "service:key/ci", "read", by=OWNER)
    assert permissions.list("a") == {"name": "a", "restricted": True, "granted": [], "columns": {}}
    with pytest.raises(NotPermittedError):
        permissions.check("a", "read", KEY)
    with pytest.raises(NoPermissionError):
        permissions.revoke("a", "service:key/ci", "read", by=OWNER)
    permissions.open("a", by=OWNER)
    assert permissions.check("a", "read", KEY).read


def test_owners_may_all_also_in_a_run_of_theirs(permissions):
    permissions.restrict("a", by=OWNER)
    permissions.classify("a", "email", "secret", by=OWNER)
    here = local_principal()
    for owner in (OWNER, SYSTEM, here, Principal(here.kind, here.name)):
        rights = permissions.check("a", "write", owner)
        assert (rights.read, rights.hidden) == (True, {})
    with pytest.raises(NotPermittedError):
        permissions.check("a", "read", Principal("service", here.name))


def test_a_group_means_all_in_it_and_nobody_else(permissions):
    permissions.grant("a", "group:shop", "read", by=OWNER)
    assert permissions.check("a", "read", KEY).read
    for group in ("", "shops", "sho", "other/shop"):
        with pytest.raises(NotPermittedError):
            permissions.check("a", "read", Principal("service", "key/x", group=group))


def test_columns_are_hidden_by_their_class(permissions):
    for column, of in {
        "név": "personal",
        "pin": "secret",
        "tárgy": "public",
        "x": "internal",
    }.items():
        permissions.classify("a", column, of, by=OWNER)
    assert permissions.rights("a", KEY).hidden == {"név": "personal", "pin": "secret"}
    permissions.grant("a", "service:key/ci", "read", classes=["personal"], by=OWNER)
    assert permissions.rights("a", KEY).hidden == {"pin": "secret"}
    permissions.grant("a", "group:shop", "read", classes=["secret"], by=OWNER)
    assert permissions.rights("a", KEY).hidden == {}
    permissions.classify("a", "név", "public", by=OWNER)
    assert permissions.list("a")["columns"]["név"] == "public"


def test_each_change_is_in_the_ledger(permissions):
    permissions.grant("a", "person:анна", "write", by=OWNER)
    permissions.open("a", by=OWNER)
    events = permissions._ledger.list(subject="dataset/a", after=0)
    assert [event.verb for event in events] == ["restrict", "grant", "open"]


@pytest.mark.parametrize(
    "principal", ["anna", "", "person:", "root:x", "person:a\nb", "person: a", "group:\0"]
)
def test_who_is_nobody_is_granted_nothing(permissions, principal):
    with pytest.raises(BadPrincipalError):
        permissions.grant("a", principal, "read", by=OWNER)


def test_a_class_is_one_of_four(permissions):
    with pytest.raises(BadClassError):
        permissions.classify("a", "x", "very secret", by=OWNER)
    with pytest.raises(BadClassError):
        permissions.grant("a", "person:x", "read", classes=["all"], by=OWNER)

"""One schema on two databases, one writer at a time, and clear words when something fails."""

import sqlite3
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, insert, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

import volano.access.tables
import volano.costs.tables
import volano.data.tables
import volano.feedback.catalog
import volano.gateway.tables
import volano.jobs.schedule_tables
import volano.jobs.tables
import volano.models.tables
import volano.monitor.drift.tables
import volano.monitor.evaluators.tables
import volano.monitor.tables
import volano.releases.tables
import volano.store.tables as tables
import volano.traces.policy_tables
import volano.traces.views
from support import databases
from volano.store import migrations
from volano.store.db import Database
from volano.store.errors import (
    CorruptDatabaseError,
    DatabaseDownError,
    DiskFullError,
    NewerSchemaError,
    StoreBusyError,
)
from volano.store.metadata import METADATA
from volano.store.migrations import upgrade

ALL_ROOMS = {
    "artifacts", "artifact_parents", "labels", "blobs", "events", "event_contents", "runs",
    "keys", "channels", "closed_channels", "rollouts", "rollout_events", "freezes", "approvals", "deprecations",
    "retired_releases", "environment_orders", "approval_rules", "check_rules", "release_checks",
    "targets", "limits", "prices", "budgets",
    "retention", "holds", "masks", "slos", "alert_rules", "alerts", "alert_silences", "alert_outbox",
    "drift_references", "drift_looks", "trace_views",
    "evaluators", "evaluator_places", "evaluator_days", "evaluations", "evaluator_backfills",
    "artifact_holds", "model_states", "schedules", "firings", "permissions", "column_classes", "dataset_reads", "metrics",
    "kpi_metrics", "review_queues", "review_items", "review_answers",
    "alembic_version",
}  # fmt: skip
LABEL = {
    "kind": "prompt", "name": "válasz", "label": "stable", "digest": "sha256:" + "a" * 64,
    "moved_us": 2**52, "moved_by": "person:Ольга",
}  # fmt: skip


def test_the_first_migration_makes_the_tables_of_all_rooms(database: Database) -> None:
    with database.read() as conn:
        assert set(inspect(conn).get_table_names()) == ALL_ROOMS


def test_rows_of_the_first_schema_are_there_after_the_upgrade(database_url: URL) -> None:
    db = Database(database_url)
    try:
        with db.write() as conn:
            upgrade(conn, "0001")
            conn.execute(insert(tables.labels).values(LABEL))
            assert "events_subject" not in _indexes(conn)
        db.migrate()
        with db.read() as conn:
            assert dict(conn.execute(select(tables.labels)).one()._mapping) == LABEL
            assert "events_subject" in _indexes(conn)
    finally:
        db.close()


def test_every_room_with_tables_is_compared() -> None:
    """The rooms' tables are one metadata; a room that is not imported here would be overlooked."""
    rooms = [
        *(
            volano.access.tables,
            volano.costs.tables,
            volano.data.tables,
            volano.gateway.tables,
            volano.jobs.tables,
            volano.models.tables,
        ),
        *(volano.monitor.tables, volano.monitor.drift.tables, volano.releases.tables, tables),
        volano.monitor.evaluators.tables,
    ]
    root = Path(volano.__file__).parent
    files = [path for path in root.rglob("tables.py") if "METADATA" in path.read_text("utf-8")]
    declared = {path.relative_to(root).parts[0] for path in files}
    assert declared == {room.__name__.split(".")[1] for room in rooms}
    assert set(METADATA.tables) == ALL_ROOMS - {"alembic_version"}


def test_the_migrated_schema_is_what_the_tables_of_all_rooms_say(database: Database) -> None:
    with database.read() as conn:
        context = MigrationContext.configure(
            conn, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, METADATA) == []


def test_columns_that_must_be_filled_are_the_same_in_both(database: Database) -> None:
    with database.read() as conn:
        there = inspect(conn)
        for name, table in METADATA.tables.items():
            found = {column["name"]: column["nullable"] for column in there.get_columns(name)}
            assert found == {column.name: column.nullable for column in table.columns}, name
            assert set(there.get_pk_constraint(name)["constrained_columns"]) == {
                column.name for column in table.primary_key
            }


def test_a_second_migration_changes_nothing(database: Database) -> None:
    database.migrate()
    with database.read() as conn:
        assert set(inspect(conn).get_table_names()) == ALL_ROOMS


def test_the_last_step_is_the_one_whose_file_comes_last(database: Database) -> None:
    """So that a database at the last step is known without Alembic."""
    with database.read() as conn:
        reached = MigrationContext.configure(conn).get_current_revision()
    scripts = ScriptDirectory(str(migrations.FOLDER))
    assert [reached] == scripts.get_heads() == [migrations._last()]


def test_a_database_of_a_newer_volano_is_left_alone(database: Database) -> None:
    with database.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NewerSchemaError, match="9999"):
        database.migrate()


def test_a_failed_write_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as conn:
        conn.execute(insert(tables.labels).values(LABEL))
        raise RuntimeError
    with database.read() as conn:
        assert conn.execute(select(tables.labels)).all() == []


def test_a_reader_sees_one_snapshot_and_does_not_wait(database: Database) -> None:
    with database.read() as reader:
        assert reader.execute(select(tables.labels)).all() == []
        with database.write() as writer:
            writer.execute(insert(tables.labels).values(LABEL))
        assert reader.execute(select(tables.labels)).all() == []
    with database.read() as reader:
        assert len(reader.execute(select(tables.labels)).all()) == 1


def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises((SQLAlchemyError, DatabaseDownError)), database.read() as conn:
        conn.execute(insert(tables.labels).values(LABEL))
    with database.write() as conn:
        conn.execute(insert(tables.labels).values(LABEL))


def test_a_writer_that_waits_too_long_is_told_so(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("volano.store.db.BUSY_TIMEOUT_S", 0.1)
    impatient = Database(database.url)
    try:
        with database.write(), pytest.raises(StoreBusyError) as caught, impatient.write():
            pass
        assert "another writer" in caught.value.message
    finally:
        impatient.close()


def test_sqlite_is_set_up_for_durability(sqlite: Database) -> None:
    with sqlite.read() as conn:
        pragma = {
            name: conn.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
    assert pragma == {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1,
    }  # fmt: skip


def test_a_file_that_is_no_database_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_bytes(b"not a database at all" * 100)
    db = Database(databases.sqlite_url(tmp_path))
    with pytest.raises(CorruptDatabaseError, match=r"catalog\.db"):
        db.migrate()
    db.close()


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    db = Database(databases.sqlite_url(tmp_path / "nowhere"))
    with pytest.raises(DatabaseDownError):
        db.migrate()
    db.close()


def test_a_server_that_is_down_is_told_without_the_password() -> None:
    pytest.importorskip("psycopg")
    db = Database("postgresql+psycopg://anna:geheim@127.0.0.1:1/x")
    with pytest.raises(DatabaseDownError) as caught:
        db.migrate()
    assert "geheim" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_a_full_disk_is_told_and_leaves_the_rows_there_were(sqlite: Database) -> None:
    with sqlite.write() as conn:
        conn.execute(insert(tables.labels).values(LABEL))
        pages = conn.scalar(text("PRAGMA page_count"))
    big = {**LABEL, "label": "big", "moved_by": "x" * 1_000_000}
    with pytest.raises(DiskFullError, match="no room"), sqlite.write() as conn:
        conn.execute(text(f"PRAGMA max_page_count = {pages + 2}"))
        conn.execute(insert(tables.labels).values(big))
    with sqlite.read() as conn:
        assert len(conn.execute(select(tables.labels)).all()) == 1


def test_a_server_that_goes_away_is_told_and_found_again(tmp_path: Path) -> None:
    with databases.database_url("postgres", tmp_path) as url, databases.opened(url) as db:
        with pytest.raises(DatabaseDownError), db.write() as conn:
            conn.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        with db.write() as conn:
            conn.execute(insert(tables.labels).values(LABEL))
        with db.read() as conn:
            assert len(conn.execute(select(tables.labels)).all()) == 1


def test_a_mistake_of_our_own_is_not_dressed_up(database: Database) -> None:
    with pytest.raises(SQLAlchemyError), database.write() as conn:
        conn.execute(text("SELECT nothing FROM nowhere"))
    with pytest.raises(SQLAlchemyError), database.write() as conn:
        conn.execute(insert(tables.labels).values(LABEL))
        conn.execute(insert(tables.labels).values(LABEL))


def test_a_path_with_odd_characters_works(tmp_path: Path) -> None:
    folder = tmp_path / "100% ő?#&"
    folder.mkdir()
    with databases.opened(databases.sqlite_url(folder)) as db:
        assert stat.S_ISREG((folder / "catalog.db").stat().st_mode)
        with db.read() as conn:
            assert conn.execute(select(tables.labels)).all() == []


def test_an_old_sqlite_reads_what_was_written(sqlite: Database) -> None:
    """Nothing but plain tables: any SQLite tool can open a workspace."""
    with sqlite.write() as conn:
        conn.execute(insert(tables.labels).values(LABEL))
    plain = sqlite3.connect(sqlite.url.database or "")
    try:
        assert plain.execute("SELECT moved_by FROM labels").fetchall() == [("person:Ольга",)]
    finally:
        plain.close()


def _indexes(conn) -> set[str]:
    return {index["name"] for index in inspect(conn).get_indexes("events")}

"""Tables of the hot records: a SQLite file of its own, one writer, many short readers.

`user_version` counts the migrations below; each is applied once, in order, in
one transaction. Texts stand before the compressed bodies, so that a scan over
columns never reads a body's pages.
"""

from volano.traces.rollup import COST_OF_PRICE
from volano.traces.rollup import TABLES as ROLLUP

CALLS = """
CREATE TABLE calls (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL, span_id TEXT NOT NULL, parent_span_id TEXT,
  began_us INTEGER NOT NULL, ended_us INTEGER NOT NULL, first_us INTEGER,
  latency_us INTEGER NOT NULL, ttft_us INTEGER,
  key_id TEXT NOT NULL, "group" TEXT NOT NULL,
  channel TEXT NOT NULL, release TEXT NOT NULL, release_digest TEXT NOT NULL,
  share INTEGER NOT NULL, arm TEXT NOT NULL, rollout TEXT, unit TEXT NOT NULL,
  door TEXT NOT NULL, target TEXT NOT NULL, model TEXT NOT NULL,
  streamed INTEGER NOT NULL, status INTEGER NOT NULL, outcome TEXT NOT NULL, error TEXT,
  prompt_tokens INTEGER, completion_tokens INTEGER, finish TEXT,
  worker TEXT NOT NULL, environment TEXT NOT NULL, tags TEXT NOT NULL,
  input_text TEXT, output_text TEXT,
  request BLOB, response BLOB
) STRICT
"""

HOUR_US = 3_600_000_000

SPEND = """
CREATE TABLE spend (
  hour INTEGER NOT NULL, key_id TEXT NOT NULL, "group" TEXT NOT NULL, channel TEXT NOT NULL,
  release TEXT NOT NULL, model TEXT NOT NULL, currency TEXT NOT NULL,
  life TEXT NOT NULL, held TEXT NOT NULL,
  calls INTEGER NOT NULL, unpriced INTEGER NOT NULL, nano INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
  PRIMARY KEY (hour, key_id, "group", channel, release, model, currency, life, held)
) STRICT, WITHOUT ROWID
"""
"""What calls cost, by hour since 1970 UTC of their beginning. A refused call is not in it."""

SPEND_OF_CALL = f"""
CREATE TRIGGER spend_of_call AFTER INSERT ON calls WHEN NEW.outcome <> 'refused' BEGIN
  INSERT INTO spend VALUES (
    NEW.began_us / {HOUR_US}, NEW.key_id, NEW."group", NEW.channel, NEW.release, NEW.model,
    coalesce(NEW.cost_currency, ''), NEW.life, NEW.held,
    1, NEW.cost_nano IS NULL, coalesce(NEW.cost_nano, 0),
    coalesce(NEW.prompt_tokens, 0), coalesce(NEW.completion_tokens, 0))
  ON CONFLICT DO UPDATE SET
    calls = calls + 1, unpriced = unpriced + excluded.unpriced, nano = nano + excluded.nano,
    prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens;
END
"""  # noqa: S608 - constants
"""How the sums were kept at first; what `SPEND_OF_PRICE` does with a changed row is the same."""

MOST_SUM = 4 * 10**18


def _summed(column: str) -> str:
    """A sum that never raises; exact below 2^53, as that of one batch is."""
    return f"CAST(min(total(coalesce({column}, 0)), {MOST_SUM}.0) AS INTEGER)"


SPEND_OF_NEW = f"""
INSERT INTO spend
SELECT began_us / {HOUR_US}, key_id, "group", channel, release, model,
       coalesce(cost_currency, ''), life, held,
       count(*), sum(cost_nano IS NULL), {_summed("cost_nano")},
       {_summed("prompt_tokens")}, {_summed("completion_tokens")}
FROM calls WHERE seq > ? AND outcome <> 'refused' GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
ON CONFLICT DO UPDATE SET
  calls = calls + excluded.calls, unpriced = unpriced + excluded.unpriced,
  nano = min(nano + excluded.nano, {MOST_SUM}),
  prompt_tokens = min(prompt_tokens + excluded.prompt_tokens, {MOST_SUM}),
  completion_tokens = min(completion_tokens + excluded.completion_tokens, {MOST_SUM})
"""  # noqa: S608 - constants
"""Add the rows that are newer than this `seq`: in their own transaction, so each is counted once.

No sum runs over, whatever upstreams say they used: `sum` would raise, and recording stop.
"""

SPEND_OF_PRICE = f"""
CREATE TRIGGER spend_of_price AFTER UPDATE OF cost_nano, cost_currency ON calls
WHEN NEW.outcome <> 'refused' BEGIN
  UPDATE spend SET
    calls = calls - 1, unpriced = unpriced - (OLD.cost_nano IS NULL),
    nano = nano - coalesce(OLD.cost_nano, 0),
    prompt_tokens = prompt_tokens - coalesce(OLD.prompt_tokens, 0),
    completion_tokens = completion_tokens - coalesce(OLD.completion_tokens, 0)
  WHERE hour = OLD.began_us / {HOUR_US} AND key_id = OLD.key_id AND "group" = OLD."group"
    AND channel = OLD.channel AND release = OLD.release AND model = OLD.model
    AND currency = coalesce(OLD.cost_currency, '') AND life = OLD.life AND held = OLD.held;
  {SPEND_OF_CALL.partition("BEGIN")[2].rpartition("END")[0]}
  DELETE FROM spend WHERE calls = 0 AND hour = OLD.began_us / {HOUR_US};
END
"""  # noqa: S608 - constants
"""A call that is priced anew moves from one sum to another."""

SPEND_TAKE = f"""
UPDATE spend SET
  calls = calls - 1, unpriced = unpriced - (:cost_nano IS NULL),
  nano = nano - coalesce(:cost_nano, 0),
  prompt_tokens = prompt_tokens - coalesce(:prompt_tokens, 0),
  completion_tokens = completion_tokens - coalesce(:completion_tokens, 0)
WHERE hour = :began_us / {HOUR_US} AND key_id = :key_id AND "group" = :group
  AND channel = :channel AND release = :release AND model = :model
  AND currency = coalesce(:cost_currency, '') AND life = :life AND held = :held
"""  # noqa: S608 - constants
SPEND_ADD = f"""
INSERT INTO spend VALUES (
  :began_us / {HOUR_US}, :key_id, :group, :channel, :release, :model,
  coalesce(:cost_currency, ''), :life, :held, 1, :cost_nano IS NULL, coalesce(:cost_nano, 0),
  coalesce(:prompt_tokens, 0), coalesce(:completion_tokens, 0))
ON CONFLICT DO UPDATE SET
  calls = calls + 1, unpriced = unpriced + excluded.unpriced, nano = nano + excluded.nano,
  prompt_tokens = prompt_tokens + excluded.prompt_tokens,
  completion_tokens = completion_tokens + excluded.completion_tokens
"""  # noqa: S608 - constants
"""The same for a sealed call, which no trigger sees: out of one sum, into another."""

SPANS = """
CREATE TABLE spans (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL, span_id TEXT NOT NULL, parent_span_id TEXT,
  name TEXT NOT NULL, kind TEXT NOT NULL,
  began_us INTEGER NOT NULL, ended_us INTEGER NOT NULL,
  latency_us INTEGER NOT NULL, ttft_us INTEGER,
  key_id TEXT NOT NULL, "group" TEXT NOT NULL,
  service TEXT NOT NULL, environment TEXT NOT NULL, release TEXT NOT NULL,
  session TEXT NOT NULL, unit TEXT NOT NULL,
  model TEXT NOT NULL, provider TEXT NOT NULL,
  outcome TEXT NOT NULL, error TEXT, finish TEXT,
  prompt_tokens INTEGER, completion_tokens INTEGER,
  cached_tokens INTEGER, reasoning_tokens INTEGER,
  cost_nano INTEGER, cost_currency TEXT, priced_by TEXT,
  tags TEXT NOT NULL, dialect TEXT NOT NULL,
  input_text TEXT, output_text TEXT,
  attributes BLOB
) STRICT
"""
"""Spans that applications sent. `attributes`: zstd of JSON with all that was said of the span."""

SPANS_ASIDE = """
CREATE TABLE spans_aside (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at_us INTEGER NOT NULL, key_id TEXT NOT NULL, "group" TEXT NOT NULL,
  why TEXT NOT NULL, name TEXT NOT NULL, span BLOB NOT NULL
) STRICT
"""
"""Spans that could not be taken for what they are, the newest of them; `span` as `attributes`."""
SEALED_TABLES = ("calls", "spans")
"""The tables whose old rows are moved into sealed files."""

SEALED = """
CREATE TABLE sealed (
  path TEXT PRIMARY KEY, "table" TEXT NOT NULL, day TEXT NOT NULL,
  rows INTEGER NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
  min_seq INTEGER NOT NULL, max_seq INTEGER NOT NULL,
  min_us INTEGER NOT NULL, max_us INTEGER NOT NULL,
  columns TEXT NOT NULL, squeezed TEXT NOT NULL,
  sealed_us INTEGER NOT NULL, why TEXT NOT NULL DEFAULT ''
) STRICT
"""
"""The manifest of the sealed files. The ranges of `seq` of one table's files never overlap, and all
lie below the hot rows'. `min_us` and `max_us` bound `began_us`; `columns` are those that the file
has, `squeezed` those whose values were zstd frames when hot; `why` says what is wrong with it."""

SEALED_IDS = "CREATE TABLE sealed_ids (path TEXT PRIMARY KEY, bits BLOB NOT NULL) STRICT"
"""A Bloom filter of each file's trace ids, apart: the manifest is read for every question."""

SEALED_GONE = "CREATE TABLE sealed_gone (path TEXT PRIMARY KEY, at_us INTEGER NOT NULL) STRICT"
"""Files that no reader should begin with any more; unlinked when those that did have ended."""

REPRICED = """
CREATE TABLE repriced (
  seq INTEGER PRIMARY KEY, cost_nano INTEGER, cost_currency TEXT, priced_by TEXT
) STRICT
"""
"""What sealed calls cost by newer prices, until their file is written anew."""

TOUCHES = 'CREATE TABLE touches ("table" TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT'
"""Counts changes of hot rows: a file written from rows that changed meanwhile is thrown away."""

DELETIONS = """
CREATE TABLE deletions (
  seq INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, "table" TEXT NOT NULL, day TEXT NOT NULL,
  rows INTEGER NOT NULL, bodies INTEGER NOT NULL, path TEXT NOT NULL
) STRICT
"""
"""What retention took: so many rows, and the bodies of so many more."""

WISHES = """
CREATE TABLE wishes (
  seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, payload BLOB NOT NULL,
  below INTEGER NOT NULL, done INTEGER NOT NULL DEFAULT 0
) STRICT
"""
"""Changes wanted of sealed rows with a `seq` up to `below`, carried out up to `done`."""
TAGGED = """
CREATE TABLE tagged (
  name TEXT NOT NULL, value TEXT NOT NULL, id TEXT NOT NULL,
  PRIMARY KEY (name, value, id)
) STRICT, WITHOUT ROWID
"""
"""Which traces carry a tag: what comes later with an own key, such as an order's, finds them so."""

_TAGGED_BY = """
CREATE TRIGGER tagged_by_{0} AFTER INSERT ON {0} WHEN NEW.tags <> '{{}}' AND json_valid(NEW.tags) {1}BEGIN
  INSERT OR IGNORE INTO tagged SELECT key, value, NEW.id FROM json_each(NEW.tags)
  WHERE type = 'text';
END
"""
_ROOTS = "AND NEW.parent_span_id IS NULL "
"""Of an application's spans the first one speaks for the trace; the others' tags are details."""

_TAGS_OF = """
INSERT OR IGNORE INTO tagged
SELECT j.key, j.value, new.id FROM {0} AS new CROSS JOIN json_each(new.tags) AS j
WHERE new.seq > ? AND new.tags <> '{{}}' AND json_valid(new.tags) {1}AND j.type = 'text'
AND j.key <> 'region'
"""
TAGS_OF_NEW_CALLS = _TAGS_OF.format("calls", "")
TAGS_OF_NEW_SPANS = _TAGS_OF.format("spans", _ROOTS.replace("NEW.", "new."))
"""Nobody's own key is a region, which all calls of a gateway may have.

What the triggers did at first: a trigger made each insert half as slow again, also without tags."""

SESSIONS = """
CREATE TABLE sessions (session TEXT PRIMARY KEY, last_us INTEGER NOT NULL) STRICT, WITHOUT ROWID
"""
"""When each session was seen last: only so can a list of them begin with the newest at once."""

_SEEN_LATER = "ON CONFLICT DO UPDATE SET last_us = max(last_us, excluded.last_us)"
SESSION_SEEN = f"INSERT INTO sessions VALUES (?, ?) {_SEEN_LATER}"  # noqa: S608 - constants
_SESSIONS_OF = f"""
INSERT INTO sessions SELECT session, max(began_us) FROM {{}} WHERE {{}} AND session <> '' GROUP BY 1
{_SEEN_LATER}
"""  # noqa: S608 - constants
SESSIONS_OF_NEW_CALLS = _SESSIONS_OF.format("calls", "seq > ?")
SESSIONS_OF_NEW_SPANS = _SESSIONS_OF.format("spans", "seq > ?")

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        CALLS,
        "CREATE UNIQUE INDEX calls_by_id ON calls (id, span_id)",
        "CREATE INDEX calls_by_time ON calls (began_us)",
        "CREATE INDEX calls_by_channel ON calls (channel)",
        "CREATE INDEX calls_by_rollout ON calls (rollout) WHERE rollout IS NOT NULL",
        "CREATE INDEX calls_not_ok ON calls (outcome) WHERE outcome <> 'ok'",
        "CREATE TABLE offsets (segment TEXT PRIMARY KEY, offset INTEGER NOT NULL) STRICT",
        """CREATE TABLE begun (
             id TEXT NOT NULL, span_id TEXT NOT NULL, life TEXT NOT NULL, payload BLOB NOT NULL,
             PRIMARY KEY (id, span_id)) STRICT""",
        """CREATE TABLE losses (
             seq INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, segment TEXT NOT NULL,
             start INTEGER NOT NULL, "end" INTEGER NOT NULL, why TEXT NOT NULL,
             aside TEXT NOT NULL, UNIQUE (segment, start)) STRICT""",
    ),
    (
        "ALTER TABLE calls ADD COLUMN cost_nano INTEGER",
        "ALTER TABLE calls ADD COLUMN cost_currency TEXT",
        "ALTER TABLE calls ADD COLUMN cached_tokens INTEGER",
        "ALTER TABLE calls ADD COLUMN reasoning_tokens INTEGER",
        "ALTER TABLE calls ADD COLUMN priced_by TEXT",
        "ALTER TABLE calls ADD COLUMN life TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE calls ADD COLUMN held TEXT NOT NULL DEFAULT ''",
        SPEND,
        f"""INSERT INTO spend
            SELECT began_us / {HOUR_US}, key_id, "group", channel, release, model, '', '', '',
                   count(*), count(*), 0, sum(coalesce(prompt_tokens, 0)),
                   sum(coalesce(completion_tokens, 0))
            FROM calls WHERE outcome <> 'refused' GROUP BY 1, 2, 3, 4, 5, 6""",  # noqa: S608
        SPEND_OF_CALL,
    ),
    (
        "ALTER TABLE calls ADD COLUMN provider TEXT NOT NULL DEFAULT ''",
        SPEND_OF_PRICE,
        "DROP TRIGGER spend_of_call",
    ),
    (
        SPANS,
        "CREATE UNIQUE INDEX spans_by_id ON spans (id, span_id)",
        "CREATE INDEX spans_by_time ON spans (began_us)",
        "CREATE INDEX spans_by_session ON spans (session) WHERE session <> ''",
        "CREATE INDEX spans_by_parent ON spans (id, parent_span_id, began_us)",
        SPANS_ASIDE,
        "ALTER TABLE calls ADD COLUMN session TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX calls_by_session ON calls (session) WHERE session <> ''",
    ),
    (
        *(SEALED, SEALED_IDS, SEALED_GONE, REPRICED, TOUCHES, DELETIONS, WISHES),
        *(f"INSERT INTO touches VALUES ('{table}', 0)" for table in SEALED_TABLES),  # noqa: S608
        *(
            f"""CREATE TRIGGER {table}_touched AFTER UPDATE ON {table} BEGIN
                  UPDATE touches SET count = count + 1 WHERE "table" = '{table}'; END"""  # noqa: S608
            for table in SEALED_TABLES
        ),
    ),
    ROLLUP,
    (
        TAGGED,
        """INSERT OR IGNORE INTO tagged SELECT j.key, j.value, calls.id
           FROM calls, json_each(calls.tags) AS j WHERE tags <> '{}' AND j.type = 'text'""",
        _TAGGED_BY.format("calls", ""),
        _TAGGED_BY.format("spans", _ROOTS),
    ),
    (
        """CREATE INDEX calls_by_parent ON calls (id, parent_span_id, began_us)
           WHERE parent_span_id IS NOT NULL""",
        "CREATE INDEX spans_not_ok ON spans (id, began_us) WHERE outcome <> 'ok'",
        "DROP INDEX spans_by_parent",
        "CREATE INDEX spans_by_parent ON spans (id, parent_span_id, began_us, ended_us)",
        "DROP INDEX calls_by_session",
        "DROP INDEX spans_by_session",
        "CREATE INDEX calls_by_session ON calls (session, began_us, id) WHERE session <> ''",
        "CREATE INDEX spans_by_session ON spans (session, began_us, id) WHERE session <> ''",
        SESSIONS,
        "CREATE INDEX sessions_by_last ON sessions (last_us, session)",
        _SESSIONS_OF.format("calls", "TRUE"),
        _SESSIONS_OF.format("spans", "TRUE"),
    ),
    ("DROP TRIGGER tagged_by_calls", "DROP TRIGGER tagged_by_spans"),
    ("DROP TRIGGER rollup_of_price", COST_OF_PRICE),  # it did not know of shadows
)

COLUMNS = (
    *("id", "span_id", "parent_span_id", "began_us", "ended_us", "first_us"),
    *("latency_us", "ttft_us", "key_id", "group", "channel", "release", "release_digest"),
    *("share", "arm", "rollout", "unit", "door", "target", "model", "streamed", "status"),
    *("outcome", "error", "prompt_tokens", "completion_tokens", "finish", "worker"),
    *("environment", "tags", "input_text", "output_text"),
    *("cost_nano", "cost_currency", "cached_tokens", "reasoning_tokens", "priced_by", "provider"),
    "session",
)
"""What a trace shows, in order; `seq` comes before, the bodies after."""

UNSEEN = ("life", "held", "request", "response")
"""What a row has besides: which life wrote it, the budget slots that counted it, the bodies."""

_NAMES = ", ".join(f'"{name}"' for name in COLUMNS)

INSERT_CALL = (
    f"INSERT INTO calls ({_NAMES}, {', '.join(UNSEEN)}) "  # noqa: S608 - constants
    f"VALUES ({', '.join('?' * (len(COLUMNS) + len(UNSEEN)))}) ON CONFLICT (id, span_id) DO NOTHING"
)
SELECT_CALL = f"SELECT seq, {_NAMES} FROM calls"  # noqa: S608 - constants

SPAN_COLUMNS = (
    *("id", "span_id", "parent_span_id", "name", "kind", "began_us", "ended_us"),
    *("latency_us", "ttft_us", "key_id", "group", "service", "environment", "release"),
    *("session", "unit", "model", "provider", "outcome", "error", "finish"),
    *("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens"),
    *("cost_nano", "cost_currency", "priced_by", "tags", "dialect"),
    *("input_text", "output_text"),
)
"""What a span shows, in order; `seq` comes before, `attributes` after."""

_SPAN_NAMES = ", ".join(f'"{name}"' for name in SPAN_COLUMNS)

_SPAN_VALUES = f"({', '.join('?' * (len(SPAN_COLUMNS) + 1))})"
_INSERT_SPANS = (
    f"INSERT INTO spans ({_SPAN_NAMES}, attributes) VALUES {{}} "  # noqa: S608 - constants
    "ON CONFLICT (id, span_id) DO NOTHING"
)
INSERT_SPAN = _INSERT_SPANS.format(_SPAN_VALUES)
SPANS_AT_ONCE = 128
INSERT_SPANS = _INSERT_SPANS.format(", ".join([_SPAN_VALUES] * SPANS_AT_ONCE))
"""So many rows by one statement: Python's other threads are in its way once, not for each row."""
SELECT_SPAN = f"SELECT seq, {_SPAN_NAMES} FROM spans"  # noqa: S608 - constants

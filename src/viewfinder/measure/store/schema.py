"""The tables of the results file, and how a file of an older version is converted; called by `store/store`.

A step is never changed once it was released: every file, old or new, has gone through the same steps.
"""

import sqlite3
from collections.abc import Callable

from viewfinder.measure.store.by_measure import results_by_measure

_SCRIPTS = (
    """
CREATE TABLE runs (
    run TEXT PRIMARY KEY,
    suite TEXT NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT,                -- NULL: it still runs, or was interrupted
    machine TEXT NOT NULL            -- Machine as JSON
) STRICT;
CREATE TABLE exchanges (
    number INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (run),
    model TEXT NOT NULL,
    process INTEGER NOT NULL,        -- which server process of the run and model; 0 is asked the gates
    scenario TEXT NOT NULL,          -- load, warm-up, images, texts, vision, text, follow-up
    question TEXT NOT NULL,
    scene TEXT NOT NULL,             -- seed of the image sent with the conversation; empty: none
    expected TEXT NOT NULL,          -- empty: the answer is not graded
    is_right INTEGER,                -- NULL: the answer is not graded
    text TEXT NOT NULL,
    error TEXT NOT NULL,
    ttft_s REAL,
    e2e_s REAL NOT NULL,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    stamps TEXT NOT NULL             -- the whole Exchange as JSON, but for its text
) STRICT;
CREATE INDEX exchanges_of_a_model ON exchanges (run, model);
CREATE TABLE results (
    number INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (run),
    model TEXT NOT NULL,
    measured_at TEXT NOT NULL,
    result TEXT NOT NULL             -- ModelResult as JSON
) STRICT;
CREATE INDEX results_of_a_model ON results (model, number)
""",
    """
-- of the order in which models are measured
ALTER TABLE runs ADD COLUMN seed INTEGER NOT NULL DEFAULT 0;
-- the suite's counts as JSON
ALTER TABLE runs ADD COLUMN counts TEXT NOT NULL DEFAULT '{}';
-- RunRequest as JSON; empty: the run cannot be resumed
ALTER TABLE runs ADD COLUMN request TEXT NOT NULL DEFAULT '{}';
CREATE TABLE fingerprints (          -- what a model was measured on and with
    run TEXT NOT NULL REFERENCES runs (run),
    model TEXT NOT NULL,
    digest TEXT NOT NULL,            -- equal: may be pooled
    fingerprint TEXT NOT NULL,       -- Fingerprint as JSON
    PRIMARY KEY (run, model)
) STRICT;
CREATE TABLE turns (                 -- server processes under measurement
    run TEXT NOT NULL REFERENCES runs (run),
    model TEXT NOT NULL,
    process INTEGER NOT NULL,
    begun_at TEXT NOT NULL,
    power TEXT NOT NULL,             -- Power as JSON, when it began
    found TEXT,                      -- Found as JSON; NULL: not finished
    PRIMARY KEY (run, model, process)
) STRICT;
-- number within its process and scenario; NULL: from an old file
ALTER TABLE exchanges ADD COLUMN place INTEGER;
-- 1: its process was cut short
ALTER TABLE exchanges ADD COLUMN set_aside INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX no_exchange_twice ON exchanges (run, model, process, scenario, place)
    WHERE set_aside = 0 AND place IS NOT NULL;
ALTER TABLE exchanges ADD COLUMN error_code TEXT
    AS (CASE WHEN instr(error, ':') THEN substr(error, 1, instr(error, ':') - 1) ELSE error END);
ALTER TABLE exchanges ADD COLUMN started_s REAL AS (json_extract(stamps, '$.started_s'));
ALTER TABLE exchanges ADD COLUMN first_byte_s REAL AS (json_extract(stamps, '$.first_byte_s'));
ALTER TABLE exchanges ADD COLUMN first_token_s REAL AS (json_extract(stamps, '$.first_token_s'));
ALTER TABLE exchanges ADD COLUMN last_token_s REAL AS (json_extract(stamps, '$.last_token_s'));
ALTER TABLE exchanges ADD COLUMN finished_s REAL AS (json_extract(stamps, '$.finished_s'))
""",
    """
-- columns that no query used: their values are in `stamps` and `result`
ALTER TABLE exchanges DROP COLUMN error_code;
ALTER TABLE exchanges DROP COLUMN started_s;
ALTER TABLE exchanges DROP COLUMN first_byte_s;
ALTER TABLE exchanges DROP COLUMN first_token_s;
ALTER TABLE exchanges DROP COLUMN last_token_s;
ALTER TABLE exchanges DROP COLUMN finished_s;
ALTER TABLE exchanges DROP COLUMN ttft_s;
ALTER TABLE exchanges DROP COLUMN e2e_s;
ALTER TABLE exchanges DROP COLUMN prompt_tokens;
ALTER TABLE exchanges DROP COLUMN completion_tokens;
ALTER TABLE results DROP COLUMN measured_at;
ALTER TABLE fingerprints DROP COLUMN digest;
ALTER TABLE turns DROP COLUMN begun_at;
ALTER TABLE turns DROP COLUMN power;
ALTER TABLE turns RENAME COLUMN found TO outcome;
ALTER TABLE turns RENAME TO processes
""",
)
_CONVERSIONS: dict[int, Callable[[sqlite3.Connection], None]] = {3: results_by_measure}
"""Conversions of stored JSON, by the version that they lead to; done after that version's script."""
FORMAT_VERSION = len(_SCRIPTS)


def bring_up(database: sqlite3.Connection) -> int:
    """Take the steps that the file has not gone through; inside a transaction. Returns the file's version.

    A file of a newer version is left as it is.
    """
    version = int(database.execute("PRAGMA user_version").fetchone()[0])
    for number, script in enumerate(_SCRIPTS, start=1):
        if number > version:
            for statement in script.split(";\n"):
                database.execute(statement)
            if convert := _CONVERSIONS.get(number):
                convert(database)
            database.execute(f"PRAGMA user_version = {number}")
    return max(version, FORMAT_VERSION)

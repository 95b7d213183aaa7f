"""The schema of the library of tweets, which library.py applies."""

from __future__ import annotations

# STRICT: SQLite checks types. Tweets without an id have nothing but their order, so `number` keeps that of arrival.
FIRST = (
    "CREATE TABLE author (handle TEXT PRIMARY KEY, display_name TEXT NOT NULL) STRICT",
    """
    CREATE TABLE note (
        author TEXT NOT NULL REFERENCES author (handle) ON DELETE CASCADE,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (author, key)
    ) STRICT
    """,
    """
    CREATE TABLE import (
        id INTEGER PRIMARY KEY,
        author TEXT NOT NULL REFERENCES author (handle) ON DELETE CASCADE,
        at TEXT NOT NULL,
        source TEXT NOT NULL,
        kind TEXT NOT NULL,
        reaches TEXT,
        found INTEGER NOT NULL,
        new INTEGER NOT NULL,
        updated INTEGER NOT NULL,
        dropped INTEGER NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE tweet (
        number INTEGER PRIMARY KEY,
        author TEXT NOT NULL REFERENCES author (handle) ON DELETE CASCADE,
        id TEXT NOT NULL,
        at TEXT,
        kind TEXT NOT NULL CHECK (kind IN ('original', 'reply', 'quote', 'retweet')),
        lang TEXT NOT NULL,
        text TEXT NOT NULL,
        edits TEXT NOT NULL,
        import INTEGER NOT NULL REFERENCES import (id) ON DELETE CASCADE,
        archived INTEGER NOT NULL CHECK (archived IN (0, 1))
    ) STRICT
    """,
    "CREATE UNIQUE INDEX tweet_id ON tweet (author, id) WHERE id <> ''",
    "CREATE INDEX tweet_import ON tweet (import)",
)
# The tweet that a reply answers: threads are put together (training/rules/threads.py).
SECOND = ("ALTER TABLE tweet ADD COLUMN parent TEXT NOT NULL DEFAULT ''",)

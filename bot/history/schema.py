"""What the history looks like in SQLite: the tables, and the rules that the database itself keeps.

It knows no Python types and no callers; store.py applies it.
"""

from __future__ import annotations

# From approved to posted: what may follow what, and when.
LEGAL_MOVES = (
    ("drafted", "approved"),  # the screen, and the person where one is asked, said yes: the text is frozen
    ("drafted", "rejected"),
    ("drafted", "expired"),
    ("approved", "sending"),  # committed and on the disk before the request leaves
    ("approved", "expired"),  # older than its slot, or the person's yes, allows
    ("approved", "rejected"),  # a person took the yes back in time
    ("sending", "posted"),  # X answered with an id
    ("sending", "dry"),  # said to the console instead
    ("sending", "approved"),  # X, or the lack of a connection, proved that nothing was created
    ("sending", "refused"),  # X will not have this one
    ("sending", "unknown"),  # anything else: it may exist
    ("unknown", "posted"),
    ("unknown", "abandoned"),  # never sent again; the next slot speaks anew
    ("abandoned", "posted"),  # found later after all
)

_PAIRS = ", ".join(str(pair) for pair in LEGAL_MOVES)

# STRICT: SQLite checks types. `dry` keeps rehearsals apart from what the account really said.
FIRST = f"""
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE slot (
    key TEXT NOT NULL,
    dry INTEGER NOT NULL CHECK (dry IN (0, 1)),
    due TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('spoken', 'skipped')),
    detail TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (key, dry)
) STRICT;

CREATE TABLE legal_move (
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    PRIMARY KEY (before, after)
) STRICT;
INSERT INTO legal_move VALUES {_PAIRS};

CREATE TABLE post (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('post', 'reply')),
    dry INTEGER NOT NULL CHECK (dry IN (0, 1)),
    state TEXT NOT NULL,
    slot TEXT,
    reply_to TEXT,
    text TEXT NOT NULL CHECK (text <> ''),
    norm TEXT NOT NULL,
    length INTEGER NOT NULL,
    prompt TEXT NOT NULL,
    seed INTEGER NOT NULL,
    likelihood REAL NOT NULL,
    model TEXT NOT NULL,
    x_id TEXT,
    cost INTEGER NOT NULL DEFAULT 0,
    note TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    sent_at TEXT,
    not_before TEXT,
    UNIQUE (slot, dry),
    UNIQUE (reply_to, dry),
    UNIQUE (norm, dry),
    UNIQUE (x_id),
    CHECK ((state = 'posted') = (x_id IS NOT NULL)),
    FOREIGN KEY (slot, dry) REFERENCES slot (key, dry)
) STRICT;
CREATE INDEX post_sent ON post (dry, sent_at);

-- One in flight, whatever the program believes.
CREATE UNIQUE INDEX post_in_flight ON post (dry) WHERE state IN ('sending', 'unknown');

CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    post INTEGER NOT NULL REFERENCES post (id),
    before TEXT,
    after TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;

CREATE TABLE refusal (
    id INTEGER PRIMARY KEY,
    slot TEXT,
    dry INTEGER NOT NULL CHECK (dry IN (0, 1)),
    text TEXT NOT NULL,
    prompt TEXT NOT NULL,
    seed INTEGER NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    model TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX refusal_at ON refusal (at);

CREATE TRIGGER post_starts_as_a_draft BEFORE INSERT ON post WHEN NEW.state <> 'drafted'
BEGIN SELECT RAISE(ABORT, 'a post starts as a draft'); END;

CREATE TRIGGER post_moves_legally BEFORE UPDATE OF state ON post
WHEN NOT EXISTS (SELECT 1 FROM legal_move WHERE before = OLD.state AND after = NEW.state)
BEGIN SELECT RAISE(ABORT, 'not a legal move'); END;

CREATE TRIGGER post_dry_never_leaves BEFORE UPDATE OF state ON post
WHEN (OLD.dry = 1 AND NEW.state IN ('posted', 'unknown')) OR (OLD.dry = 0 AND NEW.state = 'dry')
BEGIN SELECT RAISE(ABORT, 'a rehearsal cannot be posted, nor a post rehearsed'); END;

CREATE TRIGGER post_text_is_frozen BEFORE UPDATE OF text, norm, slot, dry, reply_to, kind ON post
WHEN OLD.state <> 'drafted'
BEGIN SELECT RAISE(ABORT, 'the text is frozen'); END;

CREATE TRIGGER post_is_never_forgotten BEFORE DELETE ON post
BEGIN SELECT RAISE(ABORT, 'the history is only added to'); END;

CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'the history is only added to'); END;

CREATE TRIGGER event_is_never_forgotten BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'the history is only added to'); END;

CREATE TRIGGER post_begins AFTER INSERT ON post
BEGIN INSERT INTO event (post, before, after, at) VALUES (NEW.id, NULL, NEW.state, NEW.changed_at); END;

CREATE TRIGGER post_moved AFTER UPDATE OF state ON post
BEGIN INSERT INTO event (post, before, after, at) VALUES (NEW.id, OLD.state, NEW.state, NEW.changed_at); END;
"""  # noqa: S608  built from the constants above

# What was paid for besides posts. What a person asks for by hand is shown; the caps are for what the bot does alone.
EXPENSES = """
CREATE TABLE expense (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    cost INTEGER NOT NULL CHECK (cost >= 0),
    by_hand INTEGER NOT NULL CHECK (by_hand IN (0, 1)),
    about TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX expense_at ON expense (at);

CREATE TRIGGER expense_is_never_changed BEFORE UPDATE ON expense
BEGIN SELECT RAISE(ABORT, 'the history is only added to'); END;

CREATE TRIGGER expense_is_never_forgotten BEFORE DELETE ON expense
BEGIN SELECT RAISE(ABORT, 'the history is only added to'); END;
"""

# The looks for a post that may exist; `state` is what it was then, `again` when the next one is due, if there is one.
LOOKS = """
CREATE TABLE look (
    id INTEGER PRIMARY KEY,
    post INTEGER NOT NULL REFERENCES post (id),
    state TEXT NOT NULL CHECK (state IN ('unknown', 'abandoned')),
    outcome TEXT NOT NULL CHECK (outcome IN ('found', 'absent', 'undecided', 'unreadable')),
    detail TEXT NOT NULL,
    at TEXT NOT NULL,
    again TEXT
) STRICT;
CREATE INDEX look_post ON look (post);

CREATE TRIGGER look_is_never_changed BEFORE UPDATE ON look
BEGIN SELECT RAISE(ABORT, 'the history is only added to'); END;

CREATE TRIGGER look_is_never_forgotten BEFORE DELETE ON look
BEGIN SELECT RAISE(ABORT, 'the history is only added to'); END;
"""

# Who named us, and what followed: `verdict` is missing while a mention waits. What it says is kept no longer than that,
# and only where the bot listens; `others` are those whom an answer must not call on. Rows may be forgotten.
MENTIONS = """
CREATE TABLE mention (
    id TEXT PRIMARY KEY,
    first TEXT NOT NULL,
    author TEXT NOT NULL,
    handle TEXT NOT NULL COLLATE NOCASE,
    conversation TEXT NOT NULL,
    others TEXT NOT NULL,
    words TEXT,
    verdict TEXT,
    detail TEXT NOT NULL DEFAULT '',
    at TEXT NOT NULL,
    CHECK (verdict IS NULL OR words IS NULL)
) STRICT;
CREATE INDEX mention_author ON mention (author);
CREATE INDEX mention_handle ON mention (handle);
CREATE INDEX mention_conversation ON mention (conversation);

-- However often it is edited, it is answered once.
CREATE UNIQUE INDEX mention_once ON mention (first) WHERE verdict IS NULL OR verdict = 'answered';

CREATE TRIGGER mention_verdict_is_final BEFORE UPDATE OF verdict ON mention WHEN OLD.verdict IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the verdict is final'); END;

-- Whom to leave alone: by number, or by name until the number is known.
CREATE TABLE block (
    user TEXT UNIQUE,
    handle TEXT NOT NULL COLLATE NOCASE,
    because TEXT NOT NULL,
    at TEXT NOT NULL,
    CHECK (user IS NOT NULL OR handle <> '')
) STRICT;
CREATE INDEX block_handle ON block (handle);

-- The answers that are on X, or may be, or may yet be: all of them count against the caps.
CREATE VIEW answer AS
SELECT post.id AS post, post.reply_to AS mention, post.created_at AS written, mention.author, mention.conversation
FROM post LEFT JOIN mention ON mention.id = post.reply_to
WHERE post.kind = 'reply' AND post.state IN ('drafted', 'approved', 'sending', 'unknown', 'posted', 'abandoned');
CREATE INDEX post_kind ON post (kind, state);
"""

# What persons said to drafts; `text` is as they saw it, so a text that was edited away is still known.
REVIEWS = """
CREATE TABLE review (
    id INTEGER PRIMARY KEY,
    post INTEGER NOT NULL REFERENCES post (id),
    verdict TEXT NOT NULL CHECK (verdict IN ('approved', 'edited', 'rejected')),
    text TEXT NOT NULL,
    norm TEXT NOT NULL,
    because TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX review_post ON review (post);
CREATE INDEX review_norm ON review (norm);

-- A history of before there was a review does not know this move; a new one does.
INSERT OR IGNORE INTO legal_move VALUES ('approved', 'rejected');

CREATE TRIGGER review_is_never_changed BEFORE UPDATE ON review
BEGIN SELECT RAISE(ABORT, 'the history is only added to'); END;

CREATE TRIGGER review_is_never_forgotten BEFORE DELETE ON review
BEGIN SELECT RAISE(ABORT, 'the history is only added to'); END;
"""

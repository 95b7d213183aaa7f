"""The schema of the history: its tables, and the rules that the database itself enforces. Migrations never change."""

from __future__ import annotations

# The state machine of a post.
LEGAL_MOVES = (
    ("drafted", "approved"),  # by the screen and, in review mode, by a person: the text is frozen
    ("drafted", "rejected"),
    ("drafted", "expired"),
    ("approved", "sending"),  # committed and on the disk before the request leaves
    ("approved", "expired"),  # too late for its slot, or too long after the approval
    ("approved", "rejected"),  # a person changed their mind in time
    ("sending", "posted"),  # X returned an id
    ("sending", "dry"),  # a dry run
    ("sending", "approved"),  # X's response, or a failed connection, proves that nothing was created
    ("sending", "refused"),  # X refuses this post
    ("sending", "unknown"),  # anything else: the post may exist
    ("unknown", "posted"),
    ("unknown", "abandoned"),  # never sent again; the next slot has a new post
    ("abandoned", "posted"),  # found later
)

STATES = sorted({state for move in LEGAL_MOVES for state in move})
_PAIRS = ", ".join(str(pair) for pair in LEGAL_MOVES)

# STRICT: SQLite checks types. `dry` keeps dry runs apart from what the account really posted.
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

# Expenses other than posts. Those of commands (`by_hand`) are shown, but the caps are for what the bot does alone.
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

# Lookups of a post that may exist: `state` is the state of the post then, `again` when the next lookup is due.
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

# Mentions of the bot: `verdict` is NULL while one waits for a reply. Its text (`words`) is kept no longer,
# and only where the bot listens; `others` are users whom a reply must not mention. Rows may be deleted.
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

# Reviews of drafts; `text` is what the person saw, so the text from before an edit is still known.
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

# A post's story is read by its number, however many posts there are.
STORIES = "CREATE INDEX event_post ON event (post);"

# `concern` is why a person should look at a mention, `seen_at` when one did; threads in which nobody gets a reply.
THREADS = """
ALTER TABLE mention ADD COLUMN concern TEXT;
ALTER TABLE mention ADD COLUMN seen_at TEXT;
CREATE INDEX mention_concern ON mention (CAST(id AS INTEGER)) WHERE concern IS NOT NULL AND seen_at IS NULL;

CREATE TABLE closed_thread (
    conversation TEXT PRIMARY KEY,
    because TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
"""

# What was told to each target of notifications; `key` is what it is about. A text is kept only until it is sent.
NOTIFICATIONS = """
CREATE TABLE notification (
    id INTEGER PRIMARY KEY,
    target TEXT NOT NULL,
    key TEXT NOT NULL,
    text TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'dropped')),
    tries INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    at TEXT NOT NULL,
    tried_at TEXT,
    again TEXT NOT NULL,
    CHECK (state = 'waiting' OR text = '')
) STRICT;
CREATE INDEX notification_key ON notification (target, key);
CREATE INDEX notification_tried ON notification (target, tried_at);
"""

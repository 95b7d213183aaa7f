"""Running totals and indexes: a heartbeat, a round and `mynah status` cost the same however long the history is.

Triggers keep the totals. No query of a heartbeat reads a table whole; `tests/history/test_bounded.py` checks each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.history.near_duplicates import History

PAID = "('sending', 'unknown', 'posted', 'abandoned', 'dry')"  # states of a post whose cost counts
SAID = ("drafted", "approved", "sending", "posted", "dry", "unknown", "abandoned")  # a text that is or may be posted

# The state index answers most questions: which posts are open, the newest ones of a state, the counts by state.
_INDEXES = """
CREATE INDEX post_state ON post (dry, state);
CREATE INDEX post_x_id ON post (CAST(x_id AS INTEGER)) WHERE x_id IS NOT NULL;
CREATE INDEX reply_written ON post (created_at) WHERE kind = 'reply';
CREATE INDEX reply_sent ON post (sent_at) WHERE kind = 'reply';
CREATE INDEX reply_outcome ON post (changed_at) WHERE kind = 'reply' AND state IN ('posted', 'refused');
DROP INDEX post_kind; -- no query uses it any more
CREATE INDEX slot_due ON slot (dry, due);
CREATE INDEX event_deleted ON event (post) WHERE after = 'deleted';
CREATE INDEX refusal_dry ON refusal (dry);
CREATE INDEX mention_waiting ON mention (CAST(id AS INTEGER)) WHERE verdict IS NULL;
CREATE INDEX mention_decided ON mention (at) WHERE verdict IS NOT NULL;
"""

# How many there are: `label` is the state of posts, the reason of refusals, the verdict of mentions.
_COUNTS = """
CREATE TABLE tally (
    name TEXT NOT NULL,
    dry INTEGER NOT NULL,
    label TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (name, dry, label)
) STRICT, WITHOUT ROWID;

INSERT INTO tally SELECT 'post', dry, state, count(*) FROM post GROUP BY 2, 3;
INSERT INTO tally SELECT 'refusal', dry, reason, count(*) FROM refusal GROUP BY 2, 3;
INSERT INTO tally SELECT 'mention', 0, coalesce(verdict, 'waiting'), count(*) FROM mention GROUP BY 2, 3;

CREATE TRIGGER post_is_counted AFTER INSERT ON post
BEGIN
    INSERT INTO tally VALUES ('post', NEW.dry, NEW.state, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;

CREATE TRIGGER post_is_counted_anew AFTER UPDATE OF state ON post
BEGIN
    UPDATE tally SET number = number - 1 WHERE name = 'post' AND dry = OLD.dry AND label = OLD.state;
    INSERT INTO tally VALUES ('post', NEW.dry, NEW.state, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;

CREATE TRIGGER refusal_is_counted AFTER INSERT ON refusal
BEGIN
    INSERT INTO tally VALUES ('refusal', NEW.dry, NEW.reason, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;

CREATE TRIGGER refusal_is_no_longer_counted AFTER DELETE ON refusal
BEGIN
    UPDATE tally SET number = number - 1 WHERE name = 'refusal' AND dry = OLD.dry AND label = OLD.reason;
END;

CREATE TRIGGER mention_is_counted AFTER INSERT ON mention
BEGIN
    INSERT INTO tally VALUES ('mention', 0, coalesce(NEW.verdict, 'waiting'), 1)
    ON CONFLICT DO UPDATE SET number = number + 1;
END;

CREATE TRIGGER mention_is_counted_anew AFTER UPDATE OF verdict ON mention
BEGIN
    UPDATE tally SET number = number - 1
    WHERE name = 'mention' AND dry = 0 AND label = coalesce(OLD.verdict, 'waiting');
    INSERT INTO tally VALUES ('mention', 0, coalesce(NEW.verdict, 'waiting'), 1)
    ON CONFLICT DO UPDATE SET number = number + 1;
END;

CREATE TRIGGER mention_is_no_longer_counted AFTER DELETE ON mention
BEGIN
    UPDATE tally SET number = number - 1
    WHERE name = 'mention' AND dry = 0 AND label = coalesce(OLD.verdict, 'waiting');
END;
"""

# What each UTC day cost, without what was done by hand: `kind` is that of the post or of the expense.
_COSTS = f"""
CREATE TABLE day_cost (
    dry INTEGER NOT NULL,
    day TEXT NOT NULL,
    kind TEXT NOT NULL,
    cost INTEGER NOT NULL,
    PRIMARY KEY (dry, day, kind)
) STRICT, WITHOUT ROWID;

INSERT INTO day_cost SELECT dry, day, kind, sum(cost) FROM (
    SELECT dry, substr(sent_at, 1, 10) AS day, kind, cost FROM post WHERE sent_at IS NOT NULL AND state IN {PAID}
    UNION ALL SELECT 0, substr(at, 1, 10), kind, cost FROM expense WHERE NOT by_hand
) GROUP BY 1, 2, 3;

CREATE TRIGGER post_is_paid AFTER UPDATE OF state, cost, sent_at ON post
BEGIN
    UPDATE day_cost SET cost = cost - OLD.cost
    WHERE dry = OLD.dry AND day = substr(OLD.sent_at, 1, 10) AND kind = OLD.kind AND OLD.state IN {PAID};
    INSERT INTO day_cost SELECT NEW.dry, substr(NEW.sent_at, 1, 10), NEW.kind, NEW.cost
    WHERE NEW.sent_at IS NOT NULL AND NEW.state IN {PAID}
    ON CONFLICT DO UPDATE SET cost = cost + excluded.cost;
END;

CREATE TRIGGER expense_is_paid AFTER INSERT ON expense WHEN NOT NEW.by_hand
BEGIN
    INSERT INTO day_cost VALUES (0, substr(NEW.at, 1, 10), NEW.kind, NEW.cost)
    ON CONFLICT DO UPDATE SET cost = cost + excluded.cost;
END;
"""  # noqa: S608  built from the constants above

# The posts that are still to be looked up on X: from `unknown` until one is found or its last lookup was made.
_LOOKUPS = """
CREATE TABLE to_look_up (post INTEGER PRIMARY KEY REFERENCES post (id)) STRICT;

INSERT INTO to_look_up SELECT post.id FROM post
LEFT JOIN look ON look.id = (SELECT max(id) FROM look WHERE look.post = post.id)
WHERE post.dry = 0 AND post.state IN ('unknown', 'abandoned') AND (look.id IS NULL OR look.again IS NOT NULL);

CREATE TRIGGER post_is_in_doubt AFTER UPDATE OF state ON post WHEN NEW.state = 'unknown' AND NEW.dry = 0
BEGIN INSERT OR IGNORE INTO to_look_up VALUES (NEW.id); END;

CREATE TRIGGER post_is_known AFTER UPDATE OF state ON post WHEN NEW.state = 'posted'
BEGIN DELETE FROM to_look_up WHERE post = NEW.id; END;

CREATE TRIGGER look_was_the_last AFTER INSERT ON look WHEN NEW.again IS NULL
BEGIN DELETE FROM to_look_up WHERE post = NEW.post; END;
"""

# An expired draft was never seen: it must not take a place among the posts that a text is compared with.
_COMPARED = """
DELETE FROM nearness WHERE (key, source) IN (
    SELECT value, post.id FROM post, json_each(near_keys(post.text, post.dry)) WHERE post.state = 'expired'
);

CREATE TRIGGER expired_is_not_compared AFTER UPDATE OF state ON post WHEN NEW.state = 'expired'
BEGIN
    DELETE FROM nearness WHERE source = NEW.id AND key IN (SELECT value FROM json_each(near_keys(NEW.text, NEW.dry)));
END;
"""

TABLES = _INDEXES + _COUNTS + _COSTS + _LOOKUPS + _COMPARED


def counts(history: History, name: str, *, dry: bool = False) -> dict[str, int]:
    """How many posts, refusals or mentions there are of each label."""
    sql = "SELECT label, number FROM tally WHERE name = ? AND dry = ? AND number > 0 ORDER BY label"
    return {row["label"]: row["number"] for row in history.rows(sql, [name, dry])}


def newest(states: Sequence[str], modes: Sequence[bool], *, before: int | None = None) -> str:
    """SQL: the ids of the `:limit` newest posts in these states and modes; each has an index sorted by id."""
    bound = f" AND id < {before:d}" if before is not None else ""
    branches = [
        f"SELECT * FROM (SELECT id FROM post WHERE dry = {dry:d} AND state = '{state}'{bound} "  # noqa: S608  constants
        "ORDER BY id DESC LIMIT :limit)"
        for state in states
        for dry in modes
    ]
    return f"SELECT id FROM ({' UNION ALL '.join(branches)}) ORDER BY id DESC LIMIT :limit"  # noqa: S608  as above

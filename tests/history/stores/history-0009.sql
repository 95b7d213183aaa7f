BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'mynah','0001_first','2026-11-21 15:18:00.297537+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'mynah','0002_expenses','2026-11-21 15:18:00.298026+00:00');
INSERT INTO "_sqlite_migrations" VALUES(3,'mynah','0003_looks','2026-11-21 15:18:00.308532+00:00');
INSERT INTO "_sqlite_migrations" VALUES(4,'mynah','0004_nearness','2026-11-21 16:49:38.277111+00:00');
INSERT INTO "_sqlite_migrations" VALUES(5,'mynah','0005_mentions','2026-11-21 16:49:38.277884+00:00');
INSERT INTO "_sqlite_migrations" VALUES(6,'mynah','0006_review','2026-11-21 16:49:38.278306+00:00');
INSERT INTO "_sqlite_migrations" VALUES(7,'mynah','0007_totals','2026-11-30 13:30:22.677449+00:00');
INSERT INTO "_sqlite_migrations" VALUES(8,'mynah','0008_stories','2026-11-30 13:30:22.677790+00:00');
INSERT INTO "_sqlite_migrations" VALUES(9,'mynah','0009_threads','2026-11-30 13:30:22.687940+00:00');
CREATE TABLE block (
    user TEXT UNIQUE,
    handle TEXT NOT NULL COLLATE NOCASE,
    because TEXT NOT NULL,
    at TEXT NOT NULL,
    CHECK (user IS NOT NULL OR handle <> '')
) STRICT;
CREATE TABLE closed_thread (
    conversation TEXT PRIMARY KEY,
    because TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE TABLE day_cost (
    dry INTEGER NOT NULL,
    day TEXT NOT NULL,
    kind TEXT NOT NULL,
    cost INTEGER NOT NULL,
    PRIMARY KEY (dry, day, kind)
) STRICT, WITHOUT ROWID;
INSERT INTO "day_cost" VALUES(0,'2026-11-20','look',1000);
INSERT INTO "day_cost" VALUES(0,'2026-11-20','post',45000);
INSERT INTO "day_cost" VALUES(1,'2026-11-20','post',0);
CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    post INTEGER NOT NULL REFERENCES post (id),
    before TEXT,
    after TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
INSERT INTO "event" VALUES(1,1,NULL,'drafted','2026-11-20T12:00:00.000Z');
INSERT INTO "event" VALUES(2,1,'drafted','approved','2026-11-20T12:00:00.000Z');
INSERT INTO "event" VALUES(3,1,'approved','sending','2026-11-20T12:00:00.000Z');
INSERT INTO "event" VALUES(4,1,'sending','posted','2026-11-20T12:00:00.000Z');
INSERT INTO "event" VALUES(5,2,NULL,'drafted','2026-11-20T13:00:00.000Z');
INSERT INTO "event" VALUES(6,2,'drafted','approved','2026-11-20T13:00:00.000Z');
INSERT INTO "event" VALUES(7,2,'approved','sending','2026-11-20T13:00:00.000Z');
INSERT INTO "event" VALUES(8,2,'sending','refused','2026-11-20T13:00:00.000Z');
INSERT INTO "event" VALUES(9,3,NULL,'drafted','2026-11-20T14:00:00.000Z');
INSERT INTO "event" VALUES(10,3,'drafted','approved','2026-11-20T14:00:00.000Z');
INSERT INTO "event" VALUES(11,3,'approved','sending','2026-11-20T14:00:00.000Z');
INSERT INTO "event" VALUES(12,3,'sending','unknown','2026-11-20T14:00:00.000Z');
INSERT INTO "event" VALUES(13,3,'unknown','abandoned','2026-11-20T14:00:00.000Z');
INSERT INTO "event" VALUES(14,4,NULL,'drafted','2026-11-20T15:00:00.000Z');
INSERT INTO "event" VALUES(15,4,'drafted','approved','2026-11-20T15:00:00.000Z');
INSERT INTO "event" VALUES(16,4,'approved','expired','2026-11-20T15:00:00.000Z');
INSERT INTO "event" VALUES(17,5,NULL,'drafted','2026-11-20T16:00:00.000Z');
INSERT INTO "event" VALUES(18,5,'drafted','approved','2026-11-20T16:00:00.000Z');
INSERT INTO "event" VALUES(19,6,NULL,'drafted','2026-11-20T17:00:00.000Z');
INSERT INTO "event" VALUES(20,6,'drafted','approved','2026-11-20T17:00:00.000Z');
INSERT INTO "event" VALUES(21,6,'approved','sending','2026-11-20T17:00:00.000Z');
INSERT INTO "event" VALUES(22,6,'sending','unknown','2026-11-20T17:00:00.000Z');
INSERT INTO "event" VALUES(23,7,NULL,'drafted','2026-11-20T12:00:00.000Z');
INSERT INTO "event" VALUES(24,7,'drafted','approved','2026-11-20T12:00:00.000Z');
INSERT INTO "event" VALUES(25,7,'approved','sending','2026-11-20T12:00:00.000Z');
INSERT INTO "event" VALUES(26,7,'sending','dry','2026-11-20T12:00:00.000Z');
CREATE TABLE expense (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    cost INTEGER NOT NULL CHECK (cost >= 0),
    by_hand INTEGER NOT NULL CHECK (by_hand IN (0, 1)),
    about TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;
INSERT INTO "expense" VALUES(1,'look',1000,0,'post 6','2026-11-20T12:00:00.000Z');
CREATE TABLE legal_move (
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    PRIMARY KEY (before, after)
) STRICT;
INSERT INTO "legal_move" VALUES('drafted','approved');
INSERT INTO "legal_move" VALUES('drafted','rejected');
INSERT INTO "legal_move" VALUES('drafted','expired');
INSERT INTO "legal_move" VALUES('approved','sending');
INSERT INTO "legal_move" VALUES('approved','expired');
INSERT INTO "legal_move" VALUES('sending','posted');
INSERT INTO "legal_move" VALUES('sending','dry');
INSERT INTO "legal_move" VALUES('sending','approved');
INSERT INTO "legal_move" VALUES('sending','refused');
INSERT INTO "legal_move" VALUES('sending','unknown');
INSERT INTO "legal_move" VALUES('unknown','posted');
INSERT INTO "legal_move" VALUES('unknown','abandoned');
INSERT INTO "legal_move" VALUES('abandoned','posted');
INSERT INTO "legal_move" VALUES('approved','rejected');
CREATE TABLE look (
    id INTEGER PRIMARY KEY,
    post INTEGER NOT NULL REFERENCES post (id),
    state TEXT NOT NULL CHECK (state IN ('unknown', 'abandoned')),
    outcome TEXT NOT NULL CHECK (outcome IN ('found', 'absent', 'undecided', 'unreadable')),
    detail TEXT NOT NULL,
    at TEXT NOT NULL,
    again TEXT
) STRICT;
INSERT INTO "look" VALUES(1,6,'unknown','absent','','2026-11-20T17:00:00.000Z','2026-11-20T17:02:00.000Z');
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
    at TEXT NOT NULL, concern TEXT, seen_at TEXT,
    CHECK (verdict IS NULL OR words IS NULL)
) STRICT;
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
INSERT INTO "meta" VALUES('account','1234567');
INSERT INTO "meta" VALUES('born','2026-11-19T08:00:00.000Z');
INSERT INTO "meta" VALUES('confirmed','stationmynahbot');
CREATE TABLE nearness (
    key INTEGER NOT NULL,
    source INTEGER NOT NULL, -- a post's id, or a refusal's below zero
    PRIMARY KEY (key, source)
) STRICT, WITHOUT ROWID;
INSERT INTO "nearness" VALUES(290364057844590126,2);
INSERT INTO "nearness" VALUES(418867220816273740,5);
INSERT INTO "nearness" VALUES(545517584726431396,1);
INSERT INTO "nearness" VALUES(549866419939325578,2);
INSERT INTO "nearness" VALUES(588697652247249925,1);
INSERT INTO "nearness" VALUES(612220845660427755,5);
INSERT INTO "nearness" VALUES(794918272360633309,6);
INSERT INTO "nearness" VALUES(950658884465470350,3);
INSERT INTO "nearness" VALUES(1245877851389076665,2);
INSERT INTO "nearness" VALUES(1300026284711323025,1);
INSERT INTO "nearness" VALUES(1321717462183523817,2);
INSERT INTO "nearness" VALUES(1545034331757734644,2);
INSERT INTO "nearness" VALUES(1567966546862961093,5);
INSERT INTO "nearness" VALUES(1703977196187623449,1);
INSERT INTO "nearness" VALUES(1717008233578797423,2);
INSERT INTO "nearness" VALUES(1730075732965261172,7);
INSERT INTO "nearness" VALUES(2238226459434781308,1);
INSERT INTO "nearness" VALUES(2413839044771448449,7);
INSERT INTO "nearness" VALUES(2422419398604902555,7);
INSERT INTO "nearness" VALUES(2563070983733710356,7);
INSERT INTO "nearness" VALUES(2715327054895931397,6);
INSERT INTO "nearness" VALUES(2961967318265879193,6);
INSERT INTO "nearness" VALUES(3050272389695632429,5);
INSERT INTO "nearness" VALUES(3506689068449969565,6);
INSERT INTO "nearness" VALUES(3742087402568585729,3);
INSERT INTO "nearness" VALUES(3869980200875600525,6);
INSERT INTO "nearness" VALUES(4061667557456406939,5);
INSERT INTO "nearness" VALUES(4096536823034159889,5);
INSERT INTO "nearness" VALUES(4204499343232508324,7);
INSERT INTO "nearness" VALUES(4218795658614286731,3);
INSERT INTO "nearness" VALUES(4246142359179666868,3);
INSERT INTO "nearness" VALUES(4514611961339586797,6);
INSERT INTO "nearness" VALUES(4690342667537251396,3);
INSERT INTO "nearness" VALUES(4707780152678978985,3);
INSERT INTO "nearness" VALUES(4978264871046849612,5);
INSERT INTO "nearness" VALUES(5130733839649624792,7);
INSERT INTO "nearness" VALUES(5161616019207717495,3);
INSERT INTO "nearness" VALUES(5394947851961851338,2);
INSERT INTO "nearness" VALUES(5466019490666677430,2);
INSERT INTO "nearness" VALUES(5574808995401334100,2);
INSERT INTO "nearness" VALUES(5598700079620592518,5);
INSERT INTO "nearness" VALUES(5818014245230501663,1);
INSERT INTO "nearness" VALUES(5858437888813370117,1);
INSERT INTO "nearness" VALUES(5953895665372608852,7);
INSERT INTO "nearness" VALUES(5954048826777554998,3);
INSERT INTO "nearness" VALUES(6007065984795859476,6);
INSERT INTO "nearness" VALUES(6142559727793780644,2);
INSERT INTO "nearness" VALUES(6288749214190106941,7);
INSERT INTO "nearness" VALUES(6416822132613424549,7);
INSERT INTO "nearness" VALUES(6792212365662799505,5);
INSERT INTO "nearness" VALUES(6908990394403896723,1);
INSERT INTO "nearness" VALUES(6981533067669606551,6);
INSERT INTO "nearness" VALUES(7077276395413061567,6);
INSERT INTO "nearness" VALUES(7299694155206800772,7);
INSERT INTO "nearness" VALUES(7315932785792449404,5);
INSERT INTO "nearness" VALUES(7379631457530937423,5);
INSERT INTO "nearness" VALUES(7511215971365485424,6);
INSERT INTO "nearness" VALUES(7620931954095736084,2);
INSERT INTO "nearness" VALUES(7680436035194620715,6);
INSERT INTO "nearness" VALUES(7822202209269768006,1);
INSERT INTO "nearness" VALUES(8049663431770543505,7);
INSERT INTO "nearness" VALUES(8124293094694781068,3);
INSERT INTO "nearness" VALUES(8148520507499358015,1);
INSERT INTO "nearness" VALUES(8268305664112949047,1);
INSERT INTO "nearness" VALUES(8433893411334292929,3);
INSERT INTO "nearness" VALUES(8611236144593252471,1);
INSERT INTO "nearness" VALUES(8641494681982425176,2);
INSERT INTO "nearness" VALUES(8662603902687297432,6);
INSERT INTO "nearness" VALUES(8772390237994619088,3);
INSERT INTO "nearness" VALUES(8772993714523400870,5);
INSERT INTO "nearness" VALUES(8887325457962604103,7);
INSERT INTO "nearness" VALUES(9222347985450128443,3);
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
INSERT INTO "post" VALUES(1,'post',0,'posted','2026-11-21T12:00',NULL,'Rain on the glass roof is music.','rain on the glass roof is music.',32,'',1,-1.25,'20261120T120000Z-0000','1890000000000000000',15000,'','2026-11-20T12:00:00.000Z','2026-11-20T12:00:00.000Z','2026-11-20T12:00:00.000Z',NULL);
INSERT INTO "post" VALUES(2,'post',0,'refused','2026-11-22T12:00',NULL,'Soup is a warm umbrella.','soup is a warm umbrella.',24,'',2,-1.25,'20261120T120000Z-0000',NULL,15000,'','2026-11-20T13:00:00.000Z','2026-11-20T13:00:00.000Z','2026-11-20T13:00:00.000Z',NULL);
INSERT INTO "post" VALUES(3,'post',0,'abandoned','2026-11-23T12:00',NULL,'Benno lost a glove again ☔','benno lost a glove again ☔',26,'',3,-1.25,'20261120T120000Z-0000',NULL,15000,'','2026-11-20T14:00:00.000Z','2026-11-20T14:00:00.000Z','2026-11-20T14:00:00.000Z',NULL);
INSERT INTO "post" VALUES(4,'post',0,'expired','2026-11-24T12:00',NULL,'Today the clock was early.','today the clock was early.',26,'',4,-1.25,'20261120T120000Z-0000',NULL,0,'','2026-11-20T15:00:00.000Z','2026-11-20T15:00:00.000Z',NULL,NULL);
INSERT INTO "post" VALUES(5,'post',0,'approved','2026-11-25T12:00',NULL,'The bell is mine now.','the bell is mine now.',21,'',5,-1.25,'20261120T120000Z-0000',NULL,0,'','2026-11-20T16:00:00.000Z','2026-11-20T16:00:00.000Z',NULL,NULL);
INSERT INTO "post" VALUES(6,'post',0,'unknown','2026-11-26T12:00',NULL,'My dream is a quiet crumb.','my dream is a quiet crumb.',26,'',6,-1.25,'20261120T120000Z-0000',NULL,15000,'','2026-11-20T17:00:00.000Z','2026-11-20T17:00:00.000Z','2026-11-20T17:00:00.000Z',NULL);
INSERT INTO "post" VALUES(7,'post',1,'dry','2026-11-20T12:00',NULL,'A rehearsal.','a rehearsal',12,'My dream is',9,-2.0,'m',NULL,0,'','2026-11-20T12:00:00.000Z','2026-11-20T12:00:00.000Z','2026-11-20T12:00:00.000Z',NULL);
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
INSERT INTO "refusal" VALUES(1,'2026-11-20T18:00',0,'ha','h',7,'empty','x','m','2026-11-20T12:00:00.000Z');
CREATE TABLE review (
    id INTEGER PRIMARY KEY,
    post INTEGER NOT NULL REFERENCES post (id),
    verdict TEXT NOT NULL CHECK (verdict IN ('approved', 'edited', 'rejected')),
    text TEXT NOT NULL,
    norm TEXT NOT NULL,
    because TEXT NOT NULL,
    at TEXT NOT NULL
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
INSERT INTO "slot" VALUES('2026-11-21T12:00',0,'2026-11-20T12:00:00.000Z','spoken','','2026-11-20T12:00:00.000Z');
INSERT INTO "slot" VALUES('2026-11-22T12:00',0,'2026-11-20T13:00:00.000Z','spoken','','2026-11-20T13:00:00.000Z');
INSERT INTO "slot" VALUES('2026-11-23T12:00',0,'2026-11-20T14:00:00.000Z','spoken','','2026-11-20T14:00:00.000Z');
INSERT INTO "slot" VALUES('2026-11-24T12:00',0,'2026-11-20T15:00:00.000Z','spoken','','2026-11-20T15:00:00.000Z');
INSERT INTO "slot" VALUES('2026-11-25T12:00',0,'2026-11-20T16:00:00.000Z','spoken','','2026-11-20T16:00:00.000Z');
INSERT INTO "slot" VALUES('2026-11-26T12:00',0,'2026-11-20T17:00:00.000Z','spoken','','2026-11-20T17:00:00.000Z');
INSERT INTO "slot" VALUES('2026-11-20T12:00',1,'2026-11-20T12:00:00.000Z','spoken','','2026-11-20T12:00:00.000Z');
INSERT INTO "slot" VALUES('2026-11-20T18:00',0,'2026-11-20T12:00:00.000Z','skipped','none of 24 drafts may go out','2026-11-20T12:00:00.000Z');
CREATE TABLE tally (
    name TEXT NOT NULL,
    dry INTEGER NOT NULL,
    label TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (name, dry, label)
) STRICT, WITHOUT ROWID;
INSERT INTO "tally" VALUES('post',0,'abandoned',1);
INSERT INTO "tally" VALUES('post',0,'approved',1);
INSERT INTO "tally" VALUES('post',0,'expired',1);
INSERT INTO "tally" VALUES('post',0,'posted',1);
INSERT INTO "tally" VALUES('post',0,'refused',1);
INSERT INTO "tally" VALUES('post',0,'unknown',1);
INSERT INTO "tally" VALUES('post',1,'dry',1);
INSERT INTO "tally" VALUES('refusal',0,'empty',1);
CREATE TABLE to_look_up (post INTEGER PRIMARY KEY REFERENCES post (id)) STRICT;
INSERT INTO "to_look_up" VALUES(3);
INSERT INTO "to_look_up" VALUES(6);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX post_sent ON post (dry, sent_at);
CREATE UNIQUE INDEX post_in_flight ON post (dry) WHERE state IN ('sending', 'unknown');
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
CREATE INDEX expense_at ON expense (at);
CREATE TRIGGER expense_is_never_changed BEFORE UPDATE ON expense
BEGIN SELECT RAISE(ABORT, 'the history is only added to'); END;
CREATE TRIGGER expense_is_never_forgotten BEFORE DELETE ON expense
BEGIN SELECT RAISE(ABORT, 'the history is only added to'); END;
CREATE INDEX look_post ON look (post);
CREATE TRIGGER look_is_never_changed BEFORE UPDATE ON look
BEGIN SELECT RAISE(ABORT, 'the history is only added to'); END;
CREATE TRIGGER look_is_never_forgotten BEFORE DELETE ON look
BEGIN SELECT RAISE(ABORT, 'the history is only added to'); END;
CREATE TRIGGER post_is_compared AFTER INSERT ON post
BEGIN INSERT OR IGNORE INTO nearness SELECT value, NEW.id FROM json_each(near_keys(NEW.text, NEW.dry)); END;
CREATE TRIGGER post_is_compared_anew AFTER UPDATE OF text ON post WHEN OLD.text <> NEW.text
BEGIN
    DELETE FROM nearness WHERE source = OLD.id AND key IN (SELECT value FROM json_each(near_keys(OLD.text, OLD.dry)));
    INSERT OR IGNORE INTO nearness SELECT value, NEW.id FROM json_each(near_keys(NEW.text, NEW.dry));
END;
CREATE TRIGGER refusal_is_compared AFTER INSERT ON refusal WHEN NEW.reason NOT IN ('empty', 'only_symbols', 'unfinished', 'control_character', 'repetition', 'too_long', 'mention', 'too_many_cashtags', 'too_many_hashtags', 'link', 'language', 'said_before', 'said_nearly', 'refused_before', 'screen_failed')
BEGIN INSERT OR IGNORE INTO nearness VALUES (same_key(NEW.text, NEW.dry), -NEW.id); END;
CREATE INDEX mention_author ON mention (author);
CREATE INDEX mention_handle ON mention (handle);
CREATE INDEX mention_conversation ON mention (conversation);
CREATE UNIQUE INDEX mention_once ON mention (first) WHERE verdict IS NULL OR verdict = 'answered';
CREATE TRIGGER mention_verdict_is_final BEFORE UPDATE OF verdict ON mention WHEN OLD.verdict IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the verdict is final'); END;
CREATE INDEX block_handle ON block (handle);
CREATE VIEW answer AS
SELECT post.id AS post, post.reply_to AS mention, post.created_at AS written, mention.author, mention.conversation
FROM post LEFT JOIN mention ON mention.id = post.reply_to
WHERE post.kind = 'reply' AND post.state IN ('drafted', 'approved', 'sending', 'unknown', 'posted', 'abandoned');
CREATE INDEX review_post ON review (post);
CREATE INDEX review_norm ON review (norm);
CREATE TRIGGER review_is_never_changed BEFORE UPDATE ON review
BEGIN SELECT RAISE(ABORT, 'the history is only added to'); END;
CREATE TRIGGER review_is_never_forgotten BEFORE DELETE ON review
BEGIN SELECT RAISE(ABORT, 'the history is only added to'); END;
CREATE INDEX post_state ON post (dry, state);
CREATE INDEX post_x_id ON post (CAST(x_id AS INTEGER)) WHERE x_id IS NOT NULL;
CREATE INDEX reply_written ON post (created_at) WHERE kind = 'reply';
CREATE INDEX reply_sent ON post (sent_at) WHERE kind = 'reply';
CREATE INDEX reply_outcome ON post (changed_at) WHERE kind = 'reply' AND state IN ('posted', 'refused');
CREATE INDEX slot_due ON slot (dry, due);
CREATE INDEX event_deleted ON event (post) WHERE after = 'deleted';
CREATE INDEX refusal_dry ON refusal (dry);
CREATE INDEX mention_waiting ON mention (CAST(id AS INTEGER)) WHERE verdict IS NULL;
CREATE INDEX mention_decided ON mention (at) WHERE verdict IS NOT NULL;
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
CREATE TRIGGER post_is_paid AFTER UPDATE OF state, cost, sent_at ON post
BEGIN
    UPDATE day_cost SET cost = cost - OLD.cost
    WHERE dry = OLD.dry AND day = substr(OLD.sent_at, 1, 10) AND kind = OLD.kind AND OLD.state IN ('sending', 'unknown', 'posted', 'abandoned', 'dry');
    INSERT INTO day_cost SELECT NEW.dry, substr(NEW.sent_at, 1, 10), NEW.kind, NEW.cost
    WHERE NEW.sent_at IS NOT NULL AND NEW.state IN ('sending', 'unknown', 'posted', 'abandoned', 'dry')
    ON CONFLICT DO UPDATE SET cost = cost + excluded.cost;
END;
CREATE TRIGGER expense_is_paid AFTER INSERT ON expense WHEN NOT NEW.by_hand
BEGIN
    INSERT INTO day_cost VALUES (0, substr(NEW.at, 1, 10), NEW.kind, NEW.cost)
    ON CONFLICT DO UPDATE SET cost = cost + excluded.cost;
END;
CREATE TRIGGER post_is_in_doubt AFTER UPDATE OF state ON post WHEN NEW.state = 'unknown' AND NEW.dry = 0
BEGIN INSERT OR IGNORE INTO to_look_up VALUES (NEW.id); END;
CREATE TRIGGER post_is_known AFTER UPDATE OF state ON post WHEN NEW.state = 'posted'
BEGIN DELETE FROM to_look_up WHERE post = NEW.id; END;
CREATE TRIGGER look_was_the_last AFTER INSERT ON look WHEN NEW.again IS NULL
BEGIN DELETE FROM to_look_up WHERE post = NEW.post; END;
CREATE TRIGGER expired_is_not_compared AFTER UPDATE OF state ON post WHEN NEW.state = 'expired'
BEGIN
    DELETE FROM nearness WHERE source = NEW.id AND key IN (SELECT value FROM json_each(near_keys(NEW.text, NEW.dry)));
END;
CREATE INDEX event_post ON event (post);
CREATE INDEX mention_concern ON mention (CAST(id AS INTEGER)) WHERE concern IS NOT NULL AND seen_at IS NULL;
COMMIT;

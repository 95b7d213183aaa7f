BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'mynah','0001_first','2026-11-21 15:17:14.603101+00:00');
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
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
INSERT INTO "meta" VALUES('account','1234567');
INSERT INTO "meta" VALUES('born','2026-11-19T08:00:00.000Z');
INSERT INTO "meta" VALUES('confirmed','stationmynahbot');
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
CREATE TRIGGER post_text_is_frozen BEFORE UPDATE OF text, norm, slot, dry, reply_to, kind ON post WHEN OLD.state <> 'drafted'
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
COMMIT;

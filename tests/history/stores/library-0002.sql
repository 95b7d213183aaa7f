BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'library','0001_first','2026-11-21 15:17:17.205572+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'library','0002_parent','2026-11-30 03:22:41.489109+00:00');
CREATE TABLE author (handle TEXT PRIMARY KEY, display_name TEXT NOT NULL) STRICT;
INSERT INTO "author" VALUES('magpie','Magpie');
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
    ;
INSERT INTO "import" VALUES(1,'magpie','2026-11-20T12:00:00+00:00','test','a test',NULL,2,2,0,0);
CREATE TABLE note (
        author TEXT NOT NULL REFERENCES author (handle) ON DELETE CASCADE,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (author, key)
    ) STRICT
    ;
INSERT INTO "note" VALUES('magpie','place','{}');
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
    , parent TEXT NOT NULL DEFAULT '') STRICT
    ;
INSERT INTO "tweet" VALUES(1,'magpie','1','2026-11-20T12:00:00+00:00','original','en','Caw.','',1,0,'');
INSERT INTO "tweet" VALUES(2,'magpie','2','2026-11-20T12:00:00+00:00','reply','en','A pigeon asked me the way ☔','1',1,0,'1');
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE UNIQUE INDEX tweet_id ON tweet (author, id) WHERE id <> '';
CREATE INDEX tweet_import ON tweet (import);
COMMIT;

-- The batch runtime: what each stage has done, and what it published last.

CREATE SCHEMA runtime;

-- Raised by hand after a restore from backup: it leads every version of every event.
CREATE TABLE runtime.era (
    sole boolean PRIMARY KEY DEFAULT true CHECK (sole),
    era  integer NOT NULL DEFAULT 0 CHECK (era BETWEEN 0 AND 4194303)
);
INSERT INTO runtime.era DEFAULT VALUES;

-- One row a unit: partition `partition` of all input topics of a stage. Offset store, duplicate
-- filter, fence against zombies and outbox at once.
-- offsets: {topic: {"first_offset", "next_offset", "timestamp_ms", "crc"}}; the last two belong
-- to the record before next_offset and are null while none was read.
-- Per row: sum(next_offset - first_offset) = applied + duplicate + parked + dead + holes.
CREATE TABLE runtime.checkpoints (
    stage       text NOT NULL,
    partition   integer NOT NULL CHECK (partition >= 0),
    batch_no    bigint NOT NULL DEFAULT 0,
    outputs     bytea NOT NULL DEFAULT '',
    offsets     jsonb NOT NULL DEFAULT '{}',
    applied     bigint NOT NULL DEFAULT 0,
    duplicate   bigint NOT NULL DEFAULT 0,
    parked      bigint NOT NULL DEFAULT 0,
    dead        bigint NOT NULL DEFAULT 0,
    holes       bigint NOT NULL DEFAULT 0,
    redelivered bigint NOT NULL DEFAULT 0,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stage, partition)
) WITH (
    -- Every batch rewrites its row: keep updates on the page and sweep old outputs often.
    fillfactor = 40,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 500,
    toast.autovacuum_vacuum_scale_factor = 0,
    toast.autovacuum_vacuum_threshold = 5000
);
-- Outputs live for one batch: compressing them would cost more than it saves.
ALTER TABLE runtime.checkpoints ALTER COLUMN outputs SET STORAGE EXTERNAL;

-- Where the dead letters are and why. No personal data: keys and values stay in <topic>.dead.
CREATE TABLE runtime.dead_letters (
    stage       text NOT NULL,
    topic       text NOT NULL,
    partition   integer NOT NULL,
    "offset"    bigint NOT NULL,
    code        text NOT NULL,
    reason      text NOT NULL,
    at          timestamptz NOT NULL,
    replayed_at timestamptz,
    PRIMARY KEY (topic, partition, "offset", stage)
);
CREATE INDEX dead_letters_open ON runtime.dead_letters (at) WHERE replayed_at IS NULL;

-- What was read wrong can be read again: versions of the status map, and what a remap made of events.

-- Which version of a carrier's map reads its events from when on; the newest change counts. A
-- carrier without a row is read with v1.
CREATE TABLE registry.mappings (
    change  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    carrier text NOT NULL,
    version text NOT NULL CHECK (version ~ '^v[1-9][0-9]*$'),
    since   timestamptz NOT NULL DEFAULT now(),
    by      text NOT NULL,
    why     text NOT NULL
);

-- One row a remap that was asked for: how far its requests are in the topic. Written by `ocop remap`
-- alone, which goes on from `asked_up_to` when it died on the way.
CREATE TABLE registry.remaps (
    remap_id    uuid PRIMARY KEY,
    carrier     text NOT NULL,
    version     text NOT NULL,
    by          text NOT NULL,
    why         text NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    asked_up_to text COLLATE "C" NOT NULL DEFAULT '',   -- the last number that was looked at
    asked       bigint NOT NULL DEFAULT 0               -- requests sent
);
CREATE UNIQUE INDEX one_open_remap ON registry.remaps (carrier) WHERE finished_at IS NULL;

-- Another reading of an event of the log. The log's own columns stay as they are; the highest
-- `reading` of an event counts.
CREATE TABLE tracking.remapped (
    waybill_id    bigint NOT NULL,
    event_key     bytea NOT NULL,
    reading       integer NOT NULL,
    status        text NOT NULL,
    reason        text,
    attributed_to text NOT NULL,
    finality      text NOT NULL,
    cod           text,
    mapping       text NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (waybill_id, event_key, reading)
);

-- The log as it reads now. `reading` 0: as it was mapped when it came.
CREATE VIEW tracking.readings AS
SELECT e.waybill_id, e.event_key, e.origin, e.reference, e.waybill_no, e.api, e.code, e.reason_code,
       e.return_leg, e.occurred_at, e.ordered_at, e.ingested_at, e.facility, e.cod_vnd,
       coalesce(r.status, e.status) AS status,
       CASE WHEN r.status IS NULL THEN e.reason ELSE r.reason END AS reason,
       coalesce(r.attributed_to, e.attributed_to) AS attributed_to,
       coalesce(r.finality, e.finality) AS finality,
       CASE WHEN r.status IS NULL THEN e.cod ELSE r.cod END AS cod,
       coalesce(r.mapping, e.mapping) AS mapping,
       coalesce(r.reading, 0) AS reading
FROM tracking.events e
LEFT JOIN LATERAL (
    SELECT m.status, m.reason, m.attributed_to, m.finality, m.cod, m.mapping, m.reading
    FROM tracking.remapped m
    WHERE m.waybill_id = e.waybill_id AND m.event_key = e.event_key
    ORDER BY m.reading DESC LIMIT 1) r ON true;

-- Corrections: who says so, why, and what proves it. Their events are in the log like any other.
CREATE TABLE tracking.corrections (
    event_key bytea PRIMARY KEY,
    waybill   text COLLATE "C" NOT NULL,
    reference text NOT NULL,
    by        text NOT NULL,
    why       text NOT NULL,
    evidence  text,
    at        timestamptz NOT NULL                      -- when it came in
);

-- A booking's own events as they read now, oldest first when ordered by ordered_at. `was` is what
-- the event was read as when it came, where a remap changed that.
CREATE OR REPLACE VIEW tracking.journeys AS
SELECT b.order_id, b.parcel_id, b.reference, b.waybill, e.occurred_at, e.ordered_at, e.ingested_at,
       e.code, e.reason_code, e.status, e.reason, e.attributed_to, e.finality, e.facility, e.mapping,
       CASE WHEN e.reading > 0 THEN o.status END AS was, e.origin, c.by, c.why, c.evidence
FROM tracking.bookings b
JOIN tracking.readings e ON e.waybill_id = b.waybill_id
JOIN tracking.events o ON o.waybill_id = e.waybill_id AND o.event_key = e.event_key
LEFT JOIN tracking.corrections c ON c.event_key = e.event_key
WHERE e.reference IS NULL OR e.reference = b.reference;

-- Every erasure of a buyer. `buyer_id` is a keyed hash: no phone can be read from it.
CREATE TABLE intake.erasures (
    buyer_id  text NOT NULL,
    erased_at timestamptz NOT NULL DEFAULT now(),
    by        text NOT NULL,
    why       text NOT NULL,
    was_known boolean NOT NULL,
    PRIMARY KEY (buyer_id, erased_at)
);

-- What carriers say of parcels: an append-only log a number, and one folded state a booking.
-- No raw personal data: codes, times, facility codes and the payload's hash, enough to map again.
CREATE SCHEMA tracking;

-- One row a carrier's number that somebody had to look for: an event of a number without a booking
-- and the booking of that number meet here, inserted empty by whichever comes first.
CREATE TABLE tracking.waybills (
    waybill      text COLLATE "C" PRIMARY KEY,             -- carrier:tracking_no
    waybill_id   bigint GENERATED ALWAYS AS IDENTITY,      -- ascending: the log stays local in time
    linked       text[] NOT NULL DEFAULT '{}',             -- references its events named
    parked       integer NOT NULL DEFAULT 0,               -- events that belong to no booking
    parked_why   text CHECK (parked_why IN ('unknown_number', 'ambiguous_number')),
    parked_since timestamptz,
    CHECK ((parked > 0) = (parked_why IS NOT NULL))
);
CREATE INDEX waybills_parked ON tracking.waybills (parked_since) WHERE parked > 0;

-- One row a booking reference. The booking's own columns are empty until shipment.booked came.
-- `state` is the fold of its events (streams/rules/tracking_fold.py), fields at their default left
-- out; `version` counts the states published. `contested`: numbers and references are not one to
-- one here, so every event of them is decided with all of them locked.
CREATE TABLE tracking.bookings (
    reference      text COLLATE "C" PRIMARY KEY,
    waybill        text COLLATE "C",
    waybill_id     bigint,
    order_id       text,
    channel        text,
    seller_id      text,
    parcel_id      text,
    api            text,
    cod_vnd        bigint,
    booked_at      timestamptz,
    booked_version bigint,
    also           text[] NOT NULL DEFAULT '{}',           -- other numbers that named it
    contested      boolean NOT NULL DEFAULT false,
    version        bigint NOT NULL DEFAULT 0,
    state          json NOT NULL DEFAULT '{}'
) WITH (fillfactor = 70);
CREATE INDEX bookings_waybill ON tracking.bookings (waybill) WHERE waybill IS NOT NULL;
CREATE INDEX bookings_order ON tracking.bookings (order_id) WHERE order_id IS NOT NULL;

-- The log. Never changed, never deleted. `ordered_at` is occurred_at, or ingested_at where the
-- claim lay in the future (clock_ahead).
CREATE TABLE tracking.events (
    waybill_id     bigint NOT NULL,
    event_key      bytea NOT NULL,
    origin         text NOT NULL CHECK (origin IN ('carrier', 'booking', 'correction')),
    reference      text,                                   -- ours, where the event names one
    waybill_no     text NOT NULL,                          -- as written, with any suffix
    api            text NOT NULL,
    code           text NOT NULL,
    reason_code    text,
    return_leg     boolean NOT NULL,
    occurred_at    timestamptz NOT NULL,
    ordered_at     timestamptz NOT NULL,
    reported_at    timestamptz,
    ingested_at    timestamptz NOT NULL,
    raw_time       text,
    facility       text,
    cod_vnd        bigint,
    status         text NOT NULL,
    reason         text,
    attributed_to  text NOT NULL,
    finality       text NOT NULL,
    cod            text,
    mapping        text NOT NULL,                          -- version of the status map
    payload_sha256 bytea NOT NULL,
    PRIMARY KEY (waybill_id, event_key)
);
CREATE INDEX events_unmapped ON tracking.events (api, code) WHERE status = 'unmapped';

-- Events whose time cannot be read: kept, not dated by our clock, not in the log.
CREATE TABLE tracking.undated (
    waybill        text COLLATE "C" NOT NULL,
    payload_sha256 bytea NOT NULL,
    item           integer NOT NULL,
    api            text NOT NULL,
    reference      text,
    code           text NOT NULL,
    reason_code    text,
    raw_time       text,
    facility       text,
    ingested_at    timestamptz NOT NULL,
    PRIMARY KEY (waybill, payload_sha256, item)
);

-- Everything that waits, with its reason, for ops and `ocop verify`.
CREATE VIEW tracking.waiting AS
SELECT waybill, parked_why AS why, parked AS events, parked_since AS since
FROM tracking.waybills WHERE parked > 0
UNION ALL
SELECT waybill, 'no_readable_time', count(*)::integer, min(ingested_at)
FROM tracking.undated GROUP BY waybill;

-- A booking's own events, oldest first when ordered by ordered_at: for journeys and traces.
CREATE VIEW tracking.journeys AS
SELECT b.order_id, b.parcel_id, b.reference, b.waybill, e.occurred_at, e.ordered_at, e.ingested_at,
       e.code, e.reason_code, e.status, e.reason, e.attributed_to, e.finality, e.facility, e.mapping
FROM tracking.bookings b
JOIN tracking.events e ON e.waybill_id = b.waybill_id
WHERE e.reference IS NULL OR e.reference = b.reference;

-- Bookings: one row an attempt to have a parcel carried, with the facts that decide its state.
CREATE SCHEMA booking;

-- What holds for all parcels of an order. The row is locked while a batch decides about the order.
-- The counters are those of the events that said it: older ones say nothing any more.
CREATE TABLE booking.orders (
    order_id       text PRIMARY KEY,
    holds          jsonb NOT NULL DEFAULT '{}',    -- {stage: [version, held]}
    held           boolean NOT NULL DEFAULT false, -- any stage holds it: no call is started
    void_version   bigint NOT NULL DEFAULT 0,      -- of the newest booking.void_requested
    void_why       text NOT NULL DEFAULT '',
    recall_version bigint NOT NULL DEFAULT 0,      -- of the newest order.recall_requested
    recall_why     text NOT NULL DEFAULT '',
    cancelled      boolean NOT NULL DEFAULT false,
    routed_version bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 80);

-- The service chosen for a shipment, as order.routed last said.
CREATE TABLE booking.shipments (
    shipment_id text PRIMARY KEY,
    order_id    text NOT NULL,
    origin_id   text NOT NULL,
    carrier     text NOT NULL,
    service     text NOT NULL,
    promised_on date NOT NULL,
    routed_at   timestamptz NOT NULL               -- the record's time, not ours
);
CREATE INDEX ON booking.shipments (order_id);

-- A closed parcel, as parcel.packed last said.
CREATE TABLE booking.parcels (
    parcel_id      text PRIMARY KEY,
    order_id       text NOT NULL,
    shipment_id    text NOT NULL,
    channel        text NOT NULL,
    seller_id      text NOT NULL,
    packed_version bigint NOT NULL,
    packed_at      timestamptz NOT NULL,
    pieces         integer NOT NULL,
    weight_g       integer NOT NULL,
    length_cm      integer NOT NULL,
    width_cm       integer NOT NULL,
    height_cm      integer NOT NULL,
    goods_vnd      bigint NOT NULL,
    cod_vnd        bigint NOT NULL,
    void_answered  bigint NOT NULL DEFAULT 0,      -- void_version last answered for this parcel
    void_versions  bigint NOT NULL DEFAULT 0       -- counter of booking.voided and booking.void_refused
) WITH (fillfactor = 80);
CREATE INDEX ON booking.parcels (order_id);

-- One attempt. `state` follows from the facts beside it (streams/rules/booking.py).
CREATE TABLE booking.bookings (
    reference      text PRIMARY KEY,               -- what the carrier knows it by, kept over retries
    parcel_id      text NOT NULL REFERENCES booking.parcels,
    shipment_id    text NOT NULL,
    order_id       text NOT NULL,
    seller_id      text NOT NULL,
    channel        text NOT NULL,
    attempt        integer NOT NULL,
    carrier        text NOT NULL,
    service        text NOT NULL,
    origin_id      text NOT NULL,
    promised_on    date NOT NULL,
    requested_at   timestamptz NOT NULL,           -- the record's time of what asked for it
    state          text NOT NULL CHECK (state IN
        ('requested', 'unknown', 'booked', 'void_pending', 'refused', 'voided', 'carrier_cancelled')),
    book_version   bigint NOT NULL DEFAULT 0,      -- of the newest result of the call
    book_outcome   text,
    void_request   bigint NOT NULL DEFAULT 0,      -- void_version the carrier was asked for
    void_version   bigint NOT NULL DEFAULT 0,
    void_outcome   text,
    recall_request bigint NOT NULL DEFAULT 0,      -- recall_version the carrier was asked for
    return_version bigint NOT NULL DEFAULT 0,
    return_outcome text,
    tracked_version bigint NOT NULL DEFAULT 0,     -- of tracking's newest state that was looked at
    tracked        text CHECK (tracked IN ('cancelled', 'custody')), -- what it means for the booking
    tracking_no    text,
    carrier_ref    text,
    freight_vnd    bigint,
    expected_on    date,
    booked_at      timestamptz,
    message        text NOT NULL DEFAULT '',       -- the carrier's words, for people
    label          jsonb,                          -- what the label prints besides names and addresses
    version        bigint NOT NULL DEFAULT 0,      -- counter of shipment.booked and booking.refused
    told           text                            -- which of them was told last
) WITH (fillfactor = 70);
CREATE INDEX ON booking.bookings (order_id);
CREATE INDEX ON booking.bookings (carrier, tracking_no);
-- A parcel has at most one live booking: whatever the code does.
CREATE UNIQUE INDEX one_live_booking ON booking.bookings (parcel_id)
    WHERE state IN ('requested', 'unknown', 'booked', 'void_pending');

-- What a person has to look at; closed by the fact that settles it or by ops.
CREATE TABLE booking.ops_tasks (
    reference text NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('unknown_booking', 'unknown_void', 'recall')),
    order_id  text NOT NULL,
    why       text NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    PRIMARY KEY (reference, kind)
);
CREATE INDEX ON booking.ops_tasks (opened_at) WHERE closed_at IS NULL;

-- Outside calls. The queue is pgqueuer 1.6's own schema, `balanced`: a job is written in a stage's
-- transaction and must survive a crash, the log and statistics need not. Its trigger is left out:
-- NOTIFY serialises commits (a stage commits hundreds a second), so the runner polls.
CREATE SCHEMA jobs;

CREATE TYPE jobs.pgqueuer_status AS ENUM ('queued', 'picked', 'successful', 'exception', 'canceled', 'deleted', 'failed');

CREATE TABLE jobs.pgqueuer (
    id bigserial NOT NULL PRIMARY KEY,
    priority integer NOT NULL,
    queue_manager_id uuid,
    created timestamp with time zone NOT NULL DEFAULT now(),
    updated timestamp with time zone NOT NULL DEFAULT now(),
    heartbeat timestamp with time zone NOT NULL DEFAULT now(),
    execute_after timestamp with time zone NOT NULL DEFAULT now(),
    status jobs.pgqueuer_status NOT NULL,
    entrypoint text NOT NULL,
    dedupe_key text,
    payload bytea,
    headers jsonb,
    attempts integer NOT NULL DEFAULT 0,
    slot bigint
);

CREATE UNLOGGED TABLE jobs.pgqueuer_log (
    id bigint GENERATED BY DEFAULT AS IDENTITY NOT NULL PRIMARY KEY,
    created timestamp with time zone NOT NULL DEFAULT now(),
    job_id bigint NOT NULL,
    status jobs.pgqueuer_status NOT NULL,
    priority integer NOT NULL,
    entrypoint text NOT NULL,
    traceback jsonb,
    aggregated boolean DEFAULT false
);

CREATE TABLE jobs.pgqueuer_schedules (
    id bigserial NOT NULL PRIMARY KEY,
    expression text NOT NULL,
    entrypoint text NOT NULL,
    heartbeat timestamp with time zone NOT NULL DEFAULT now(),
    created timestamp with time zone NOT NULL DEFAULT now(),
    updated timestamp with time zone NOT NULL DEFAULT now(),
    next_run timestamp with time zone NOT NULL DEFAULT now(),
    last_run timestamp with time zone,
    status jobs.pgqueuer_status DEFAULT 'queued'::jobs.pgqueuer_status,
    UNIQUE (expression, entrypoint)
);

CREATE UNLOGGED TABLE jobs.pgqueuer_statistics (
    id bigserial NOT NULL PRIMARY KEY,
    created timestamp with time zone NOT NULL DEFAULT date_trunc('sec'::text, now()),
    count bigint NOT NULL,
    priority integer NOT NULL,
    status jobs.pgqueuer_status NOT NULL,
    entrypoint text NOT NULL
);
CREATE INDEX pgqueuer_ep_ea_idx ON jobs.pgqueuer USING btree (entrypoint, execute_after) WHERE (status = 'queued'::jobs.pgqueuer_status);
CREATE INDEX pgqueuer_ep_prio_id_idx ON jobs.pgqueuer USING btree (entrypoint, priority DESC, id) WHERE (status = 'queued'::jobs.pgqueuer_status);
CREATE INDEX pgqueuer_log_created ON jobs.pgqueuer_log USING btree (created);
CREATE INDEX pgqueuer_log_job_id_status ON jobs.pgqueuer_log USING btree (job_id, created DESC);
CREATE INDEX pgqueuer_log_not_aggregated ON jobs.pgqueuer_log USING btree ((1)) WHERE (NOT aggregated);
CREATE INDEX pgqueuer_log_status ON jobs.pgqueuer_log USING btree (status);
CREATE INDEX pgqueuer_picked_heartbeat_idx ON jobs.pgqueuer USING btree (heartbeat) WHERE (status = 'picked'::jobs.pgqueuer_status);
CREATE UNIQUE INDEX pgqueuer_picked_slot_idx ON jobs.pgqueuer USING btree (entrypoint, slot) WHERE ((status = 'picked'::jobs.pgqueuer_status) AND (slot IS NOT NULL));
CREATE INDEX pgqueuer_priority_id_id1_idx ON jobs.pgqueuer USING btree (priority, id DESC) INCLUDE (id) WHERE (status = 'queued'::jobs.pgqueuer_status);
CREATE INDEX pgqueuer_queue_manager_id_idx ON jobs.pgqueuer USING btree (queue_manager_id) WHERE (queue_manager_id IS NOT NULL);
CREATE UNIQUE INDEX pgqueuer_statistics_unique_count ON jobs.pgqueuer_statistics USING btree (priority, date_trunc('sec'::text, timezone('UTC'::text, created)), status, entrypoint);
CREATE UNIQUE INDEX pgqueuer_unique_dedupe_key ON jobs.pgqueuer USING btree (dedupe_key) WHERE ((status = ANY (ARRAY['queued'::jobs.pgqueuer_status, 'picked'::jobs.pgqueuer_status])) AND (dedupe_key IS NOT NULL));
CREATE INDEX pgqueuer_updated_id_id1_idx ON jobs.pgqueuer USING btree (updated, id DESC) INCLUDE (id) WHERE (status = 'picked'::jobs.pgqueuer_status);

ALTER TABLE jobs.pgqueuer SET (
    autovacuum_vacuum_scale_factor  = 0.01,
    autovacuum_vacuum_threshold     = 1000,
    autovacuum_analyze_scale_factor = 0.02,
    autovacuum_analyze_threshold    = 500,
    autovacuum_vacuum_cost_delay    = 0,
    fillfactor                      = 70
);

-- What the runner knows of one call: written before it is made and before its answer is told, so
-- that a crash in between repeats the answer, and a lost answer is known to be lost.
CREATE TABLE jobs.calls (
    reference text NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('book', 'void', 'return')),
    request   bigint NOT NULL,                     -- which request of that kind
    in_doubt  boolean NOT NULL,                    -- sent, and no clear answer
    sent_at   timestamptz NOT NULL,                -- last time it was sent
    version   bigint NOT NULL DEFAULT 0,           -- of the newest answer
    answer    jsonb,                               -- the newest answer, as it is published
    settled   boolean NOT NULL DEFAULT false,      -- nothing is left to be done
    PRIMARY KEY (reference, kind, request)
) WITH (fillfactor = 70);

-- What the packing stations did: parcels, their contents, and every report with its answer.
CREATE SCHEMA packing;

-- One row an order: what others said of it. holds: {stage: {"version", "held"}}, the newest word
-- of each other stage. The release is intake's newest: a person's call to look again.
CREATE TABLE packing.orders (
    order_id         text PRIMARY KEY,
    cancelled        boolean NOT NULL DEFAULT false,
    holds            json NOT NULL DEFAULT '{}',
    blocked          boolean NOT NULL DEFAULT false,  -- cancelled, or held by another stage
    released_version bigint NOT NULL DEFAULT 0,
    released_at      timestamptz,
    released_by      text,
    released_why     text,
    held             boolean NOT NULL DEFAULT false,  -- order.held (stage packing) is the newest word
    version          bigint NOT NULL DEFAULT 0        -- of packing's newest order.held or released
) WITH (fillfactor = 80);

-- A shipment a station has reported on; it is `packed` once and for all.
-- held: finished, but a weight or a certificate waits for a person (or for a new report).
CREATE TABLE packing.shipments (
    shipment_id text PRIMARY KEY,
    order_id    text NOT NULL,
    station     text NOT NULL,
    state       text NOT NULL CHECK (state IN ('packing', 'held', 'packed')),
    reported    json NOT NULL,                        -- {parcel_no: schemas.packing.ReportedParcel}
    finished_at timestamptz,                          -- the report's time
    problems    json NOT NULL DEFAULT '[]',           -- [schemas.intake.Hold] of a held shipment
    uncertified integer[] NOT NULL DEFAULT '{}',     -- lines whose OCOP certificate ran out since the order
    version     bigint NOT NULL                       -- of packing.started
) WITH (fillfactor = 60);
CREATE INDEX shipments_by_order ON packing.shipments (order_id);

-- Closed parcels of packed shipments. contents: [schemas.packing.PackedLine]; the parcels' cod_vnd
-- and goods_vnd add up to the shipment's.
CREATE TABLE packing.parcels (
    parcel_id   text PRIMARY KEY,
    shipment_id text NOT NULL,
    order_id    text NOT NULL,
    contents    jsonb NOT NULL,
    weight_g    bigint NOT NULL,
    length_cm   smallint NOT NULL,
    width_cm    smallint NOT NULL,
    height_cm   smallint NOT NULL,
    goods_vnd   bigint NOT NULL,
    cod_vnd     bigint NOT NULL,
    packed_at   timestamptz NOT NULL
);
CREATE INDEX parcels_by_shipment ON packing.parcels (shipment_id);
CREATE INDEX parcels_by_order ON packing.parcels (order_id);

-- Reports have one effect however often they come. code: why it was refused; null: accepted.
CREATE TABLE packing.reports (
    shipment_id text NOT NULL,
    report_id   text NOT NULL,
    order_id    text NOT NULL,
    kind        text NOT NULL,
    station     text NOT NULL,
    reported_at timestamptz NOT NULL,
    code        text,
    reason      text,
    PRIMARY KEY (shipment_id, report_id)
);

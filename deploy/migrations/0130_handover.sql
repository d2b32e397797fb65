-- Hand-over: the paper that goes with parcels. Written by the gateway (and by `ocop label`) alone:
-- a manifest is a draft until it is closed; what others must know of it is told by handover.reported.
CREATE SCHEMA handover;

-- Logistic units, counted once and for all: an SSCC is made of our GS1 company prefix and the number.
CREATE TABLE handover.units (
    parcel_id text PRIMARY KEY,
    number    bigint NOT NULL GENERATED ALWAYS AS IDENTITY (MINVALUE 0 START WITH 0)
);

CREATE SEQUENCE handover.manifest_numbers;

-- What a seller hands to a carrier at an origin in one go. signed: {seller, courier}, sealed with
-- the master key, because it names people.
CREATE TABLE handover.manifests (
    manifest_no text PRIMARY KEY,
    seller_id   text NOT NULL,
    carrier     text NOT NULL,
    origin_id   text NOT NULL,
    opened_at   timestamptz NOT NULL,
    closed_at   timestamptz,                     -- signed; what it says of parcels stands from then on
    signed      bytea,
    CHECK ((closed_at IS NULL) = (signed IS NULL))
);
CREATE INDEX manifests_by_seller ON handover.manifests (seller_id, manifest_no);

-- Parcels on manifests, as they were booked when they came on. left_behind: not scanned at closing.
CREATE TABLE handover.parcels (
    manifest_no text NOT NULL REFERENCES handover.manifests,
    parcel_id   text NOT NULL,
    order_id    text NOT NULL,
    reference   text NOT NULL,
    tracking_no text NOT NULL,
    weight_g    bigint NOT NULL,
    cod_vnd     bigint NOT NULL,
    standing    text NOT NULL CHECK (standing IN ('listed', 'removed', 'handed_over', 'left_behind')),
    PRIMARY KEY (manifest_no, parcel_id)
);
-- A booking is on one manifest at most, whatever the code does.
CREATE UNIQUE INDEX one_manifest ON handover.parcels (reference)
    WHERE standing IN ('listed', 'handed_over');

-- What is to be told of each order: written with the change, published before the answer. Kept as it
-- was written, so that telling again is the same event.
CREATE TABLE handover.facts (
    manifest_no text NOT NULL,
    order_id    text NOT NULL,
    version     bigint NOT NULL,
    made_at     timestamptz NOT NULL,
    body        text NOT NULL,                   -- schemas.handover.HandoverReported
    told        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (manifest_no, order_id, version)
);
CREATE INDEX facts_to_tell ON handover.facts (made_at) WHERE NOT told;

-- Status: since when nothing has happened to an order whose three axes are finished; null while
-- they are not, and once it is closed.
ALTER TABLE status.orders ADD COLUMN quiet_since timestamptz;
CREATE INDEX orders_to_close ON status.orders (quiet_since) WHERE quiet_since IS NOT NULL;

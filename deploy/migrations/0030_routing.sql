-- Which carrier carries what, why, and how much of each carrier's day is given away.
CREATE SCHEMA routing;

-- One row an order: the facts that are not kept elsewhere, and how far decisions have come.
CREATE TABLE routing.orders (
    order_id         text PRIMARY KEY,
    seller_id        text,                            -- null: only a release, refusal or end is known
    channel          text,
    placed           boolean NOT NULL DEFAULT false,  -- order.placed was seen
    content_version  bigint NOT NULL DEFAULT 0,       -- intake's, the newest seen
    based_on         bigint NOT NULL DEFAULT 0,       -- intake's, the one decided for; 0: none yet
    parked           json,                            -- {version: content}: amendments before order.placed
    sequence         json NOT NULL DEFAULT '{}',      -- {origin_id: n}: numbers of shipments, never reused
    released_version bigint NOT NULL DEFAULT 0,       -- of intake's newest release
    released_at      timestamptz,
    cancelled        boolean NOT NULL DEFAULT false,
    held             boolean NOT NULL DEFAULT false,  -- order.held (stage routing) is the newest word
    version          bigint NOT NULL DEFAULT 0        -- of routing's newest event: routed, held, released
) WITH (fillfactor = 80);

-- One origin of one order. `routed` rows have a chosen service and may be packed.
-- dropped: an amendment left nothing for this origin. Amounts in VND; cod_vnd is this shipment's part.
CREATE TABLE routing.shipments (
    shipment_id          text PRIMARY KEY,
    order_id             text NOT NULL,
    seller_id            text NOT NULL,
    channel              text NOT NULL,
    placed_at            timestamptz NOT NULL,        -- of the order
    origin_id            text NOT NULL,
    origin_province      text,
    origin_ward          text,
    destination_province text NOT NULL,
    destination_ward     text NOT NULL,
    lines                jsonb NOT NULL,              -- [schemas.intake.OrderLine]
    weight_g             bigint NOT NULL,             -- of the goods, without packaging
    goods_vnd            bigint NOT NULL,
    shipping_vnd         bigint NOT NULL,
    cod_vnd              bigint NOT NULL,
    carrier              text,
    service              text,
    chosen               jsonb,                       -- schemas.routing.Candidate
    fallbacks            jsonb NOT NULL,              -- [Candidate], best first
    parcels              smallint NOT NULL,           -- as many as the chosen service needs
    promised_on          date,                        -- the original promise, kept over re-routes
    handover_by          timestamptz,
    based_on             bigint NOT NULL,
    state                text NOT NULL CHECK (state IN ('routed', 'held', 'dropped', 'cancelled')),
    CHECK (state <> 'routed' OR (chosen IS NOT NULL AND promised_on IS NOT NULL
                                 AND handover_by IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX shipments_by_order ON routing.shipments (order_id);
CREATE INDEX shipments_to_pack ON routing.shipments (seller_id, shipment_id) WHERE state = 'routed';

-- Carriers' refusals, the newest of each shipment and service.
CREATE TABLE routing.refusals (
    order_id    text NOT NULL,
    shipment_id text NOT NULL,
    carrier     text NOT NULL,
    service     text NOT NULL,
    refused_at  timestamptz NOT NULL,
    reason      text NOT NULL,
    PRIMARY KEY (order_id, shipment_id, carrier, service)
);

-- Every decision with all it was made from (streams/rules/routing/record.py: Decision); it can be
-- run again from `record` alone.
CREATE TABLE routing.decisions (
    order_id  text NOT NULL,
    version   bigint NOT NULL,                        -- of the order.routed or order.held it led to
    rule_book text NOT NULL,
    record    json NOT NULL,
    PRIMARY KEY (order_id, version)
);

-- Parcels routed to a carrier for a day of hand-over in an origin province, by source partition:
-- each partition has its own share of the day (services/reference/rule_book.py: partition_share),
-- so that no two partitions meet on a row.
CREATE TABLE routing.capacity_used (
    partition smallint NOT NULL,
    day       date NOT NULL,
    province  text NOT NULL,
    carrier   text NOT NULL,
    parcels   integer NOT NULL,
    PRIMARY KEY (partition, day, province, carrier)
) WITH (fillfactor = 60);

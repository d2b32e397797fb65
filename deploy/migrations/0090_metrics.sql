-- Monthly throughput: fact rows, counters that move with them, and every revision ever published.
CREATE SCHEMA metrics;

-- The newest version of every entity of an order: what its fact rows follow from, and the lock of
-- a batch that changes them.
CREATE TABLE metrics.facts (
    order_id  text COLLATE "C" PRIMARY KEY,
    partition smallint NOT NULL,             -- the shard its figures are counted in
    facts     json                           -- null: locked for the first time, nothing known yet
) WITH (fillfactor = 60);

-- The fact row of an order. Times are null until it happened.
CREATE TABLE metrics.orders (
    order_id        text COLLATE "C" PRIMARY KEY,
    channel         text NOT NULL,
    origin_province text NOT NULL,           -- '' and star 0: nothing is known of the goods yet
    product_group   text NOT NULL,
    star            smallint NOT NULL,
    placed_at       timestamptz,
    held_at         timestamptz,             -- the first hold
    cancelled_at    timestamptz,
    units           bigint NOT NULL,
    goods_vnd       bigint NOT NULL
) WITH (fillfactor = 80);

CREATE TABLE metrics.shipments (
    shipment_id     text COLLATE "C" PRIMARY KEY,
    order_id        text NOT NULL,
    channel         text NOT NULL,
    carrier         text NOT NULL,
    origin_province text NOT NULL,
    product_group   text NOT NULL,
    star            smallint NOT NULL,
    routed_at       timestamptz              -- first routing; null: no shipment of the newest routing
) WITH (fillfactor = 80);

-- The fact row of a parcel under the booking that carries it. All times are of firm events.
CREATE TABLE metrics.parcels (
    parcel_id          text COLLATE "C" PRIMARY KEY,
    order_id           text NOT NULL,
    channel            text NOT NULL,
    carrier            text NOT NULL,
    origin_province    text NOT NULL,
    product_group      text NOT NULL,
    star               smallint NOT NULL,
    placed_at          timestamptz,
    packed_at          timestamptz,
    booked_at          timestamptz,
    handed_over_at     timestamptz,
    first_attempt_at   timestamptz,
    delivered_at       timestamptz,          -- these three exclude each other: the outcome that stands
    returned_at        timestamptz,
    written_off_at     timestamptz,
    cod_collected_at   timestamptz,
    units              bigint NOT NULL,
    goods_vnd          bigint NOT NULL,
    freight_vnd        bigint NOT NULL,      -- 0 under a voided booking
    cod_expected_vnd   bigint NOT NULL,
    cod_collected_vnd  bigint NOT NULL,
    attempts           integer NOT NULL,
    delivered_at_first boolean NOT NULL,
    on_time            boolean NOT NULL,     -- first attempt by the end of the promised day
    late_by            text,                 -- who a late first attempt is put down to
    CHECK (num_nonnulls(delivered_at, returned_at, written_off_at) <= 1)
) WITH (fillfactor = 70);

-- Totals, sharded by source partition: a row is written by one partition's batches only.
-- `figure` is a name of schemas/figures.py, or a histogram's bucket (`order_to_handover_h<=24`).
CREATE TABLE metrics.counters (
    month           text COLLATE "C" NOT NULL,
    channel         text COLLATE "C" NOT NULL,
    carrier         text COLLATE "C" NOT NULL,
    origin_province text COLLATE "C" NOT NULL,
    product_group   text COLLATE "C" NOT NULL,
    star            smallint NOT NULL,
    figure          text COLLATE "C" NOT NULL,
    partition       smallint NOT NULL,
    value           bigint NOT NULL,
    PRIMARY KEY (month, channel, carrier, origin_province, product_group, star, figure, partition)
) WITH (fillfactor = 70);

-- What batches have moved and no revision tells yet. The writer of revisions empties it.
CREATE TABLE metrics.changes (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    month           text NOT NULL,
    channel         text NOT NULL,
    carrier         text NOT NULL,
    origin_province text NOT NULL,
    product_group   text NOT NULL,
    star            smallint NOT NULL,
    facts           integer NOT NULL,        -- how many facts moved the cell
    watermark       timestamptz NOT NULL,    -- when the newest of them occurred
    cause           text NOT NULL            -- the newest of them
);

-- One row a revision of a month: all cells that changed were summed in one snapshot at `as_of`.
CREATE TABLE metrics.months (
    month     text COLLATE "C" NOT NULL,
    revision  bigint NOT NULL,
    as_of     timestamptz NOT NULL,
    watermark timestamptz NOT NULL,          -- when the newest fact counted in the month occurred
    cells     integer NOT NULL,              -- how many cells changed
    cause     text NOT NULL,                 -- the newest fact that changed one
    PRIMARY KEY (month, revision)
);

-- The cells a revision changed, absolute. A month as of revision n: the newest row <= n of each cell.
CREATE TABLE metrics.revisions (
    month           text COLLATE "C" NOT NULL,
    channel         text COLLATE "C" NOT NULL,
    carrier         text COLLATE "C" NOT NULL,
    origin_province text COLLATE "C" NOT NULL,
    product_group   text COLLATE "C" NOT NULL,
    star            smallint NOT NULL,
    revision        bigint NOT NULL,
    figures         jsonb NOT NULL,          -- counter name to value; 0 is absent
    watermark       timestamptz NOT NULL,
    cause           text NOT NULL,
    position        bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (month, channel, carrier, origin_province, product_group, star, revision),
    UNIQUE (position),
    FOREIGN KEY (month, revision) REFERENCES metrics.months
);

-- The lock of the one writer of revisions, and how far they are published.
CREATE TABLE metrics.publisher (
    sole      boolean PRIMARY KEY DEFAULT true CHECK (sole),
    published bigint NOT NULL DEFAULT 0      -- every position up to here is in the topic
);
INSERT INTO metrics.publisher DEFAULT VALUES;

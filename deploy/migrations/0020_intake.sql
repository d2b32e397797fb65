-- Orders as their channels and sellers want them, what intake thinks of them, and who they go to.
-- No foreign keys: one stage writes all of it, and each would cost a look-up a row.
CREATE SCHEMA intake;

-- One row an order. Every record about an order has the key channel:number and so comes to one
-- partition, whose checkpoint row fences all writers: the row needs no lock of its own.
CREATE TABLE intake.orders (
    order_id         text PRIMARY KEY,
    channel          text NOT NULL,
    seller_id        text NOT NULL,
    channel_order_no text NOT NULL,
    version          bigint NOT NULL,                -- of intake's newest event about the order
    placed_at        timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,           -- the time the newest content gives itself
    payload_version  bigint NOT NULL,                -- of the newest content
    seen             jsonb NOT NULL,                 -- {payload version: fingerprint}, the newest 64
    wanted           jsonb NOT NULL,                 -- the newest content, without name, phone, street, note
    contact_problems text[] NOT NULL,                -- what is wrong with those four
    placed           boolean NOT NULL,               -- order.placed was published
    untold           boolean NOT NULL,               -- the content changed since it was last published
    cancel_requested boolean NOT NULL,
    holds            jsonb NOT NULL,                 -- intake's holds as published: [{reason, detail, by, since}]
    waived           text[] NOT NULL,                -- problems a release with a reason let pass
    -- The content as last published by order.placed or order.amended; null before.
    province_code    text,
    ward_code        text,
    place_confidence text,
    goods_vnd        bigint,
    shipping_vnd     bigint,
    discount_vnd     bigint,
    total_vnd        bigint,
    cod_vnd          bigint,
    shipping_payer   text,
    fixed_carrier    text
) WITH (fillfactor = 80);
CREATE INDEX orders_by_number ON intake.orders (channel, channel_order_no);
CREATE INDEX orders_by_seller ON intake.orders (seller_id, order_id);

-- The lines of the content as last published: what packing expects. Weight and sizes of one unit;
-- star, group and certificate as they were at that moment: star 0 without a certificate are
-- ordinary goods, even where a certificate expired (a release let them pass).
CREATE TABLE intake.lines (
    order_id            text NOT NULL,
    line_no             integer NOT NULL,
    sku                 text NOT NULL,
    name                text NOT NULL,
    quantity            integer NOT NULL,
    unit_price_vnd      bigint NOT NULL,
    weight_g            integer NOT NULL,
    length_cm           integer,
    width_cm            integer,
    height_cm           integer,
    origin_id           text NOT NULL,
    origin_province     text,
    ocop_group          text NOT NULL,
    star                smallint NOT NULL,
    certificate_no      text,
    handling            text[] NOT NULL,
    lot                 text,
    best_before         date,
    transit_tolerance_h integer,
    PRIMARY KEY (order_id, line_no)
);

-- A command has one effect however often it comes.
CREATE TABLE intake.commands (
    order_id     text NOT NULL,
    command_id   text NOT NULL,
    command      text NOT NULL,
    actor        text NOT NULL,
    at           timestamptz NOT NULL,
    refused_code text,                               -- null: carried out
    PRIMARY KEY (order_id, command_id)
);

-- What came before its order: applied when the order comes. `seller_id` is null where a channel
-- did not say whose order it is.
CREATE TABLE intake.parked (
    channel          text NOT NULL,
    channel_order_no text NOT NULL,
    ref              text NOT NULL,                  -- command id, or v and the payload version
    seller_id        text,
    notice           jsonb NOT NULL,
    parked_at        timestamptz NOT NULL,
    PRIMARY KEY (channel, channel_order_no, ref)
);

-- One data key a buyer, wrapped with the master key. Erasing a buyer is deleting this row.
CREATE TABLE intake.buyer_keys (
    buyer_id   text PRIMARY KEY,                     -- keyed hash of the phone: no phone can be read from it
    wrapped    bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Name, phone, street and note of an order's buyer, encrypted with the buyer's data key.
CREATE TABLE intake.buyers (
    order_id text PRIMARY KEY,
    buyer_id text NOT NULL,                          -- outlives its key, so that an erasure can be seen
    sealed   bytea NOT NULL
);
CREATE INDEX buyers_by_buyer ON intake.buyers (buyer_id);

-- Status: where every order stands, derived from the newest facts about it.
CREATE SCHEMA status;

-- One row an order. Facts may come before the order is known (placed or held): until then
-- seller_id, channel, status, fulfilment and as_of are null and nobody is told.
-- facts, decisions: JSON documents of streams.rules.status, loaded and stored whole.
-- document: {status, fulfilment, flags, holds, shipments}, what the newest version says.
CREATE TABLE status.orders (
    order_id   text PRIMARY KEY,
    seller_id  text,
    channel    text,
    version    bigint NOT NULL DEFAULT 0,
    status     text,
    fulfilment text,
    finished   boolean NOT NULL DEFAULT false,
    as_of      timestamptz,
    document   jsonb,
    shown      bytea,                           -- digest of document: told apart without reading it
    facts      json NOT NULL DEFAULT '{}',
    decisions  json NOT NULL DEFAULT '{}',
    CHECK (num_nulls(seller_id, channel, status, fulfilment, as_of, document) IN (0, 6))
) WITH (fillfactor = 50);                       -- every fact rewrites its row: stay on the page

-- Commands and packing reports that were refused, each told to its seller once.
CREATE TABLE status.refusals (
    order_id   text NOT NULL,
    entity     text NOT NULL,                   -- the refusing event's
    command_id text NOT NULL,                   -- or the packing report's id
    command    text NOT NULL,                   -- 'pack' for a packing report
    code       text NOT NULL,
    reason     text NOT NULL,
    refused_at timestamptz NOT NULL,
    told       boolean NOT NULL,                -- false until the order is known
    PRIMARY KEY (order_id, entity)
);

-- Feed: each seller's numbered sequence of what happened to their orders.
CREATE SCHEMA feed;

-- The counter of a seller, raised in the transaction that stores the entries: no gaps.
CREATE TABLE feed.sellers (
    seller_id   text PRIMARY KEY,
    last_number bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- body: the order.status_changed event as it came. Never changed, never deleted.
CREATE TABLE feed.entries (
    seller_id     text NOT NULL,
    number        bigint NOT NULL CHECK (number > 0),
    order_id      text NOT NULL,
    order_version bigint NOT NULL,
    body          jsonb NOT NULL,
    appended_at   timestamptz NOT NULL,
    PRIMARY KEY (seller_id, number),
    UNIQUE (order_id, order_version)            -- an order's history, and its newest version
);

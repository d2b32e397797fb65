-- Channels we ask for orders: how far each shop was looked through, and what was fetched last.
CREATE SCHEMA channels;

-- One row a shop. `position` moves in the transaction that queues what was found before it.
CREATE TABLE channels.cursors (
    channel      text NOT NULL,
    shop         text NOT NULL,
    position     timestamptz NOT NULL,               -- by the channel's clock; all before it is queued
    next_at      timestamptz NOT NULL DEFAULT now(), -- of the next poll
    lease        uuid,                               -- who polls it now
    leased_until timestamptz NOT NULL DEFAULT '-infinity',
    failures     integer NOT NULL DEFAULT 0,         -- in a row
    complaint    text NOT NULL DEFAULT '',           -- why the last poll failed
    polled_at    timestamptz,                        -- the last poll that came to its end
    PRIMARY KEY (channel, shop)
) WITH (fillfactor = 70);

-- The newest fetch of each order that went into the log. No personal data: a keyed hash of it.
CREATE TABLE channels.orders (
    channel    text NOT NULL,
    number     text NOT NULL,
    shop       text NOT NULL,
    updated_at timestamptz NOT NULL,                 -- the channel's own time of that state
    fetched_at timestamptz NOT NULL,                 -- ours, before the question was sent
    digest     bytea NOT NULL,
    packages   jsonb NOT NULL DEFAULT '{}',          -- {the platform's package number: its status}
    PRIMARY KEY (channel, number)
) WITH (fillfactor = 80);

-- What the gateway must remember between requests.
CREATE SCHEMA gateway;

-- The first answer to a request with an Idempotency-Key, given again to its repeats.
CREATE TABLE gateway.idempotency_keys (
    owner_id    text NOT NULL,
    key         text NOT NULL,
    fingerprint bytea NOT NULL,        -- SHA-256 of path and body
    answer      bytea,                 -- NULL while the first request is being worked on
    started_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner_id, key)
);
CREATE INDEX ON gateway.idempotency_keys (started_at);

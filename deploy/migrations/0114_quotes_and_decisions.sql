-- Prices as carriers quote them, and the seller's decisions on parcels that cannot be delivered.

-- What a carrier answered when it was asked for a lane: every service it offers there for a parcel
-- of that charged weight, or why there is no price. One row a lane, replaced by each new answer;
-- the job runner writes it, routing reads what is still valid.
CREATE TABLE jobs.lane_quotes (
    lane        text PRIMARY KEY,                  -- schemas/quotes.py: Lane.key
    carrier     text NOT NULL,
    origin      text NOT NULL,                     -- province
    destination text NOT NULL,                     -- province
    weight_g    integer NOT NULL,                  -- charged weight, rounded up to the tariff's step
    with_cod    boolean NOT NULL,
    outcome     text NOT NULL CHECK (outcome IN ('quoted', 'refused', 'unanswered')),
    services    json NOT NULL DEFAULT '{}',        -- {code: {price_vnd, charged_weight_g, transit_h}}
    reason      text NOT NULL DEFAULT '',
    quoted_at   timestamptz NOT NULL,
    valid_until timestamptz NOT NULL               -- until then nobody asks again
) WITH (fillfactor = 80);

-- Deliver again or bring back: the newest decision on a parcel and its carrier's answer.
ALTER TABLE booking.orders
    ADD COLUMN decided_version bigint NOT NULL DEFAULT 0; -- of the newest delivery.decided
ALTER TABLE booking.parcels
    ADD COLUMN decision_versions bigint NOT NULL DEFAULT 0; -- counter of booking.decision_answered
ALTER TABLE booking.bookings
    ADD COLUMN decision         text CHECK (decision IN ('redeliver', 'return')),
    ADD COLUMN decision_request bigint NOT NULL DEFAULT 0, -- version of the delivery.decided asked for
    ADD COLUMN decision_command text NOT NULL DEFAULT '',
    ADD COLUMN decision_why     text NOT NULL DEFAULT '',
    ADD COLUMN decision_told    bigint NOT NULL DEFAULT 0, -- decision_request last answered
    ADD COLUMN decision_version bigint NOT NULL DEFAULT 0, -- of the newest result of the call
    ADD COLUMN decision_outcome text;

ALTER TABLE jobs.calls
    DROP CONSTRAINT calls_kind_check,
    ADD CONSTRAINT calls_kind_check
        CHECK (kind IN ('book', 'void', 'return', 'redeliver', 'approve_return'));

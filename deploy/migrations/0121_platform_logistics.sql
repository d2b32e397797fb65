-- Orders a marketplace ships itself: its package numbers are the bookings.
ALTER TABLE booking.orders
    ADD COLUMN placed_at        timestamptz,                 -- as order.routed says
    ADD COLUMN packages         jsonb NOT NULL DEFAULT '[]', -- the platform's numbers, as last named
    ADD COLUMN packages_version bigint NOT NULL DEFAULT 0,   -- of the event that named them
    ADD COLUMN packages_at      timestamptz,
    ADD COLUMN short            boolean NOT NULL DEFAULT false, -- booking holds it: a parcel without one
    ADD COLUMN short_version    bigint NOT NULL DEFAULT 0;   -- counter of booking's own holds

-- Flags of bookings, and when to look at one that is silent.

ALTER TABLE tracking.bookings
    ADD COLUMN service    text,
    ADD COLUMN told_at    timestamptz,                 -- when its booking came in
    ADD COLUMN promise    bigint,                      -- end of the promised day, Unix seconds
    ADD COLUMN is_delayed boolean NOT NULL DEFAULT false,  -- the carrier's own date is later
    ADD COLUMN flags      text NOT NULL DEFAULT '';    -- comma-separated; rules/tracking_flags.py

CREATE INDEX bookings_flagged ON tracking.bookings (reference) WHERE flags <> '';

-- Bookings that nothing may be heard of: when silence alone could raise a flag. Moved on only when
-- that time comes, so events cost nothing here; gone with the parcel's end.
CREATE TABLE tracking.due (
    reference text COLLATE "C" PRIMARY KEY,
    waybill   text COLLATE "C" NOT NULL,
    due_at    timestamptz NOT NULL
);
CREATE INDEX due_next ON tracking.due (due_at);

INSERT INTO tracking.due
SELECT reference, waybill, now() + interval '1 day' FROM tracking.bookings
WHERE booked_at IS NOT NULL AND waybill IS NOT NULL;
UPDATE tracking.bookings SET told_at = booked_at WHERE booked_at IS NOT NULL;

-- One carrier may be spoken to over several interfaces: a code means another thing in each, so the
-- interface is chosen with the service and kept with everything that follows from it.

-- Empty: booked before there was a choice, that is through the carrier's first interface.
ALTER TABLE booking.shipments ADD COLUMN api text NOT NULL DEFAULT '';
ALTER TABLE booking.bookings ADD COLUMN api text NOT NULL DEFAULT '';

-- A carrier without a call to cancel is asked by a person.
ALTER TABLE booking.ops_tasks DROP CONSTRAINT ops_tasks_kind_check;
ALTER TABLE booking.ops_tasks ADD CONSTRAINT ops_tasks_kind_check
    CHECK (kind IN ('unknown_booking', 'unknown_void', 'void_by_hand', 'recall'));

-- How often the carrier says it tried to deliver, where its events carry a count of their own.
ALTER TABLE tracking.events ADD COLUMN delivery_times smallint;

-- UPU S10 numbers that we give out ourselves, from ranges the operator gave us.
CREATE SCHEMA numbers;

-- A range of serials of one service indicator. `next_serial` goes round once the end is reached.
CREATE TABLE numbers.s10_ranges (
    indicator    text PRIMARY KEY CHECK (indicator ~ '^[A-Z]{2}$'),
    first_serial integer NOT NULL CHECK (first_serial >= 0),
    last_serial  integer NOT NULL CHECK (last_serial BETWEEN first_serial AND 99999999),
    next_serial  integer NOT NULL CHECK (next_serial BETWEEN first_serial AND last_serial)
);

-- Every number ever given out, and for which booking: one number a reference, and a number again
-- only after it has rested (services/store/s10_numbers.py).
CREATE TABLE numbers.s10_allocated (
    reference    text PRIMARY KEY,
    indicator    text NOT NULL,
    serial       integer NOT NULL,
    number       text NOT NULL,
    allocated_at timestamptz NOT NULL
);
CREATE INDEX s10_allocated_number ON numbers.s10_allocated (indicator, serial, allocated_at DESC);

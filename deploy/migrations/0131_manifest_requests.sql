-- A manifest that was asked for twice is the same: request_key is the Idempotency-Key it came with.
ALTER TABLE handover.manifests ADD COLUMN request_key text NOT NULL;
CREATE UNIQUE INDEX manifests_by_request ON handover.manifests (seller_id, request_key);

-- What waits for a carrier at an origin; a parcel leaves the index once the carrier has it.
CREATE INDEX bookings_to_hand_over ON booking.bookings (seller_id, carrier, origin_id)
    WHERE state = 'booked' AND tracked IS NULL;

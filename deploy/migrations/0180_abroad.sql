-- Parcels abroad: the country, what customs ask for, and numbers of our own for them.

-- As last published; null before, and for orders of the time when all were Vietnam's. Province and
-- commune are null abroad.
ALTER TABLE intake.orders ADD COLUMN country text CHECK (country ~ '^[A-Z]{2}$');

ALTER TABLE registry.products
    ADD COLUMN name_en text,
    ADD COLUMN hs_code text CHECK (hs_code ~ '^([0-9]{6}|[0-9]{8}|[0-9]{10})$');

-- Of orders abroad only.
ALTER TABLE intake.lines
    ADD COLUMN hs_code text,
    ADD COLUMN origin_country text,
    ADD COLUMN name_en text;

ALTER TABLE routing.shipments
    ADD COLUMN destination_country text NOT NULL DEFAULT 'VN',
    ALTER COLUMN destination_province DROP NOT NULL,
    ALTER COLUMN destination_ward DROP NOT NULL,
    ADD CONSTRAINT shipments_destination CHECK (
        (destination_country = 'VN') = (destination_province IS NOT NULL)
        AND (destination_province IS NULL) = (destination_ward IS NULL));

-- The S10 service indicator under which we number the parcels of a service; empty: its carrier does.
ALTER TABLE booking.shipments ADD COLUMN numbered_as text NOT NULL DEFAULT '';
ALTER TABLE booking.bookings ADD COLUMN numbered_as text NOT NULL DEFAULT '';

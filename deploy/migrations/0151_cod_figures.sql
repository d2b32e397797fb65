-- The ledger's part of a parcel's fact row.
ALTER TABLE metrics.parcels
    ADD COLUMN cod_remitted_at  timestamptz,                -- the last transfer
    ADD COLUMN cod_remitted_vnd bigint NOT NULL DEFAULT 0,  -- fees kept back included
    ADD COLUMN cod_short_vnd    bigint NOT NULL DEFAULT 0;

-- Reference data: who sells what from where, who carries, and with which keys they speak to us.
CREATE SCHEMA registry;

CREATE TABLE registry.sellers (
    seller_id text PRIMARY KEY,
    name      text NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('household', 'cooperative', 'company'))
);

-- An address goods leave from. Codes are those of the 34-province map.
CREATE TABLE registry.origins (
    origin_id     text PRIMARY KEY,
    seller_id     text NOT NULL REFERENCES registry.sellers,
    contact_name  text NOT NULL,
    phone         text NOT NULL,
    street        text NOT NULL,
    ward_code     text NOT NULL CHECK (ward_code ~ '^\d{5}$'),
    province_code text NOT NULL CHECK (province_code ~ '^\d{2}$'),
    working_days  smallint[] NOT NULL DEFAULT '{1,2,3,4,5,6}', -- ISO: 1 Monday … 7 Sunday
    cut_off       time NOT NULL DEFAULT '16:00'                -- Vietnam time
);
CREATE INDEX ON registry.origins (seller_id);

-- How a channel names a seller (the `seller_ref` of a payload).
CREATE TABLE registry.shops (
    channel   text NOT NULL,
    shop_ref  text NOT NULL,
    seller_id text NOT NULL REFERENCES registry.sellers,
    PRIMARY KEY (channel, shop_ref)
);

CREATE TABLE registry.products (
    seller_id           text NOT NULL REFERENCES registry.sellers,
    sku                 text NOT NULL,
    origin_id           text NOT NULL REFERENCES registry.origins,
    name                text NOT NULL,
    ocop_group          text NOT NULL CHECK (ocop_group IN
                        ('food', 'beverage', 'herbal', 'handicraft', 'ornamental', 'tourism')),
    weight_g            integer CHECK (weight_g > 0),           -- one unit, packed for sale
    length_cm           integer CHECK (length_cm > 0),
    width_cm            integer CHECK (width_cm > 0),
    height_cm           integer CHECK (height_cm > 0),
    handling            text[] NOT NULL DEFAULT '{dry}',
    shelf_life_days     integer CHECK (shelf_life_days > 0),
    transit_tolerance_h integer CHECK (transit_tolerance_h > 0), -- longest time on the way
    prohibited          boolean NOT NULL DEFAULT false,          -- banned from carriage by post
    PRIMARY KEY (seller_id, sku)
);

CREATE TABLE registry.certificates (
    certificate_no text PRIMARY KEY,
    seller_id      text NOT NULL,
    sku            text NOT NULL,
    kind           text NOT NULL,                     -- OCOP, ATVSTP, VietGAP, …
    star           smallint CHECK (star BETWEEN 1 AND 5),
    decision_no    text,
    authority      text,
    issued_on      date NOT NULL,
    expires_on     date NOT NULL,                     -- last valid day
    revoked_on     date,
    FOREIGN KEY (seller_id, sku) REFERENCES registry.products
);
CREATE INDEX ON registry.certificates (seller_id, sku);

-- A party that sends tracking events; the carrier comes from here, never from a payload.
CREATE TABLE registry.partners (
    partner_id   text PRIMARY KEY,
    carrier      text NOT NULL,
    api          text NOT NULL,
    verification text NOT NULL,
    public_key   text,                                -- PEM, where the partner signs with RSA
    UNIQUE (carrier, api)
);

-- Keys and signing secrets; at most two of an owner are valid at a time, so they can be rotated.
-- API keys and static secrets are stored as SHA-256 of the secret; signing secrets (HMAC) must be
-- read back, so they are stored sealed with the master key.
CREATE TABLE registry.credentials (
    key_id     text PRIMARY KEY,
    owner_kind text NOT NULL CHECK (owner_kind IN ('seller', 'partner', 'channel', 'ops')),
    owner_id   text NOT NULL,
    digest     bytea,
    sealed     bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    CHECK ((digest IS NULL) <> (sealed IS NULL))
);
CREATE INDEX ON registry.credentials (owner_kind, owner_id) WHERE revoked_at IS NULL;

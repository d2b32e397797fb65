-- Cash on delivery: where the cash of every booking is, and the books that prove it.
CREATE SCHEMA cod;

-- One row a carrier's number that a booking or a statement line named: they meet here, inserted
-- empty by whichever comes first. claims: [[reference, booked_at], …], every booking that ever had
-- the number.
CREATE TABLE cod.numbers (
    number text COLLATE "C" PRIMARY KEY,                    -- carrier:tracking_no
    claims json NOT NULL DEFAULT '[]'
);

-- One row a booking reference, inserted empty by whichever fact comes first. `booked` and `tracked`
-- are the newest of each (streams/rules/cod_facts.py); everything else follows from them, the lines
-- and the decisions. `version` counts the states told. state is null until the booking is known.
CREATE TABLE cod.accounts (
    reference        text COLLATE "C" PRIMARY KEY,
    parcel_id        text,
    order_id         text,
    carrier          text,
    state            text,
    booked_vnd       bigint NOT NULL DEFAULT 0,
    expected_vnd     bigint NOT NULL DEFAULT 0,             -- as amended
    collected_vnd    bigint NOT NULL DEFAULT 0,
    remitted_vnd     bigint NOT NULL DEFAULT 0,             -- paid, fees kept back included
    fees_vnd         bigint NOT NULL DEFAULT 0,
    compensation_vnd bigint NOT NULL DEFAULT 0,
    paid_out_vnd     bigint NOT NULL DEFAULT 0,
    short_vnd        bigint NOT NULL DEFAULT 0,
    remitted_at      timestamptz,
    exceptions       text[] NOT NULL DEFAULT '{}',
    delivered_at     timestamptz,
    entries          integer NOT NULL DEFAULT 0,            -- how many the books hold of it
    version          bigint NOT NULL DEFAULT 0,
    booked           json,
    tracked          json
) WITH (fillfactor = 60);
CREATE INDEX accounts_parcel ON cod.accounts (parcel_id) WHERE parcel_id IS NOT NULL;
CREATE INDEX accounts_order ON cod.accounts (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX accounts_outstanding ON cod.accounts (carrier, delivered_at)
    WHERE state IN ('expected', 'collected') AND delivered_at IS NOT NULL;
CREATE INDEX accounts_exceptions ON cod.accounts (carrier) WHERE exceptions <> '{}';

-- Statement lines as they came. `owner`: the booking a line was given to; null: none known.
CREATE TABLE cod.lines (
    carrier        text COLLATE "C" NOT NULL,
    statement_no   text COLLATE "C" NOT NULL,
    line_no        integer NOT NULL,
    tracking_no    text,
    reference      text,
    cod_vnd        bigint NOT NULL,
    fee_vnd        bigint NOT NULL,
    fee_kind       text NOT NULL,
    net_vnd        bigint NOT NULL,
    transferred_on date NOT NULL,
    paid_to        text NOT NULL CHECK (paid_to IN ('programme', 'seller')),
    imported_by    text NOT NULL,
    imported_at    timestamptz NOT NULL,
    owner          text COLLATE "C",
    PRIMARY KEY (carrier, statement_no, line_no)
);
CREATE INDEX lines_owner ON cod.lines (owner) WHERE owner IS NOT NULL;
CREATE INDEX lines_number ON cod.lines (carrier, tracking_no);

-- What people decided.
CREATE TABLE cod.decisions (
    decision_id text COLLATE "C" PRIMARY KEY,
    reference   text COLLATE "C" NOT NULL,
    parcel_id   text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('dispute', 'settle', 'restate', 'pay')),
    outcome     text CHECK (outcome IN ('full', 'part', 'none')),
    vnd         bigint NOT NULL,
    by          text NOT NULL,
    why         text NOT NULL,
    at          timestamptz NOT NULL
);
CREATE INDEX decisions_reference ON cod.decisions (reference);

-- The books: double entry, debits positive. Never changed, never deleted. A row a posting; the
-- postings of an entry add up to nought.
CREATE TABLE cod.entries (
    reference   text COLLATE "C" NOT NULL,
    entry_no    integer NOT NULL,
    account     text COLLATE "C" NOT NULL,
    vnd         bigint NOT NULL,
    kind        text NOT NULL,
    evidence    text NOT NULL,
    occurred_at timestamptz NOT NULL,
    written_at  timestamptz NOT NULL,
    PRIMARY KEY (reference, entry_no, account)
);

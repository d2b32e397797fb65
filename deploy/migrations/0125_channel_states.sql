-- A channel that does not say when an order changed: the state we hold tells whether to fetch it.
ALTER TABLE channels.orders ADD COLUMN state text NOT NULL DEFAULT '';

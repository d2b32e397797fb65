-- How a channel names a seller's product, where its orders do not carry the seller's own sku.
-- An order line is joined by sku first, and by listing only where the seller has no such sku.
CREATE TABLE registry.listings (
    seller_id   text NOT NULL,
    listing_ref text NOT NULL,                       -- the channel's id of the product or variant
    channel     text NOT NULL,
    sku         text NOT NULL,
    PRIMARY KEY (seller_id, listing_ref),
    FOREIGN KEY (seller_id, sku) REFERENCES registry.products
);

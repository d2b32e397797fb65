-- What channels were told of orders: each milestone once, a tracking number once for each.
CREATE TABLE feed.reports (
    order_id  text NOT NULL,
    milestone text NOT NULL,
    subject   text NOT NULL DEFAULT '',              -- the tracking number, where it is about one
    PRIMARY KEY (order_id, milestone, subject)
);

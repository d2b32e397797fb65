-- Partners that write their tracking events to Kafka themselves, each to a topic of its own.
ALTER TABLE registry.partners ADD COLUMN publishes boolean NOT NULL DEFAULT false;

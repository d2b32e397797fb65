"""The promises of the system, each checked from Postgres and Kafka: one module a promise."""

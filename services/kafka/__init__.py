"""Apache Kafka: the flow."""

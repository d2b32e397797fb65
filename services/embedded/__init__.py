"""A real Kafka and a real PostgreSQL on one machine, and the processes of the system."""

"""Outside calls: a queue in Postgres and the runner that performs what is in it."""

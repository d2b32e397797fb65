"""The monthly throughput as people and scripts read it."""

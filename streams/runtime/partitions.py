"""Which partition a key belongs to: the Java client's choice, so that every client agrees."""

from __future__ import annotations

from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of `key` among so many; cached, since hashing in Python is slow."""
    return int(murmur2(key) & 0x7FFF_FFFF) % partitions

"""Which partition a key belongs to."""

from functools import lru_cache
from zlib import crc32


@lru_cache(maxsize=200_000)
def partition_of(key: str, partitions: int) -> int:
    """The partition of a routing key: a hash of the key's text alone, the same in every process and version.

    Classes that share a key value therefore share a partition, and a chain among them never leaves it.
    """
    return crc32(key.encode()) % partitions

"""What every stage pays, on the machine that the constants of the estimates were measured on."""

from __future__ import annotations

PART_SECONDS = 0.02  # one partition: Dask's task, opening the inputs, a directory that is flushed
WRITE_SECONDS = 2e-9  # one byte of an array: a copy, its SHA-256, the file (a disk of 1.5 GB/s or more)


def parts_of(n_rows: int, size: int) -> int:
    """How many ranges of ``size`` rows."""
    return max(1, -(-n_rows // max(1, size)))

"""Random numbers addressed by purpose and coordinate, never by worker or thread.

``key(seed, "powerwalk.walk")`` is a 64-bit constant to hand to a kernel, which then hashes it with
its own coordinates (`foundation.kernels.splitmix`); ``stream(seed, "fde.simhash", 3)`` is a whole
generator for setting up matrices.
"""

from __future__ import annotations

import hashlib

import numpy as np


def key(seed: int, purpose: str, *coordinates: int) -> int:
    """64-bit key of a purpose: equal arguments, equal key, on every machine and version."""
    text = "/".join([str(int(seed)), purpose, *(str(int(coordinate)) for coordinate in coordinates)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def stream(seed: int, purpose: str, *coordinates: int) -> np.random.Generator:
    """Independent generator for ``(seed, purpose, *coordinates)``."""
    return np.random.Generator(np.random.Philox(key=key(seed, purpose, *coordinates)))

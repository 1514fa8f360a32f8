"""Sizes in bytes as people write them."""

from __future__ import annotations

import re

from foundation.errors import InvalidParams


def parse_size(text: str) -> int:
    """Bytes of "500 MiB", "4GB" or "1000"."""
    units = {"": 1, "b": 1}
    for power, letter in enumerate("kmgtp", start=1):
        units |= {f"{letter}b": 1000**power, f"{letter}ib": 1024**power}
    found = re.fullmatch(r"(\d*\.?\d+)\s*([kmgtp]?i?b)?", text.strip().lower())
    if found is None or (found[2] or "") not in units:
        raise InvalidParams(name="size", value=text, allowed='a number of bytes, or one with a unit such as "4GB"')
    return int(float(found[1]) * units[found[2] or ""])


def size_text(n_bytes: int) -> str:
    """As "512 B", "3.5 KiB" or "1,024.0 MiB"."""
    if n_bytes < 1 << 10:
        return f"{n_bytes} B"
    return f"{n_bytes / (1 << 10):,.1f} KiB" if n_bytes < 1 << 20 else f"{n_bytes / (1 << 20):,.1f} MiB"

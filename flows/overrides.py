"""``--set key.path=value``: one key of a configuration, changed from outside its file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any, final

from foundation.errors import InvalidConfig


@final
@dataclass(frozen=True, slots=True)
class Override:
    """What was written, the key it sets, and the outermost key that was not there before it (else ``key``)."""

    text: str
    key: str
    made: str

    def decides(self, key: str) -> bool:
        """Whether what stands under ``key`` is there because of this: it was set, or a table made to hold it."""
        return _is_within(key, self.key) or (_is_within(key, self.made) and _is_within(self.key, key))


def override(raw: dict[str, Any], text: str) -> Override:
    """Change one key of ``raw``; a value is TOML if it parses, else a string.

    Raises
    ------
    InvalidConfig
        For what sets no key, or one below a value.
    """
    path, equals, value = text.partition("=")
    key = path.strip()
    parts = key.split(".")
    if not equals or not all(parts):
        raise InvalidConfig(path="--set", key=text, what="not key.path=value", fix="write e.g. --set fastrp.dim=128")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    table, made = raw, None
    for depth, part in enumerate(parts[:-1], start=1):
        if part not in table:
            made = made or ".".join(parts[:depth])
        below = table.setdefault(part, {})
        if not isinstance(below, dict):
            raise InvalidConfig(path="--set", key=key, what=f"{part} is a value, not a table", fix="check the key")
        table = below
    table[parts[-1]] = parsed
    return Override(text, key, made or key)


def _is_within(key: str, table: str) -> bool:
    return key == table or key.startswith(f"{table}.")

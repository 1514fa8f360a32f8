"""``--set key.path=value``: one key of a configuration, changed from outside its file."""

from __future__ import annotations

import tomllib

from flows.config_reader import Table
from foundation.errors import InvalidConfig


def override(raw: Table, text: str) -> None:
    key, equals, value = text.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise InvalidConfig(path="--set", key=text, what="not key.path=value", fix="write e.g. --set fastrp.dim=128")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    table = raw
    for part in parts[:-1]:
        below = table.setdefault(part, {})
        if not isinstance(below, dict):
            raise InvalidConfig(path="--set", key=key, what=f"{part} is a value, not a table", fix="check the key")
        table = below
    table[parts[-1]] = parsed

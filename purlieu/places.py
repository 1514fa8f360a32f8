"""The store that ``--store`` names, and where the machine keeps what it reads of one far away."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from artifacts.store import Store


def open_store(args: argparse.Namespace, address: str | None = None) -> Store:
    """The existing store of ``--store``, or the one at ``address``.

    PURLIEU_CACHE and PURLIEU_CACHE_LIMIT say where and how much to cache.
    """
    from artifacts.store import Store
    from foundation.sizes import parse_size

    limit = os.environ.get("PURLIEU_CACHE_LIMIT", "auto")
    return Store.open(
        args.store if address is None else address,
        cache=os.environ.get("PURLIEU_CACHE"),
        cache_limit=None if limit == "auto" else parse_size(limit),
    )

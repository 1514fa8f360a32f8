"""The ledger of sources: what each looked like when its content was last hashed, kept in the store.

``sources.json`` saves work and nothing else: it may be deleted at any time. It carries a checksum of itself, so a
ledger that was damaged, cut short or written by another version is passed over and written anew. Whoever forges one
with a right checksum can write into the store, and is believed; ``runtime.trust_mtime = false`` does not look at it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

from artifacts.manifest import canonical
from artifacts.place import Place

NAME = "sources.json"
FORMAT_VERSION = 1
LARGEST = 1_000  # entries of each table that are kept, the latest


@final
@dataclass(frozen=True, slots=True)
class Ledger:
    """``sources``: path or URL to ``{"sha256", "mark"}``; ``identities``: digest to an encoder's identity;
    ``sizes``: SHA-256 to bytes, of every content seen."""

    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    identities: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)

    def joined(self, newer: Ledger) -> Ledger:
        """Both, ``newer`` where they disagree; of more than a table holds the latest are kept."""
        return Ledger(
            _latest({**self.sources, **newer.sources}),
            _latest({**self.identities, **newer.identities}),
            _latest({**self.sizes, **newer.sizes}),
        )


def _latest(table: dict[str, Any]) -> dict[str, Any]:
    return dict(list(table.items())[-LARGEST:])


def read_ledger(place: Place) -> Ledger:
    """The ledger of a store; an empty one when there is none that can be used."""
    try:
        document = json.loads(place.read(NAME))
        body = document["body"]
        if document["format_version"] != FORMAT_VERSION or document["sha256"] != _checksum(body):
            return Ledger()
        return Ledger(body["sources"], body["identities"], body["sizes"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Ledger()


def write_ledger(place: Place, ledger: Ledger) -> None:
    """Replace the ledger in one step."""
    body = {"sources": ledger.sources, "identities": ledger.identities, "sizes": ledger.sizes}
    document = {"format_version": FORMAT_VERSION, "sha256": _checksum(body), "body": body}
    place.write(NAME, (json.dumps(document, indent=1) + "\n").encode())


def _checksum(body: object) -> str:
    return hashlib.sha256(canonical(body).encode()).hexdigest()

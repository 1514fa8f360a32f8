"""The seeded list of cases: what goes wrong, where, and the seed of everything random about it."""

from __future__ import annotations

import hashlib
import importlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from tests.faults.scene import Scene

# One file each in tests/faults/kinds, in the order they are run and reported.
KINDS = ("killed", "cancelled", "damaged", "races", "clock", "bucket", "disk", "cluster", "prefect")
SEED = 20260


@final
@dataclass(frozen=True, slots=True)
class Case:
    """One run: ``place`` is what the kind's file makes of it, ``number`` tells cases of the same place apart."""

    kind: str
    place: str
    number: int
    seed: int

    @property
    def name(self) -> str:
        """How to ask for it: ``--only NAME``."""
        return f"{self.kind}/{self.place}/{self.number}"

    def random(self) -> random.Random:
        """Numbers that belong to this case, whichever others are run."""
        digest = hashlib.sha256(f"{self.seed} {self.name}".encode()).digest()
        return random.Random(digest)


def kind_of(kind: str) -> tuple[Callable[[], Iterator[str]], Callable[[Scene], None]]:
    """The places of a kind, one for each case, and what runs one."""
    module = importlib.import_module(f"tests.faults.kinds.{kind}")
    return module.places, module.run


def all_cases(seed: int = SEED) -> list[Case]:
    """Every case of the campaign."""
    cases = []
    for kind in KINDS:
        seen: dict[str, int] = {}
        for place in kind_of(kind)[0]():
            seen[place] = seen.get(place, 0) + 1
            cases.append(Case(kind, place, seen[place], seed))
    return cases

"""What a running service is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from fastapi import Request

from serving.cache import AnswerCache
from serving.keys import KeyRing
from serving.limits import Limits
from serving.metrics import Metrics
from serving.pool import Pool
from serving.stores import Catalogs


@final
@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """The parts that all requests share."""

    catalog: Catalogs
    limits: Limits
    pool: Pool
    cache: AnswerCache
    keys: KeyRing | None
    metrics: Metrics

    def look(self) -> None:
        """Look at the key file and at the pointer of every index now."""
        if self.keys is not None:
            self.keys.look()
        self.catalog.look(at_once=True)


def service_of(request: Request) -> Service:
    """The service that ``request`` came to."""
    service: Service = request.app.state.service
    return service

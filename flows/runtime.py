"""``[runtime]``: what the machine is given."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import final

from foundation.errors import InvalidParams
from foundation.sizes import parse_size


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """``[runtime]``: what the machine is given. Nothing here changes a byte of the result.

    ``workers`` run one partition each, or ``threads_per_worker`` of them; ``processes`` makes them processes, each
    held to ``memory_limit``. ``part_nodes`` and ``part_docs`` are the rows of one partition. ``lock_wait`` is how
    many seconds to wait while another process builds the same index. ``stage_timeout`` is how many seconds one stage
    may take. ``cache`` is where a machine keeps what it reads of a store far away, ``cache_limit`` how much of it.
    ``trust_mtime`` believes that a source which looks as it did has the content it had; otherwise all of it is read.
    """

    workers: int = 2
    threads_per_worker: int = 1
    processes: bool = False
    memory_limit: str = "auto"
    scheduler: str | None = None
    part_nodes: int = 16_384
    part_docs: int = 8_192
    lock_wait: float = 0.0
    stage_timeout: float | None = None
    cache: str | None = None
    cache_limit: str = "auto"
    trust_mtime: bool = True

    def __post_init__(self) -> None:
        for name in ("workers", "threads_per_worker", "part_nodes", "part_docs"):
            if getattr(self, name) < 1:
                raise InvalidParams(name=name, value=getattr(self, name), allowed="at least 1")
        if not _is_memory(self.memory_limit):
            raise InvalidParams(
                name="memory_limit", value=self.memory_limit, allowed='"auto", or a size such as "4GB" or "500 MiB"'
            )
        if not self.lock_wait >= 0:
            raise InvalidParams(name="lock_wait", value=self.lock_wait, allowed="0 or more seconds")
        if self.stage_timeout is not None and not self.stage_timeout > 0:
            raise InvalidParams(name="stage_timeout", value=self.stage_timeout, allowed="more than 0 seconds, or none")
        if self.cache_limit != "auto" and not _is_memory(self.cache_limit):
            raise InvalidParams(name="cache_limit", value=self.cache_limit, allowed='"auto", or a size such as "20GB"')

    @property
    def cache_bytes(self) -> int | None:
        """``cache_limit`` in bytes; None for "auto"."""
        return None if self.cache_limit == "auto" else parse_size(self.cache_limit)


def _is_memory(text: str) -> bool:
    """Whether Dask understands it as a limit: "auto", a number of bytes or a share of all, or a number and a unit."""
    return text == "auto" or re.fullmatch(r"\d*\.?\d+\s*([kmgtp]?i?b)?", text.strip().lower()) is not None

"""A stage as a plan holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

from flows.stages.stage import Stage


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStage:
    """A stage with a name, what it reads, its parameters, and its digest.

    ``table`` is the config table it comes from; ``inputs`` maps a role to the name of an earlier stage, ``sources`` one
    to a path or URL; ``files`` are read besides, and are part of the digest through ``params``.
    """

    name: str
    table: str
    stage: Stage
    params: Mapping[str, Any]
    inputs: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    input_digests: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""

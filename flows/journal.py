"""Every build is noted beside its index: as it begins, and how it ends."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from artifacts.journal import REFUSED, begin_attempt, end_attempt
from artifacts.store import Store
from flows.settings import Config
from foundation.errors import EngineError, StoreLocked

MAX_ERROR = 500  # characters

log = logging.getLogger("purlieu.journal")


class Report(Protocol):
    """What the journal wants to know of a build that went well."""

    @property
    def version(self) -> str: ...
    @property
    def published(self) -> bool: ...
    @property
    def unchanged(self) -> bool: ...


P = ParamSpec("P")
R = TypeVar("R", bound=Report)
T = TypeVar("T")


def journaled(
    run: Callable[Concatenate[Config, Store, P], R],
) -> Callable[Concatenate[Config, Store, P], R]:
    """Wrap a function that builds, so that each call leaves an attempt in the journal of its index."""

    @functools.wraps(run)
    def noted(config: Config, store: Store, /, *args: P.args, **kwargs: P.kwargs) -> R:
        begun = time.perf_counter()
        number, trouble = _tried(lambda: begin_attempt(store, config.name))

        def end(outcome: str, *, version: str | None = None, error: str | None = None) -> Exception | None:
            seconds = time.perf_counter() - begun
            if number is None:
                return trouble
            return _tried(
                lambda: end_attempt(store, config.name, number, outcome, seconds, version=version, error=error)
            )[1]

        try:
            report = run(config, store, *args, **kwargs)
        except StoreLocked as error:
            end(REFUSED, error=_line(error))
            raise
        except Exception as error:
            end("failed", error=_line(error))
            raise
        except BaseException as error:  # an interrupt, or Prefect's cancellation
            end("cancelled", error=_line(error))
            raise
        outcome = "unchanged" if report.unchanged else "published" if report.published else "built"
        trouble = end(outcome, version=report.version)
        if trouble is not None:
            log.warning("this build is not in the journal: %s", trouble)
        return report

    return noted


def _tried(note: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """A journal that cannot be written neither fails a build nor talks over the reason why one failed."""
    try:
        return note(), None
    except (EngineError, OSError) as error:
        return None, error


def _line(error: BaseException) -> str:
    said = " ".join(str(error).split())
    return (said if isinstance(error, EngineError) else f"{type(error).__name__}: {said}".rstrip(": "))[:MAX_ERROR]

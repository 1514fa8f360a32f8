"""Partitions computed in this thread, one after another: for work too small to start a cluster for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, final


@final
class Here:
    """As much of a ``distributed.Client`` as spreading partitions needs."""

    status = "running"

    def submit(self, function: Callable[..., Any], *words: Any, pure: bool = False) -> Future[Any]:  # noqa: ARG002
        """Call ``function`` now; ``pure`` is Dask's."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*words))
        except Exception as error:
            future.set_exception(error)
        return future

    def cancel(self, futures: list[Future[Any]]) -> None:
        """They have all ended."""
        for future in futures:
            future.cancel()

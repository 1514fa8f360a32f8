"""Puts the faults into a Dask worker: given to it as ``--preload``."""

from __future__ import annotations

from typing import Any


def dask_setup(worker: Any) -> None:
    """Called by the worker when it starts."""
    from tests.faults.fault import install

    del worker
    install()

"""What a fixture makes once for all processes that run tests, when there are several."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def of_the_session(factory: pytest.TempPathFactory) -> Path:
    """The directory that all processes of this session share; each has one of its own in it."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A new directory that ``make`` has filled, whichever process came first; nobody may change it."""
    base = of_the_session(factory)
    directory, filled = base / f"{name}.shared", base / f"{name}.filled"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the others wait here until it is filled
        if not filled.exists():
            make(directory)
            filled.touch()
    return directory

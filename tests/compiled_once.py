"""Kernels are compiled once for all processes that run tests: the others wait, and load what the first has kept."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Any

from numba.core.caching import NullCache
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import Dispatcher


def take_turns(locks: Path) -> None:
    """Hold a lock of a kernel's name, a file in ``locks``, while this process looks for it, compiles it and keeps it.

    Numba compiles what a kernel calls inside; no kernel is called by what it calls, so nobody waits in a circle.
    """
    locks.mkdir(exist_ok=True)
    compile_kernel = Dispatcher.compile
    held: set[str] = set()

    def compile_in_turn(kernel: Any, signature: Any) -> Any:
        function = kernel.py_func
        name = f"{function.__module__}.{function.__qualname__}"
        if isinstance(kernel._cache, NullCache):
            return compile_kernel(kernel, signature)
        with global_compiler_lock:  # before the file's: another thread of this process may want both
            if name in held:  # by this thread: a kernel that calls itself
                return compile_kernel(kernel, signature)
            with (locks / name).open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                held.add(name)
                try:
                    return compile_kernel(kernel, signature)
                finally:
                    held.remove(name)

    Dispatcher.compile = compile_in_turn

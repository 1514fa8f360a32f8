"""What keeps answers from waiting for the interpreter, in a process that does nothing but serve.

The collector of circular garbage looks through every object there is, and all threads wait for it: with what numba
and others import that is 0.1 s, and a load of questions has it begin several times a minute. What is there once
versions are open stays for good, so it is set aside, and the collector is left with what questions make.
"""

from __future__ import annotations

import asyncio
import gc
import sys

from serving.stores import Catalogs

# A thread that computes in Python gives way after that long: an event loop that waited Python's own 5 ms at every turn
# would be late with all that it has to send.
SWITCH_SECONDS = 0.001
# Objects more than were let go: an answer of a thousand hits is made and gone without the collector.
YOUNG = 20_000
_LOOK_SECONDS = 0.1


async def keep_steady(catalog: Catalogs) -> None:
    """Set what was opened first aside, once; what later versions leave behind is still collected."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
    while not _is_open(catalog):
        await asyncio.sleep(_LOOK_SECONDS)
    gc.collect()
    gc.freeze()


def _is_open(catalog: Catalogs) -> bool:
    states = catalog.states()
    return any(state.served is not None for state in states) and not any(state.opening for state in states)

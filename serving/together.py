"""What a worker does beside answering: it shows its figures to the others, and looks again when one was told to."""

from __future__ import annotations

import asyncio

import anyio.to_thread

from serving.service import Service

SHOW_SECONDS = 0.25


async def keep_together(service: Service) -> None:
    """Until cancelled; where there are no others there is nothing to do."""
    board = service.metrics.board
    seen = board.reloads()
    while board.n_workers > 1:
        service.metrics.show()
        asked = board.reloads()
        if asked != seen:
            seen = asked
            await anyio.to_thread.run_sync(service.look)
        await asyncio.sleep(SHOW_SECONDS)

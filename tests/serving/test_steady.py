"""The interpreter of a process that does nothing but serve."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from artifacts.store import Store
from tests.serving.fake_engine import publish_version

ROOT = Path(__file__).parents[2]
SCRIPT = """
import asyncio, gc, sys
from artifacts.store import Store
from serving.api import create_app
from tests.serving.fake_engine import Opening

async def lived(own_process):
    app = create_app(Store.open(sys.argv[1]), opener=Opening(), own_process=own_process)
    async with app.router.lifespan_context(app):
        app.state.service.catalog.ask("demo").result(30)
        for _ in range(300):
            if gc.get_freeze_count():
                break
            await asyncio.sleep(0.01 if own_process else 0.001)
    return gc.get_freeze_count(), sys.getswitchinterval()

before = sys.getswitchinterval()
assert asyncio.run(lived(False)) == (0, before)
frozen, interval = asyncio.run(lived(True))
assert frozen > 10_000, frozen
assert interval < before
"""


def test_what_was_opened_is_set_aside_only_where_the_process_is_the_services_own(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    publish_version(store, 1)
    words = [sys.executable, "-P", "-W", "error", "-c", SCRIPT, str(store.root)]
    ended = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})
    assert ended.returncode == 0, ended.stderr

"""A thousand versions take each other's place under load, and nobody gets a failed or a mixed answer."""

from __future__ import annotations

import threading
from collections import Counter
from functools import partial
from pathlib import Path

import httpx

from artifacts.publish import point_current
from artifacts.store import Store
from serving.api import create_app
from serving.stores import Catalogs
from tests.serving.fake_engine import Opening, publish_version
from tests.serving.live import running, until

RELOADS = 1_000
ASKED = (("similar", {"ids": ["ant", 7], "k": 5}), ("search", {"texts": ["a", "b"], "k": 5}))


def serves(catalog: Catalogs, version: str) -> bool:
    return catalog.ask("demo").result(20).engine.version == version


def test_a_thousand_reloads_fail_and_mix_no_answer(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    versions = [publish_version(store, value) for value in range(5)]
    opening = Opening()
    app = create_app(store, opener=opening, look_seconds=0.0)
    seen: Counter[str] = Counter()
    failures: list[str] = []
    stop = threading.Event()

    def ask(address: str, question: str, body: dict[str, object]) -> None:
        with httpx.Client(base_url=address, timeout=60) as client:
            while not stop.is_set():
                response = client.post(f"/v1/indexes/demo/{question}", json=body)
                answer = response.json()
                parts = {hit["from"] for hits in answer.get("results", ()) for hit in hits}
                seen[answer.get("version", "none")] += 1
                if response.status_code != 200 or parts != {answer["version"]} or answer["version"] not in versions:
                    failures.append(response.text)

    with running(app) as address:
        catalog = app.state.service.catalog
        askers = [threading.Thread(target=ask, args=(address, question, body)) for question, body in ASKED]
        for asker in askers:
            asker.start()
        try:
            for reload in range(RELOADS):
                version = versions[reload % len(versions)]
                point_current(store, "demo", version)
                until(partial(serves, catalog, version))
            until(lambda: sum(seen.values()) >= 200)
        finally:
            stop.set()
            for asker in askers:
                asker.join(60)
    assert failures == []
    assert len(opening.opened) >= RELOADS
    assert set(seen) == set(versions)

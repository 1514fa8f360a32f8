"""What the soak asks, right and wrong, and what must come of it."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from artifacts.store import Store
from serving.engine import Engine

Asked = tuple[str, bytes, list[Any]]
SMALL = "/v1/indexes/small"
N_QUESTIONS = 200
WRONG: list[tuple[str, bytes, int]] = [
    ("similar", b'{"ids":["nobody"]}', 404),
    ("similar", b'{"ids":["n000"],"k":100000}', 422),
    ("ppr", b'{"queries":[{"seeds":{"n000":NaN}}]}', 422),
    ("search", b'{"texts":[" "]}', 422),
    ("search", b"{", 400),
    ("nothing", b"{}", 404),
]


def questions(store: Store, versions: list[str]) -> list[Asked]:
    """Questions, each with the answers of the versions."""
    made: list[Asked] = []
    draw = random.Random(0)
    words = ["chess", "video codec", "music player", "web proxy", "compiler library", "number 17"]
    engines = [Engine.open(store, "small", version) for version in versions]

    def add(question: str, body: dict[str, Any], answers: list[Any]) -> None:
        made.append((question, json.dumps(body).encode(), answers))

    for _ in range(N_QUESTIONS):
        ids, k = [f"n{number:03d}" for number in draw.sample(range(299), 3)], draw.choice([1, 5, 10, 40])
        seeds = {id: draw.choice([0.5, 1.0, 2.0]) for id in ids}
        texts = draw.sample(words, 2)
        add("similar", {"ids": ids, "k": k}, [engine.similar(ids, k=k) for engine in engines])
        add("ppr", {"queries": [{"seeds": seeds}], "k": k}, [engine.ppr([seeds], k=k) for engine in engines])
        add("community", {"seeds": ids, "size": k + 3}, [engine.community(ids, size=k + 3) for engine in engines])
        add("labels", {"ids": ids}, [engine.labels(ids) for engine in engines])
        add("search", {"texts": texts, "k": k}, [engine.search(texts, k=k) for engine in engines])
    return made


def keep_asking(
    address: str, asked: Sequence[Asked], number: int, stop: threading.Event, tell: Callable[[int, int, str], None]
) -> None:
    """Ask until told to ``stop``; ``tell`` gets the status due, the one that came, and what is wrong, if anything."""
    draw = random.Random(number)
    with httpx.Client(base_url=address, timeout=60) as client:
        while not stop.is_set():
            answers: list[Any] | None = None
            if draw.random() < 0.05:
                question, body, due = draw.choice(WRONG)
            else:
                (question, body, answers), due = draw.choice(asked), 200
            try:
                response = client.post(f"{SMALL}/{question}", content=body)
                status, found = response.status_code, response.json()
            except (httpx.HTTPError, ValueError) as error:
                status, found = 0, repr(error)
            good = status == due and (answers is None or found in answers)
            tell(due, status, "" if good else f"{question} {body[:80]!r}: {status} {str(found)[:200]}")

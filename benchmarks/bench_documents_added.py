"""Documents added to the Debian index and removed from it, against building it again.

Run: python -m benchmarks.bench_documents_added
Seconds of wall time in one process, two workers for builds, without Prefect. The index has the document stages of
config/debian.toml alone; it is built without 1,000 documents, which then come in: one, and the others, and all go
again. Answers are those to the titles of 200 documents, by words and by tokens, and are compared with those of an index
that was built with all of them; the share of the ten that are the same is printed.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from artifacts.store import Store
from benchmarks.bench import print_table
from benchmarks.bench_incremental import ROOT, documents
from flows.documents import add_documents, remove_documents
from flows.run import run_build
from flows.settings import read_config
from serving.engine import Engine

T = TypeVar("T")
HELD_BACK, QUERIES = 1_000, 200
RANKINGS = ("tokens", "words")


def config_of(home: Path, lines: list[bytes]) -> Path:
    """The tables of config/debian.toml that concern documents, over these."""
    home.mkdir()
    (home / "packages.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    text = (ROOT / "config" / "debian.toml").read_text().replace("../data/debian/packages.jsonl.zst", "packages.jsonl")
    tables = text.split("\n[")
    kept = [tables[0], *(table for table in tables[1:] if table.startswith(("corpus", "muvera", "lexical", "ann.doc")))]
    (home / "documents.toml").write_text("\n[".join(kept) + "\n")
    return home / "documents.toml"


def timed(work: Callable[[], T]) -> tuple[float, T]:
    begun = time.perf_counter()
    found = work()
    return time.perf_counter() - begun, found


def asked(store: Store, texts: list[str]) -> tuple[float, dict[str, Any]]:
    """Milliseconds a query by tokens, and the ten best by each ranking."""
    engine = Engine.open(store, "debian")
    engine.warm()
    found = {ranking: engine.search(texts, k=10, ranking=ranking)["results"] for ranking in RANKINGS}
    seconds, _ = timed(lambda: [engine.search([text], k=10, ranking="both") for text in texts])
    return 1e3 * seconds / len(texts), found


def agreement(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    """Share of the best ten that are the same, by tokens and by words."""
    shares = []
    for ranking in RANKINGS:
        pairs = zip(found[ranking], wanted[ranking], strict=True)
        shares.append(sum(len({hit["id"] for hit in a} & {hit["id"] for hit in b}) / 10 for a, b in pairs) / QUERIES)
    return " / ".join(f"{share:.3f}" for share in shares)


def row(change: str, seconds: float, segments: object, wait: float, same: str) -> dict[str, object]:
    return {"change": change, "s": seconds, "segments": segments, "ms a query": wait, "same ten, tokens / words": same}


def main() -> None:
    lines = documents()
    random.Random(0).shuffle(lines)
    held, most = lines[:HELD_BACK], lines[HELD_BACK:]
    chosen = [json.loads(line) for line in [*held[: QUERIES // 2], *most[: QUERIES // 2]]]
    texts = [document["title"] for document in chosen]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        whole, store = Store.create(home / "whole store"), Store.create(home / "store")
        config = read_config(config_of(home / "whole", lines))
        built, _ = timed(lambda: run_build(config, whole))
        wait, wanted = asked(whole, texts)
        rows = [row("build of all documents", built, "", wait, agreement(wanted, wanted))]
        smaller = read_config(config_of(home / "most", most))
        run_build(smaller, store)
        for name, n_bytes in (("one", held[:1]), ("warm", held[1:2]), ("others", held[2:])):
            (home / f"{name}.jsonl").write_bytes(b"\n".join(n_bytes) + b"\n")
        said = {
            "one": "add 1, the first change: words are counted",
            "warm": "add 1 more",
            "others": f"add {HELD_BACK - 2:,}",
        }
        for name, label in said.items():
            source = home / f"{name}.jsonl"
            seconds, report = timed(lambda source=source: add_documents(store, "debian", source))  # type: ignore[misc]
            wait, found = asked(store, texts)
            same = agreement(found, wanted) if name == "others" else ""
            rows.append(row(label, seconds, report.segments, wait, same))
        ids = [str(json.loads(line)["_id"]) for line in held]
        seconds, report = timed(lambda: remove_documents(store, "debian", ids))
        rows.append(row(f"remove {HELD_BACK:,}", seconds, report.segments, asked(store, texts)[0], ""))
    print_table(rows)


if __name__ == "__main__":
    main()

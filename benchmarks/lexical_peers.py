"""bm25s and tantivy on the same texts, in an interpreter that has them.

Run by `benchmarks.bench_lexical`; knows nothing of this project. Prints one line of JSON. Times are CPU-seconds of the
process, all threads together, unless called milliseconds.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

K = 100


def digest(folder: Path) -> str:
    """Of all files' names and bytes."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


class Bm25s:
    """Its own tokens, English stemmer, no stop words; compiled search, memory-mapped."""

    def __init__(self, folder: Path) -> None:
        import bm25s
        import Stemmer

        self.bm25s, self.folder, self.stemmer = bm25s, folder, Stemmer.Stemmer("english")
        self.index: Any = None

    def cut(self, texts: list[str]) -> Any:
        return self.bm25s.tokenize(texts, stopwords=[], stemmer=self.stemmer, show_progress=False)

    def build(self, texts: list[str]) -> None:
        index = self.bm25s.BM25(k1=1.5, b=0.75, backend="numba")
        index.index(self.cut(texts), show_progress=False)
        index.save(self.folder, show_progress=False)

    def open(self) -> None:
        self.index = self.bm25s.BM25.load(self.folder, mmap=True)
        self.index.backend = "numba"

    def search(self, texts: list[str]) -> list[list[int]]:
        rows, scores = self.index.retrieve(self.cut(texts), k=K, show_progress=False, n_threads=1)
        return [
            [int(row) for row, score in zip(*pair, strict=True) if score > 0] for pair in zip(rows, scores, strict=True)
        ]


class Tantivy:
    """Its English analyser, one writing thread, k1 = 1.2 as built in."""

    def __init__(self, folder: Path) -> None:
        import tantivy

        self.tantivy, self.folder = tantivy, folder
        builder = tantivy.SchemaBuilder()
        builder.add_integer_field("row", stored=True, fast=True)
        builder.add_text_field("text", tokenizer_name="en_stem", index_option="freq")
        self.schema = builder.build()
        self.index: Any = None
        self.searcher: Any = None

    def build(self, texts: list[str]) -> None:
        self.folder.mkdir(parents=True)
        index = self.tantivy.Index(self.schema, path=str(self.folder))
        writer = index.writer(heap_size=512_000_000, num_threads=1)
        for row, text in enumerate(texts):
            writer.add_document(self.tantivy.Document(row=row, text=text))
        writer.commit()
        writer.wait_merging_threads()

    def open(self) -> None:
        self.index = self.tantivy.Index.open(str(self.folder))
        self.searcher = self.index.searcher()

    def search(self, texts: list[str]) -> list[list[int]]:
        found = []
        for text in texts:
            words = "".join(letter if letter.isalnum() else " " for letter in text)
            words = " ".join(f'"{word}"' for word in words.split())  # AND, OR and NOT are words too
            query = self.index.parse_query(words, ["text"])
            hits = self.searcher.search(query, K).hits
            found.append([self.searcher.doc(address)["row"][0] for _, address in hits])
        return found


def main(name: str, folder: str) -> None:
    base = Path(folder)
    begun = time.perf_counter()
    make = {"bm25s": Bm25s, "tantivy": Tantivy}[name]
    engine = make(base / name)
    imported = 1e3 * (time.perf_counter() - begun)
    given = json.loads((base / "texts.json").read_text())
    engine.build(given["texts"][:100])  # compiles
    digests = []
    for _ in range(2):
        shutil.rmtree(engine.folder)
        begun = time.process_time()
        engine.build(given["texts"])
        built = time.process_time() - begun
        digests.append(digest(engine.folder))
    size = sum(path.stat().st_size for path in engine.folder.rglob("*") if path.is_file())
    begun = time.perf_counter()
    engine.open()
    opened = 1e3 * (time.perf_counter() - begun)
    found = engine.search(given["queries"])
    laps = []
    for _ in range(3):
        begun = time.process_time()
        for query in given["queries"]:
            engine.search([query])
        laps.append((time.process_time() - begun) / len(given["queries"]))
    print(
        json.dumps(
            {
                "build": built,
                "search": sorted(laps)[1],
                "open ms": opened,
                "import ms": imported,
                "bytes": size,
                "same bytes": digests[0] == digests[1],
                "rows": found,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

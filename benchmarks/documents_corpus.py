"""Half a million real passages and questions about them, with static token vectors, encoded once and kept on disk.

Whole texts first: package descriptions without their titles, WordNet's words and glosses, SciFact, Cranfield, Vaswani.
They are 198,000; what lacks to the number asked for are passages of the same texts: sentences, then windows of 24 words
that begin every 12. No passage is there twice. Questions are the judged queries of the three collections and titles of
packages, which lie in no passage.

Files lie under PURLIEU_BENCH_CACHE (default: ``purlieu/bench`` in the user's folder of caches).
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from foundation.seeds import stream
from foundation.sources import open_source
from foundation.threads import even_ranges
from vectors.encoders.encoder import EncoderParams, open_encoder
from vectors.encoders.static import StaticEncoder, token_idf
from vectors.tokens.multivector import MultiVectors

ENCODER = EncoderParams(dim=64, max_tokens=64)
_WINDOW, _STEP = 24, 12  # words
_FEWEST_WORDS = 5
_AT_ONCE = 20_000
_COLLECTIONS = ("scifact", "cranfield", "vaswani")


class Documents(NamedTuple):
    """Coded documents; questions to choose by, and others to check the choice."""

    documents: MultiVectors
    heldout: MultiVectors
    fresh: MultiVectors
    n_whole: int


def shared_data() -> Path | None:
    """The folder of test data beside the repository."""
    above = Path(__file__).resolve().parents[2:4]
    return next((path for folder in above if (path := folder / "shared" / "data").is_dir()), None)


def documents(n_docs: int, n_questions: int) -> Documents | None:
    """``n_docs`` passages and twice ``n_questions`` questions; None where the data are absent."""
    data = shared_data()
    if data is None or importlib.util.find_spec("wordllama") is None:
        return None
    folder = cached(n_docs, n_questions)
    if not (folder / "done").is_file():
        _encode(data, n_docs, n_questions, folder)
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("rows", "codes")}
    offsets, n_whole = np.load(folder / "offsets.npy"), int((folder / "done").read_text())
    rows, cuts = np.load(folder / "query_rows.npy"), np.load(folder / "query_offsets.npy")
    queries = MultiVectors(vectors=rows, offsets=cuts)
    order = stream(0, "benchmark.questions").permutation(queries.n_docs)
    half = queries.n_docs // 2
    heldout, fresh = (
        MultiVectors.from_list([queries.doc(int(q)) for q in part]) for part in (order[:half], order[half:])
    )
    kept = MultiVectors(vectors=np.asarray(arrays["rows"]), offsets=offsets, codes=np.asarray(arrays["codes"]))
    return Documents(kept, heldout, fresh, n_whole)


def cached(n_docs: int, n_questions: int) -> Path:
    """The folder of such a corpus, named by all that decides it."""
    identity = json.dumps([open_encoder(ENCODER).identity, n_docs, n_questions, _WINDOW, _STEP, _FEWEST_WORDS])
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    base = Path(os.environ.get("PURLIEU_BENCH_CACHE", home / "purlieu" / "bench"))
    return base / f"documents-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"


def _encode(data: Path, n_docs: int, n_questions: int, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    texts, n_whole = passages(data, n_docs)
    encoder = open_encoder(ENCODER)
    assert isinstance(encoder, StaticEncoder)
    parts = [encoder.encode_documents(texts[a:b]).vectors for a, b in even_ranges(len(texts), _AT_ONCE)]
    coded = encoder.join(parts)
    idf = token_idf(encoder.document_frequency(coded), coded.n_docs)
    queries = open_encoder(ENCODER, idf=idf).encode_queries(questions(data, 2 * n_questions)).vectors
    np.save(folder / "rows.npy", coded.vectors)
    assert coded.codes is not None
    np.save(folder / "codes.npy", coded.codes)
    np.save(folder / "offsets.npy", coded.offsets)
    np.save(folder / "query_rows.npy", queries.vectors)
    np.save(folder / "query_offsets.npy", queries.offsets)
    (folder / "done").write_text(str(n_whole))


def passages(data: Path, n_docs: int) -> tuple[list[str], int]:
    """At most ``n_docs`` different passages, whole texts first, and how many are whole texts."""
    whole = list(dict.fromkeys(text for text in _texts(data) if text))
    kept = dict.fromkeys(whole[:n_docs])
    n_whole = len(kept)
    for cut in (_sentences, _windows):
        for text in whole:
            if len(kept) >= n_docs:
                break
            for passage in cut(text):
                if len(kept) < n_docs and len(passage.split()) >= _FEWEST_WORDS:
                    kept[passage] = None
    return list(kept), n_whole


def questions(data: Path, n: int) -> list[str]:
    """``n`` questions, a quarter of them titles of packages, the others by collection in equal parts if there are."""
    pools = [
        [str(json.loads(line)["text"]).strip() for line in (data / "corpora" / name / "queries.jsonl").open()]
        for name in _COLLECTIONS
    ]
    pools.append([str(record["title"]) for record in _records(data / "debian" / "packages.jsonl.zst")])
    asked: list[str] = []
    for nth, pool in enumerate(sorted(pools, key=len)):
        share = (n - len(asked)) // (len(pools) - nth)
        filled = [text for text in dict.fromkeys(pool) if text]
        order = stream(0, "benchmark.asked", nth).permutation(len(filled))[:share]
        asked += [filled[int(place)] for place in np.sort(order)]
    return asked


def _texts(data: Path) -> Iterator[str]:
    for record in _records(data / "debian" / "packages.jsonl.zst"):
        yield str(record["text"]).strip()
    for record in _records(data / "wordnet" / "synsets.jsonl.zst"):
        words = ", ".join(str(word).replace("_", " ") for word in record["words"])
        yield f"{words}: {record['gloss']}"
    for name in _COLLECTIONS:
        for record in _records(data / "corpora" / name / "corpus.jsonl.zst"):
            yield " ".join(f"{record.get('title') or ''} {record['text']}".split())


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with open_source(path) as file:
        yield from map(json.loads, file)


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?;])\s+", text)


def _windows(text: str) -> list[str]:
    words = text.split()
    return [" ".join(words[at : at + _WINDOW]) for at in range(0, max(1, len(words) - _STEP), _STEP)]

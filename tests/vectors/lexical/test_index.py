"""BM25 from an inverted index."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

import vectors.lexical.merge as merge_module
from foundation.errors import InvalidInput, InvalidQuery
from foundation.pieces import Pieces
from tests.oracles.bm25 import bm25
from tests.shared_data import shared_data
from vectors.judged.collection import read_collection
from vectors.judged.measures import measure
from vectors.judged.runs import Scored
from vectors.lexical.counts import TermCounts, count_terms
from vectors.lexical.index import LexicalIndex
from vectors.lexical.merge import merge_counts
from vectors.lexical.params import LexicalParams

# A few words, so that they meet; texts without a word, and words of one document, are common.
TEXTS = st.lists(st.lists(st.sampled_from(["a", "b", "c", "dd", "é", "犬"]), max_size=8).map(" ".join), max_size=12)
PARAMS = st.builds(LexicalParams, k1=st.sampled_from([0.0, 0.9, 1.5]), b=st.sampled_from([0.0, 0.75, 1.0]))


def saved(index: LexicalIndex) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in index.arrays().items()}


@settings(deadline=None, max_examples=150)
@given(texts=TEXTS, query=st.lists(st.sampled_from(["a", "b", "dd", "é", "zz"]), max_size=5), params=PARAMS)
def test_agrees_with_the_formula(texts: list[str], query: list[str], params: LexicalParams) -> None:
    docs, scores = LexicalIndex.build(texts, params).search([" ".join(query)], k=len(texts) + 1)
    expected = bm25(query, [text.split() for text in texts], params.k1, params.b)
    found = docs[0][docs[0] >= 0]
    assert sorted(found.tolist()) == [doc for doc, score in enumerate(expected) if score > 0]
    np.testing.assert_allclose(scores[0, : found.size], [expected[doc] for doc in found], rtol=1e-5)
    assert (docs[0, found.size :] == -1).all()
    assert np.isneginf(scores[0, found.size :]).all()


@settings(deadline=None, max_examples=100)
@given(texts=TEXTS, query=TEXTS.map(" ".join), k=st.integers(1, 14), data=st.data())
def test_fewer_answers_are_the_first_of_more(texts: list[str], query: str, k: int, data: st.DataObject) -> None:
    index = LexicalIndex.build(texts, LexicalParams())
    docs, scores = index.search([query], k=len(texts) + 1)
    order = np.lexsort((docs[0], -scores[0]))
    filled = docs[0] >= 0
    assert order[filled].tolist() == np.flatnonzero(filled).tolist(), "best first, equal scores by row"
    few, _ = index.search([query], k)
    assert few[0].tolist() == (docs[0].tolist() + [-1] * k)[:k]
    allowed = np.array(data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts))), dtype=np.bool_)
    some, some_scores = index.search([query], k, allowed=allowed)
    kept = [doc for doc in docs[0].tolist() if doc >= 0 and allowed[doc]]
    assert some[0].tolist() == (kept + [-1] * k)[:k]
    by_doc = dict(zip(docs[0].tolist(), scores[0].tolist(), strict=True))
    assert [score for doc, score in zip(some[0].tolist(), some_scores[0].tolist(), strict=True) if doc >= 0] == [
        by_doc[doc] for doc in some[0].tolist() if doc >= 0
    ]


@settings(deadline=None, max_examples=100)
@given(texts=TEXTS, cuts=st.lists(st.integers(0, 12), max_size=4), params=PARAMS, share=st.sampled_from([0.5, 1.0]))
def test_bytes_do_not_depend_on_the_ranges(
    texts: list[str], cuts: list[int], params: LexicalParams, share: float
) -> None:
    params = LexicalParams(k1=params.k1, b=params.b, max_share=share)
    edges = [0, *sorted(min(cut, len(texts)) for cut in cuts), len(texts)]
    parts = [count_terms(texts[a:b], a, params) for a, b in itertools.pairwise(edges)]
    assert saved(LexicalIndex.from_merged(merge_counts(parts, params), params)) == saved(
        LexicalIndex.build(texts, params)
    )


def test_bytes_do_not_depend_on_the_blocks_of_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    texts = [" ".join(f"w{word}" for word in random.integers(0, 300, 30)) for _ in range(200)]
    whole = saved(LexicalIndex.build(texts, LexicalParams()))
    monkeypatch.setattr(merge_module, "_POSTINGS_AT_ONCE", 100)
    merged = merge_counts([count_terms(texts, 0, LexicalParams())], LexicalParams())
    docs = merged.arrays["docs"]
    assert isinstance(docs, Pieces)
    assert len(list(docs.pieces)) > 10
    merged = merge_counts([count_terms(texts, 0, LexicalParams())], LexicalParams())
    assert saved(LexicalIndex.from_merged(merged, LexicalParams())) == whole


def test_saved_and_mapped_arrays_answer_alike(tmp_path: Path) -> None:
    texts = ["red fish", "blue fish", "", "red red sky"]
    index = LexicalIndex.build(texts, LexicalParams())
    for name, array in index.arrays().items():
        np.save(tmp_path / f"{name}.npy", array)
    mapped = {path.stem: np.load(path, mmap_mode="r") for path in tmp_path.iterdir()}
    again = LexicalIndex.from_arrays(mapped, LexicalParams())
    for one, other in zip(index.search(["red fish"], 4), again.search(["red fish"], 4), strict=True):
        assert one.tobytes() == other.tobytes()
    counts = count_terms(texts, 0, LexicalParams())
    again_counts = TermCounts.from_arrays(counts.arrays())
    assert {name: array.tobytes() for name, array in again_counts.arrays().items()} == {
        name: array.tobytes() for name, array in counts.arrays().items()
    }


def test_answers_do_not_depend_on_threads_or_company_or_word_order() -> None:
    random = np.random.default_rng(1)
    texts = [" ".join(f"w{word}" for word in random.zipf(1.5, 40) % 500) for _ in range(300)]
    queries = [" ".join(f"w{word}" for word in random.integers(0, 500, 6)) for _ in range(70)]
    index = LexicalIndex.build(texts, LexicalParams())
    docs, scores = index.search(queries, 20)
    threaded = index.search(queries, 20, n_threads=3)
    turned = index.search([" ".join(reversed(query.split())) for query in queries], 20)
    alone = [index.search([query], 20) for query in queries]
    for others in (threaded, turned):
        assert others[0].tobytes() == docs.tobytes()
        assert others[1].tobytes() == scores.tobytes()
    assert np.concatenate([found for found, _ in alone]).tobytes() == docs.tobytes()
    assert np.concatenate([values for _, values in alone]).tobytes() == scores.tobytes()


def test_common_words_are_left_out_by_their_share() -> None:
    texts = ["the cat", "the dog", "the bird", "a cat"]
    index = LexicalIndex.build(texts, LexicalParams(max_share=0.5))
    assert [index.terms[row] for row in range(len(index.terms))] == ["a", "bird", "cat", "dog"]
    assert index.search(["the"], 4)[0].tolist() == [[-1, -1, -1, -1]]


def test_a_match_is_told_word_by_word() -> None:
    index = LexicalIndex.build(["red red fish", "blue fish", "sky"], LexicalParams())
    found = index.matches("fish red red green", 0)
    assert list(found) == ["fish", "red"]
    _, scores = index.search(["fish red red green"], 1)
    assert np.float32(found["fish"]) + np.float32(found["red"]) == scores[0, 0]
    assert index.matches("fish", 2) == {}


def test_no_documents_and_no_words_find_nothing() -> None:
    empty = LexicalIndex.build([], LexicalParams())
    assert empty.search(["word", ""], 2)[0].tolist() == [[-1, -1], [-1, -1]]
    blank = LexicalIndex.build(["", "  ", "!"], LexicalParams())
    assert blank.search(["word"], 1)[0].tolist() == [[-1]]


def test_wrong_questions_and_arrays_are_refused() -> None:
    index = LexicalIndex.build(["a b", "b"], LexicalParams())
    with pytest.raises(InvalidQuery, match="k is 0"):
        index.search(["a"], 0)
    with pytest.raises(InvalidQuery, match="2 documents"):
        index.search(["a"], 1, allowed=np.ones(3, dtype=np.bool_))
    arrays = index.arrays()
    with pytest.raises(InvalidInput, match="3 documents, 2 weights"):
        LexicalIndex.from_arrays(arrays | {"weights": arrays["weights"][:2]}, LexicalParams())


def test_is_better_than_plain_tf_idf_on_real_questions() -> None:
    corpus, queries, qrels = read_collection(shared_data("corpora/cranfield"))
    texts = corpus.texts(0, corpus.n_docs)
    weigh = TfidfVectorizer(sublinear_tf=True)
    plain = (weigh.fit_transform(texts) @ weigh.transform(list(queries.values())).T).toarray().T
    docs, _ = LexicalIndex.build(texts, LexicalParams(stemmer="english")).search(list(queries.values()), 10)
    means = []
    for rows in (np.argsort(-plain, axis=1, kind="stable")[:, :10], docs):
        answers = ([Scored(str(corpus.ids[row]), 0.0) for row in found if row >= 0] for found in rows.tolist())
        means.append(measure(qrels, dict(zip(queries, answers, strict=True)), ("nDCG@10",)).mean("nDCG@10"))
    assert means[1] > means[0] + 0.005

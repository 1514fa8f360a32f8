"""A base and its segments, seen as one, against the same thing made whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import ArtifactCorrupt
from vectors.corpus.changes import Changes, read_changes, still_needed
from vectors.corpus.filters import matching_rows
from vectors.corpus.read import Corpus, CorpusParams, read_corpus, read_records
from vectors.grown.corpus import grown_corpus
from vectors.grown.counts import join_counts
from vectors.grown.rows import GrownRows, live_rows
from vectors.grown.words import GrownWords
from vectors.lexical.counts import count_terms
from vectors.lexical.index import LexicalIndex
from vectors.lexical.params import LexicalParams

PARAMS = CorpusParams(text=("text",), fields=("year", "name", "tags", "free"))
KINDS: Any = {"year": "number", "name": "string", "tags": "strings", "free": "bool"}
WORDS = ("ant", "bee", "cat", "dog", "Éa", "é")

texts = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
names = st.sampled_from(["", "a", "ab", "ab\0", "b", "z", "é", "\U00010000", "\ufffd", "7", "07", "-1"])
records = st.fixed_dictionaries(
    {"text": texts},
    optional={
        "year": st.integers(-3, 3),
        "name": st.sampled_from(WORDS),
        "tags": st.lists(st.sampled_from(WORDS), max_size=2),
        "free": st.booleans(),
    },
)
Records = dict[str, dict[str, Any]]
FULL = {"text": "ant", "year": 1, "name": "ant", "tags": ["bee"], "free": True}


def corpus_of(directory: Path, documents: Records, *, whole: bool) -> Corpus:
    source = directory / "documents.jsonl"
    lines = [{"_id": int(id) if whole else id, **record} for id, record in documents.items()]
    source.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return read_corpus(source, PARAMS, kinds=KINDS)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Records], set[str], bool]:
    """Documents of a base and of segments by id, removed ids, and whether ids are numbers."""
    whole = draw(st.booleans())
    ids = st.integers(-3, 12).map(str) if whole else names.filter(bool)
    parts = [draw(st.dictionaries(ids, records, min_size=1, max_size=6)) for _ in range(draw(st.integers(1, 4)))]
    every = sorted(set().union(*parts))
    removed = set(draw(st.lists(st.sampled_from(every), max_size=len(every) - 1)))
    return parts, removed, whole


def made(directory: Path, history: tuple[list[Records], set[str], bool]) -> tuple[list[Corpus], GrownRows, Corpus]:
    """The parts, the rows of what there is, and the corpus of that made whole."""
    parts, removed, whole = history
    corpora = [corpus_of(directory, part, whole=whole) for part in parts]
    documents: Records = {}
    for part in parts:
        documents |= part
    left = {id: record for id, record in documents.items() if id not in removed}
    return corpora, live_rows([part.ids for part in corpora], removed), corpus_of(directory, left, whole=whole)


@given(history=histories())
@settings(max_examples=60, deadline=None)
def test_a_grown_corpus_is_the_corpus_of_all_documents(
    tmp_path_factory: pytest.TempPathFactory, history: tuple[list[Records], set[str], bool]
) -> None:
    parts, rows, whole = made(tmp_path_factory.mktemp("grown"), history)
    grown = grown_corpus(parts, rows)
    assert grown.n_docs == whole.n_docs
    assert [grown.ids[doc] for doc in range(grown.n_docs)] == [whole.ids[doc] for doc in range(whole.n_docs)]
    assert grown.texts(0, grown.n_docs) == whole.texts(0, whole.n_docs)
    assert grown.text_blob.blob.tobytes() == whole.text_blob.blob.tobytes()
    for name, column in whole.fields.items():
        assert [grown.fields[name][doc] for doc in range(grown.n_docs)] == [column[doc] for doc in range(len(column))]
    for where in ({"year": {"ge": 0}}, {"name": "bee"}, {"name": {"lt": "cat"}}, {"tags": "ant"}, {"free": True}):
        found = matching_rows(where, grown.fields, grown.n_docs)
        np.testing.assert_array_equal(found, matching_rows(where, whole.fields, whole.n_docs))
    for id in [*set().union(*history[0]), "nowhere"]:
        assert grown.ids.find(id) == whole.ids.find(id)
    for text in ("", "a", "-", "1", "0"):
        assert grown.ids.prefix(text, 3) == whole.ids.prefix(text, 3)
    np.testing.assert_array_equal(grown.ids.keys(0, grown.n_docs), whole.ids.keys(0, whole.n_docs))


@given(history=histories(), share=st.sampled_from([1.0, 0.5]), query=texts, data=st.data())
@settings(max_examples=60, deadline=None)
def test_scores_of_words_are_those_of_an_index_of_all_documents(
    tmp_path_factory: pytest.TempPathFactory,
    history: tuple[list[Records], set[str], bool],
    share: float,
    query: str,
    data: st.DataObject,
) -> None:
    parts, rows, whole = made(tmp_path_factory.mktemp("grown"), history)
    params = LexicalParams(max_share=share)
    oracle = LexicalIndex.build(whole.texts(0, whole.n_docs), params)
    grown = GrownWords([count_terms(part.texts(0, part.n_docs), 0, params) for part in parts], rows, params)
    allowed = np.array(data.draw(st.lists(st.booleans(), min_size=whole.n_docs, max_size=whole.n_docs)), dtype=np.bool_)
    for mask in (None, allowed):
        for mine, theirs in zip(
            grown.search([query], 4, allowed=mask), oracle.search([query], 4, allowed=mask), strict=True
        ):
            np.testing.assert_array_equal(mine, theirs)
    for doc in range(whole.n_docs):
        assert grown.matches(query, doc) == oracle.matches(query, doc)


@given(documents=st.lists(texts, max_size=8), cut=st.integers(0, 8))
@settings(deadline=None)
def test_joined_counts_are_those_of_one_range(documents: list[str], cut: int) -> None:
    params, cut = LexicalParams(), min(cut, len(documents))
    joined = join_counts([count_terms(documents[:cut], 0, params), count_terms(documents[cut:], cut, params)])
    for name, array in count_terms(documents, 0, params).arrays().items():
        np.testing.assert_array_equal(joined.arrays()[name], array)


def test_changes_come_back_from_their_bytes_and_name_the_damage(tmp_path: Path) -> None:
    changes = Changes(added={"b": {"_id": "b", "id": "b", "text": "x"}}, removed=frozenset(["a", "c"]))
    path = tmp_path / "changes.jsonl"
    path.write_bytes(changes.to_bytes())
    assert read_changes(path, PARAMS) == changes
    path.write_bytes(changes.to_bytes()[:-4])
    with pytest.raises(ArtifactCorrupt, match="these are no changes"):
        read_changes(path, PARAMS)


@pytest.mark.parametrize("id_field", ["_id", "id"])
def test_a_source_that_holds_a_change_settles_it(tmp_path: Path, id_field: str) -> None:
    source = tmp_path / "documents.jsonl"
    source.write_text("".join(json.dumps({id_field: id, "text": text}) + "\n" for id, text in (("a", "1"), ("b", "2"))))
    kept = {id: {"_id": id, "id": id, "text": text} for id, text in (("a", "1"), ("b", "other"), ("c", "3"))}
    needed = still_needed(read_records(source, PARAMS), Changes(added=kept, removed=frozenset(["gone"])), PARAMS)
    assert sorted(needed.added) == ["b", "c"]
    assert needed.removed == frozenset()
    removed = still_needed(read_records(source, PARAMS), Changes(removed=frozenset(["b", "gone"])), PARAMS)
    assert removed == Changes(removed=frozenset(["b"]))


def test_added_documents_keep_the_kinds_of_the_index(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, {"a": {"text": "x"}}, whole=False)
    assert [column.kind for column in corpus.fields.values()] == ["number", "string", "strings", "bool"]
    with pytest.raises(ValueError, match="the field 'year' is a string, in the index it is a number"):
        corpus_of(tmp_path, {"a": {**FULL, "year": "late"}}, whole=False)

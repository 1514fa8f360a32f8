"""What is wrong where a corpus begins is said as reading all of it would say it, and nothing else is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidInput
from vectors.corpus import beginning
from vectors.corpus.beginning import check_beginning
from vectors.corpus.read import CorpusParams, read_corpus

VALUES = st.none() | st.integers(-3, 3) | st.text(max_size=3) | st.lists(st.text(max_size=2), max_size=2)
DOCUMENTS = st.lists(
    st.dictionaries(st.sampled_from(["_id", "id", "title", "text", "year"]), VALUES, max_size=5) | st.just("broken"),
    max_size=5,
)
PARAMS = st.builds(
    CorpusParams,
    id=st.sampled_from(["_id", "id", "year"]),
    text=st.sampled_from([("title", "text"), ("text",), ("title", "year")]),
    fields=st.sampled_from([(), ("year",), ("nothing",)]),
    on_error=st.sampled_from(["stop", "skip"]),
    max_errors=st.integers(0, 3),
)


def written(path: Path, documents: list[Any]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in documents))
    return path


def refusal(call: Any, *given: Any) -> str | None:
    try:
        call(*given)
    except InvalidInput as error:
        return str(error)
    return None


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents=DOCUMENTS, params=PARAMS)
def test_a_file_that_is_seen_whole_is_refused_in_the_words_of_reading_it(
    tmp_path: Path, documents: list[Any], params: CorpusParams
) -> None:
    path = written(tmp_path / "d.jsonl", documents)
    assert refusal(check_beginning, path, params) == refusal(read_corpus, path, params)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents=DOCUMENTS, params=PARAMS, n_bytes=st.integers(1, 60))
def test_a_beginning_is_never_refused_where_the_whole_is_not(
    tmp_path: Path, documents: list[Any], params: CorpusParams, n_bytes: int
) -> None:
    path = written(tmp_path / "d.jsonl", documents)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(beginning, "_SAMPLE_BYTES", n_bytes)
        early = refusal(check_beginning, path, params)
    whole = refusal(read_corpus, path, params)
    assert early in (None, whole)


def test_a_field_that_only_later_documents_may_have_is_doubted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [{"_id": str(row), "text": "words"} for row in range(50)]
    path = written(tmp_path / "d.jsonl", [*documents, {"_id": "last", "text": "", "year": 3}])
    monkeypatch.setattr(beginning, "_SAMPLE_BYTES", 500)
    (doubt,) = check_beginning(path, CorpusParams(fields=("year",)))
    assert "d.jsonl: none of the first 1" in doubt
    assert doubt.endswith("documents has the field 'year'")
    assert check_beginning(path, CorpusParams()) == []


@pytest.mark.parametrize("name", ["d.parquet", "unnamed"])
def test_of_parquet_the_columns_are_looked_at(tmp_path: Path, name: str) -> None:
    frame = pl.DataFrame({"id": ["a", "b"], "text": ["x", "y"], "year": [1, 2]})
    frame.write_parquet(tmp_path / name)
    assert check_beginning(tmp_path / name, CorpusParams(fields=("year",))) == []
    for params in (CorpusParams(fields=("yaer",)), CorpusParams(text=("body",)), CorpusParams(vectors="v")):
        assert refusal(check_beginning, tmp_path / name, params) == refusal(read_corpus, tmp_path / name, params)
    assert "no document has the field 'key'; name the field of ids; its columns are id, text, year" in str(
        refusal(check_beginning, tmp_path / name, CorpusParams(id="key"))
    )


def test_compression_is_seen_through(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl.gz").write_bytes(gzip.compress(b'{"_id": "a", "text": "x"}\n{"_id": "a"}\n'))
    with pytest.raises(InvalidInput, match=r"line 2: id 'a' was already used in line 1"):
        check_beginning(tmp_path / "d.jsonl.gz", CorpusParams())

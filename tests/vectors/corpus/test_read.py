"""Corpora: what is read, in which order, and what is refused how."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidInput, InvalidParams, InvalidQuery
from tests.shared_data import shared_data
from vectors.corpus.columns import Column, column_from_arrays, column_from_values, kind_of
from vectors.corpus.read import Corpus, CorpusParams, corpus_from_arrays, estimate_docs, read_corpus
from vectors.corpus.text_blob import TextBlob

Docs = Sequence[dict[str, Any]]
WITH_FIELDS = CorpusParams(fields=("year", "open", "section", "tags"), vectors="emb")
DOCS: Docs = [
    {"_id": "b", "title": "Bees", "text": "fly", "year": 1999, "open": True, "section": "x", "tags": ["p", "q"]},
    {"_id": "a", "title": None, "text": "ant", "year": 2.5, "section": "y", "tags": [], "emb": [[1, 2], [3, 4]]},
    {"_id": "é", "title": "", "text": "", "open": False, "section": "x", "tags": ["q", "p", "q"], "emb": []},
    {"_id": "Z", "title": "Zebras", "year": -1, "emb": [[5.5, 6]]},
]


def write(path: Path, docs: Docs) -> Path:
    path.write_text("".join(json.dumps(doc) + "\n" for doc in docs))
    return path


def corpus_of(tmp_path: Path, docs: Docs, params: CorpusParams = CorpusParams()) -> Corpus:  # noqa: B008  # frozen
    return read_corpus(write(tmp_path / "docs.jsonl", docs), params)


def refused(path: Path, params: CorpusParams = CorpusParams()) -> InvalidInput:  # noqa: B008  # frozen
    with pytest.raises(InvalidInput) as raised:
        read_corpus(path, params)
    assert raised.value.source == str(path)
    return raised.value


def assert_same(a: Corpus, b: Corpus) -> None:
    left, right = a.arrays(), b.arrays()
    assert left.keys() == right.keys()
    for name in left:
        if name != "positions":
            assert left[name].dtype == right[name].dtype, name
            np.testing.assert_array_equal(left[name], right[name], err_msg=name)


def test_documents_come_out_sorted_with_text_fields_vectors_and_positions(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, DOCS, WITH_FIELDS)
    assert corpus.ids.take(range(4)) == ["Z", "a", "b", "é"]
    assert corpus.texts(0, 4) == ["Zebras", "ant", "Bees fly", ""]
    assert [corpus.text(doc) for doc in range(4)] == corpus.texts(0, 4)
    assert corpus.positions.tolist() == [3, 1, 0, 2]
    assert [corpus.fields["year"][doc] for doc in range(4)] == [-1, 2.5, 1999, None]
    assert [corpus.fields["open"][doc] for doc in range(4)] == [None, None, True, False]
    assert [corpus.fields["section"][doc] for doc in range(4)] == [None, "y", "x", "x"]
    assert [corpus.fields["tags"][doc] for doc in range(4)] == [[], [], ["p", "q"], ["q", "p", "q"]]
    assert corpus.vectors is not None
    assert [corpus.vectors.doc(doc).tolist() for doc in range(4)] == [[[5.5, 6]], [[1, 2], [3, 4]], [], []]
    assert corpus.report.n_docs == corpus.report.n_read == 4
    assert corpus.report.n_empty_text == 1
    assert corpus.report.text_bytes == len("Zebras" + "ant" + "Bees fly")


def test_a_text_may_be_a_list_of_strings(tmp_path: Path) -> None:
    docs = [{"_id": "a", "title": ["x", "y"], "text": "z"}, {"_id": "b", "title": [], "text": ["q"]}]
    assert corpus_of(tmp_path, docs).texts(0, 2) == ["x y z", "q"]


def test_integer_ids_are_sorted_by_value_and_others_by_their_bytes(tmp_path: Path) -> None:
    assert corpus_of(tmp_path, [{"_id": i, "text": ""} for i in (10, -3, 9)]).ids.take(range(3)) == [-3, 9, 10]
    assert corpus_of(tmp_path, [{"_id": i, "text": ""} for i in (1, 0)]).ids.arrays().keys() == {"ids_range"}
    mixed = corpus_of(tmp_path, [{"_id": i, "text": ""} for i in (10, "9", "é", "z", "🐝")])
    assert mixed.ids.take(range(5)) == ["10", "9", "z", "é", "🐝"]
    large = corpus_of(tmp_path, [{"_id": i, "text": ""} for i in (2**63, 5)])
    assert large.ids.take(range(2)) == ["5", str(2**63)]


@settings(deadline=None, max_examples=40)
@given(order=st.permutations(range(len(DOCS))))
def test_the_order_of_the_file_changes_nothing_but_positions(
    tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("order")
    shuffled = corpus_of(folder, [DOCS[doc] for doc in order], WITH_FIELDS)
    assert_same(shuffled, corpus_of(folder, DOCS, WITH_FIELDS))
    assert [DOCS[order[position]]["_id"] for position in shuffled.positions] == ["Z", "a", "b", "é"]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_blank_lines_marks_and_compression_are_seen_through(tmp_path: Path, suffix: str) -> None:
    plain = b"\xef\xbb\xbf" + b"\n  \n".join(json.dumps(doc).encode() for doc in DOCS) + b"\n\n"
    pack = zlib.compressobj(wbits=31) if suffix == ".gz" else zstandard.ZstdCompressor().compressobj()
    path = tmp_path / f"docs.jsonl{suffix}"
    path.write_bytes(pack.compress(plain) + pack.flush())
    assert_same(read_corpus(path, WITH_FIELDS), corpus_of(tmp_path, DOCS, WITH_FIELDS))


def test_the_default_id_gives_way_to_id_only_when_the_first_document_has_no_other(tmp_path: Path) -> None:
    assert corpus_of(tmp_path, [{"id": "x", "text": ""}, {"id": "y", "text": ""}]).ids.take([0, 1]) == ["x", "y"]
    path = write(tmp_path / "docs.jsonl", [{"_id": "x", "text": ""}, {"id": "y", "text": ""}])
    assert "there is no id in '_id'" in str(refused(path))
    named = CorpusParams(id="id")
    assert read_corpus(write(path, [{"_id": "x", "id": "y", "text": ""}]), named).ids[0] == "y"


def test_one_id_twice_names_both_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "docs.jsonl", [{"_id": 7, "text": "a"}, {"_id": 1, "text": "b"}, {"_id": "7", "text": "c"}])
    error = refused(path)
    assert error.line == 3
    assert "'7' was already used in line 1" in error.what


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"_id": "x", "text": }', "not JSON"),
        ('{"_id": "x", "text": "\ud83d"}', "not JSON"),
        ('["x"]', "a JSON list, no object"),
        ("3", "a JSON int, no object"),
        ("null", "a JSON NoneType, no object"),
        ('{"text": "a"}', "there is no id in '_id'"),
        ('{"_id": null, "text": "a"}', "there is no id in '_id'"),
        ('{"_id": "", "text": "a"}', "there is no id in '_id'"),
        ('{"_id": true, "text": "a"}', "the id True is neither a string nor an integer"),
        ('{"_id": 1.5, "text": "a"}', "the id 1.5 is neither"),
        ('{"_id": ["x"], "text": "a"}', "neither a string nor an integer"),
        ('{"_id": "x", "text": 3}', "the text 'text' is a number"),
        ('{"_id": "x", "title": ["a", 1]}', "the text 'title' is a list of other things than strings"),
        ('{"_id": "x", "title": {"a": "b"}}', "the text 'title' is an object"),
        ('{"_id": "x", "f": {"a": 1}}', "the field 'f' is an object"),
        ('{"_id": "x", "f": [1]}', "the field 'f' is a list of other things than strings"),
        ('{"_id": "x", "f": "a"}', "the field 'f' is a string, in line 1 it was a number"),
        ('{"_id": "x", "f": true}', "the field 'f' is true or false, in line 1 it was a number"),
        ('{"_id": "x", "f": 9223372036854775808}', "more than 64 bits hold"),
        ('{"_id": "x", "v": [[1, 2], [3]]}', "not a list of equally long lists of numbers"),
        ('{"_id": "x", "v": [1, 2]}', "not a list of equally long lists of numbers"),
        ('{"_id": "x", "v": [["1", "2"]]}', "not a list of equally long lists of numbers"),
        ('{"_id": "x", "v": [[null, 1.0]]}', "not a list of equally long lists of numbers"),
        ('{"_id": "x", "v": [[1e39, 1.0]]}', "not finite as float32"),
        ('{"_id": "x", "v": [[1.0, 2.0, 3.0]]}', "its vectors have 3 numbers, those before have 2"),
    ],
)
def test_a_document_that_cannot_be_used_names_file_and_line_or_is_skipped_and_counted(
    tmp_path: Path, line: str, what: str
) -> None:
    path = tmp_path / "docs.jsonl"
    good = '{"_id": "a", "title": "t", "text": "u", "f": 1, "v": [[1, 2]]}\n'
    path.write_bytes((good + line + "\n" + good.replace('"a"', '"z"')).encode(errors="surrogatepass"))
    error = refused(path, CorpusParams(fields=("f",), vectors="v"))
    assert error.line == 2
    assert what in error.what
    corpus = read_corpus(path, CorpusParams(fields=("f",), vectors="v", on_error="skip"))
    assert corpus.ids.take([0, 1]) == ["a", "z"]
    assert corpus.positions.tolist() == [0, 2]
    assert (corpus.report.n_read, corpus.report.n_docs, corpus.report.n_rejected) == (3, 2, 1)
    assert corpus.report.n_missing_id == ("there is no id" in what)
    assert what in corpus.report.first_errors[0]


def test_skipping_keeps_the_first_of_two_documents_with_one_id(tmp_path: Path) -> None:
    docs = [{"_id": "x", "text": "first"}, {"_id": "x", "text": "second"}, {"_id": "y", "text": "z"}]
    corpus = corpus_of(tmp_path, docs, CorpusParams(on_error="skip"))
    assert corpus.texts(0, 2) == ["first", "z"]
    assert corpus.report.n_duplicates == corpus.report.n_rejected == 1


def test_skipping_stops_after_max_errors(tmp_path: Path) -> None:
    docs = [{"_id": "x", "text": "a"}] + [{"text": "b"}] * 3
    path = write(tmp_path / "docs.jsonl", docs)
    assert read_corpus(path, CorpusParams(on_error="skip", max_errors=3)).report.n_missing_id == 3
    error = refused(path, CorpusParams(on_error="skip", max_errors=2))
    assert "3 documents cannot be used, the first: " in error.what
    assert "line 2" in error.what


def test_an_empty_file_and_one_of_nothing_usable_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "docs.jsonl"
    path.write_bytes(b"\n")
    assert "it holds no document" in refused(path).what
    path.write_bytes(b"[]\n")
    error = refused(path, CorpusParams(on_error="skip"))
    assert "none of its 1 documents can be used" in error.what
    assert "no object" in error.fix


@pytest.mark.parametrize("name", ["docs.jsonl", "docs.parquet", "docs"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    assert "there is no such file" in refused(tmp_path / name).what


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_field_in_no_document_is_refused_unless_it_is_half_of_the_default_text(tmp_path: Path, kind: str) -> None:
    docs = [{"_id": "a", "text": "x", "n": 1, "e": [[1.0]]}]
    path = write(tmp_path / "docs.jsonl", docs)
    if kind == "parquet":
        path = tmp_path / "docs.parquet"
        pl.DataFrame(docs).write_parquet(path)
    assert read_corpus(path, CorpusParams()).texts(0, 1) == ["x"]
    assert read_corpus(path, CorpusParams(vectors="e", text=())).texts(0, 1) == [""]
    assert "no document has the field 'none'" in refused(path, CorpusParams(fields=("n", "none"))).what
    assert "no document has the field 'body'" in refused(path, CorpusParams(text=("text", "body"))).what
    assert "no document has the field 'embedding'" in refused(path, CorpusParams(vectors="embedding")).what
    assert "no document has the field 'title'" in refused(path, CorpusParams(fields=("title",))).what


def test_neither_half_of_the_default_text_is_refused_without_vectors(tmp_path: Path) -> None:
    path = write(tmp_path / "docs.jsonl", [{"_id": "a", "body": "x", "e": [[1.0]]}])
    assert "'text', 'title'" in refused(path).what
    assert read_corpus(path, CorpusParams(vectors="e")).texts(0, 1) == [""]


def test_a_field_of_fractions_with_an_integer_no_float_holds_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "docs.jsonl", [{"_id": "a", "text": "", "f": 2**53 + 1}, {"_id": "b", "f": 0.5}])
    assert str(2**53 + 1) in refused(path, CorpusParams(fields=("f",))).what


def test_vectors_of_no_document_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "docs.jsonl", [{"_id": "a", "text": "x", "e": []}])
    assert "no document has a vector in 'e'" in refused(path, CorpusParams(vectors="e")).what


def test_parquet_and_json_lines_give_the_same_corpus(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "_id": [doc["_id"] for doc in DOCS],
            "title": [doc.get("title") for doc in DOCS],
            "text": [doc.get("text") for doc in DOCS],
            "year": pl.Series([1999.0, 2.5, float("nan"), -1.0]),
            "open": [doc.get("open") for doc in DOCS],
            "section": [doc.get("section") for doc in DOCS],
            "tags": [doc.get("tags") for doc in DOCS],
            "emb": pl.Series([doc.get("emb") for doc in DOCS], dtype=pl.List(pl.List(pl.Float64))),
            "unused": [b"\x00"] * 4,
        }
    )
    expected = corpus_of(tmp_path, DOCS, WITH_FIELDS)
    for name in ("docs.parquet", "docs"):
        frame.write_parquet(tmp_path / name)
        assert_same(read_corpus(tmp_path / name, WITH_FIELDS), expected)
    packed = tmp_path / "docs.parquet.zst"
    packed.write_bytes(zstandard.ZstdCompressor().compress((tmp_path / "docs.parquet").read_bytes()))
    assert_same(read_corpus(packed, WITH_FIELDS), expected)


@pytest.mark.parametrize("n_docs", [1, 1023, 1024, 2500])
def test_parquet_vectors_survive_the_cuts_between_pieces(tmp_path: Path, n_docs: int) -> None:
    rng = np.random.default_rng(n_docs)
    sets = [rng.normal(size=(int(n), 3)).astype(np.float32) for n in rng.integers(0, 4, n_docs)]
    sets[0] = np.ones((2, 3), dtype=np.float32)
    frame = pl.DataFrame({"_id": np.arange(n_docs), "e": pl.Series([tokens.tolist() for tokens in sets])})
    frame = frame.with_columns(pl.col("e").cast(pl.List(pl.List(pl.Float32))))
    frame.write_parquet(tmp_path / "a.parquet")
    corpus = read_corpus(tmp_path / "a.parquet", CorpusParams(vectors="e"))
    assert corpus.vectors is not None
    for doc, tokens in enumerate(sets):
        np.testing.assert_array_equal(corpus.vectors.doc(doc), tokens)


def test_parquet_arrays_of_fixed_width_are_vectors_too(tmp_path: Path) -> None:
    blocks = np.arange(24, dtype=np.float32).reshape(3, 2, 4)
    pl.DataFrame({"_id": ["c", "a", "b"], "e": blocks}).write_parquet(tmp_path / "a.parquet")
    corpus = read_corpus(tmp_path / "a.parquet", CorpusParams(vectors="e"))
    assert corpus.vectors is not None
    np.testing.assert_array_equal(corpus.vectors.vectors, blocks[[1, 2, 0]].reshape(6, 4))


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        ([[1.0, None]], "not a list of equally long lists of numbers"),
        ([[1.0, 2.0], [3.0]], "not a list of equally long lists of numbers"),
        ([[1.0, float("nan")]], "not finite"),
        ([[]], None),
        (None, None),
    ],
)
def test_irregular_parquet_vectors_name_the_row(tmp_path: Path, bad: Any, what: str | None) -> None:
    lists = pl.Series([[[1.0, 2.0]], bad], dtype=pl.List(pl.List(pl.Float64)))
    path = tmp_path / "a.parquet"
    pl.DataFrame({"_id": ["a", "b"], "e": lists}).write_parquet(path)
    if what is None:
        corpus = read_corpus(path, CorpusParams(vectors="e"))
        assert corpus.vectors is not None
        assert corpus.vectors.offsets.tolist() == [0, 1, 1]
    else:
        error = refused(path, CorpusParams(vectors="e"))
        assert error.line == 2
        assert what in error.what


def test_what_is_no_parquet_or_lacks_the_id_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 and then nothing of the kind")
    assert "cannot be read as Parquet" in refused(path).what
    with pytest.raises(InvalidInput, match="cannot be read as Parquet"):
        estimate_docs(path, CorpusParams())
    pl.DataFrame({"key": ["a"], "text": ["b"]}).write_parquet(path)
    assert "there is no id in '_id'" in refused(path).what
    pl.DataFrame({"_id": ["a"], "text": ["b"], "when": [b"c"]}).write_parquet(path)
    assert "the field 'when' is a bytes" in refused(path, CorpusParams(fields=("when",))).what


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", "csv"),
        ("on_error", "ignore"),
        ("max_errors", -1),
        ("id", ""),
        ("text", ("a", "a")),
        ("text", ("",)),
        ("text", ()),
        ("text", "title"),
        ("fields", ["section"]),
    ],
)
def test_params_that_cannot_run_are_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidParams) as raised:
        CorpusParams(**{name: value})
    assert raised.value.name == name


def test_a_corpus_is_saved_without_pickle_and_opened_memory_mapped(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, DOCS, WITH_FIELDS)
    mapped = {}
    for name, array in corpus.arrays().items():
        np.save(tmp_path / f"{name}.npy", array, allow_pickle=False)
        mapped[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    again = corpus_from_arrays(mapped, list(corpus.fields), corpus.report)
    assert_same(again, corpus)
    assert again.ids.find("é") == 3
    assert again.texts(1, 3) == ["ant", "Bees fly"]
    assert again.fields["tags"][3] == ["q", "p", "q"]
    assert again.fields["section"].equals("x").tolist() == [False, False, True, True]


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "number": st.integers(-5, 5) | st.sampled_from([0.5, -2.5]),
    "bool": st.booleans(),
    "string": st.text(max_size=3) | st.sampled_from(["a", "b"]),
    "strings": st.lists(st.sampled_from(["a", "b", "é", ""]), max_size=4),
}


@settings(deadline=None, max_examples=150)
@given(data=st.data(), kind=st.sampled_from(sorted(VALUES)))
def test_columns_give_back_their_values_and_filter_like_a_list(data: st.DataObject, kind: Any) -> None:
    values = data.draw(st.lists(st.none() | VALUES[kind], max_size=12))
    column: Column = column_from_values(kind, values)
    column = column_from_arrays(column.arrays())
    missing: Any = [] if kind == "strings" else None
    assert len(column) == len(values)
    assert column.kind == kind
    assert [column[row] for row in range(len(values))] == [missing if value is None else value for value in values]
    wanted = data.draw(st.sampled_from(["a", "b", "zz"]) if kind == "strings" else VALUES[kind])
    matches = [value is not None and (wanted in value if kind == "strings" else value == wanted) for value in values]
    assert column.equals(wanted).tolist() == matches
    if kind in ("number", "bool"):
        assert column.equals(json.dumps(wanted)).tolist() == matches


@pytest.mark.parametrize(
    ("kind", "values", "wanted"),
    [
        ("number", [1], "many"),
        ("number", [1], True),
        ("bool", [True], 1),
        ("bool", [True], "yes"),
        ("string", ["a"], 3),
        ("strings", [["a"]], ["a"]),
        ("number", [1], None),
    ],
)
def test_a_filter_of_another_kind_is_an_invalid_query(kind: Any, values: list[Any], wanted: Any) -> None:
    with pytest.raises(InvalidQuery, match="the filter asks for"):
        column_from_values(kind, values).equals(wanted)


def test_integers_beyond_64_bits_match_nothing() -> None:
    assert column_from_values("number", [1, None]).equals(2**70).tolist() == [False, False]


def test_kind_of_values() -> None:
    kinds = [kind_of(value) for value in (True, 1, 1.5, "", [], ["a"], [1], {}, None)]
    assert kinds == ["bool", "number", "number", "string", "strings", "strings", None, None, None]


@settings(deadline=None, max_examples=100)
@given(texts=st.lists(st.text(max_size=6), max_size=8), data=st.data())
def test_text_blobs_are_sequences_of_strings(texts: list[str], data: st.DataObject) -> None:
    blob = TextBlob.from_bytes([text.encode() for text in texts])
    assert list(blob) == texts
    start, stop = sorted(data.draw(st.tuples(*[st.integers(0, len(texts))] * 2)))
    assert blob.rows(start, stop) == blob[start:stop] == texts[start:stop]
    assert blob[::-1] == texts[::-1]
    with pytest.raises(IndexError):
        blob[len(texts)]


def test_estimates_of_small_files_are_exact(tmp_path: Path) -> None:
    docs = [{"_id": i, "title": "t" * (i % 7), "text": "é" * (i % 5)} for i in range(1000)]
    path = write(tmp_path / "docs.jsonl", docs)
    report = read_corpus(path, CorpusParams()).report
    assert estimate_docs(path, CorpusParams()) == (1000, report.text_bytes)
    pl.DataFrame(docs).write_parquet(tmp_path / "docs.parquet")
    assert estimate_docs(tmp_path / "docs.parquet", CorpusParams()) == (1000, report.text_bytes)
    (tmp_path / "none.jsonl").write_bytes(b"")
    assert estimate_docs(tmp_path / "none.jsonl", CorpusParams()) == (0, 0)


def test_an_estimate_sees_past_a_first_line_longer_than_the_sample(tmp_path: Path) -> None:
    docs = [{"_id": i, "text": "x" * 1_500_000} for i in range(3)]
    estimate = estimate_docs(write(tmp_path / "docs.jsonl", docs), CorpusParams())
    assert estimate.n_docs == 3
    assert estimate.text_bytes == pytest.approx(4_500_000, rel=0.01)


def test_debian_is_read_whole_and_estimated_well() -> None:
    path = shared_data("debian/packages.jsonl.zst")
    corpus = read_corpus(path, CorpusParams(fields=("section", "tags")))
    assert corpus.n_docs == corpus.report.n_read == 63_436
    assert corpus.text(corpus.ids.find("gimp")).startswith("GNU Image Manipulation Program ")
    assert corpus.fields["section"][corpus.ids.find("gimp")] == "graphics"
    docs, text_bytes = estimate_docs(path, CorpusParams())
    assert docs == pytest.approx(63_436, rel=0.15)
    assert text_bytes == pytest.approx(corpus.report.text_bytes, rel=0.15)


def test_a_text_field_may_be_a_list_of_strings(tmp_path: Path) -> None:
    path = tmp_path / "docs.jsonl"
    path.write_text(
        '{"_id": "a", "title": "one", "tags": ["two", "three"]}\n{"_id": "b", "title": "four", "tags": []}\n'
    )
    corpus = read_corpus(path, CorpusParams(text=("title", "tags")))
    assert corpus.texts(0, 2) == ["one two three", "four"]

"""Bad sources: one line with file and line number, exit code 3, and the version before goes on answering."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.purlieu.said import files, refused, said

WEIGHTED = 'weight = "w"'
TYPED = 'type = "type"\ntype_weights = { strong = 1.0 }'
MANY = b"\n".join(b"a%d\tb%d" % (n, n * n) for n in range(5000))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a published graph ``g`` and a published corpus ``c``, both tiny."""
    directory = tmp_path_factory.mktemp("bad_sources")
    (directory / "good.tsv").write_text("a\tb\nb\tc\n")
    (directory / "good.jsonl").write_text('{"_id": "a", "text": "chess"}\n')
    return directory


@pytest.fixture
def store(place: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Both are built: by the first test that asks, the others find it so."""
    for config in (graph_config(place, "good.tsv"), corpus_config(place, "good.jsonl")):
        assert said(capsys, "build", config, "--no-prefect", "--store", place / "store").code == 0
    return place / "store"


def graph_config(place: Path, source: str, more: str = "") -> Path:
    config = place / "graph.toml"
    config.write_text(f'name = "g"\n[graph]\nsource = "{source}"\n{more}\n')
    return config


def corpus_config(place: Path, source: str, more: str = "") -> Path:
    config = place / "corpus.toml"
    config.write_text(f'name = "c"\n[corpus]\nsource = "{source}"\n{more}\n')
    return config


def refused_build(capsys: pytest.CaptureFixture[str], config: Path, store: Path) -> str:
    """The line of a build that bad data stopped, after a look that the store is as it was."""
    before = files(store)
    for words in ((), ("--json",)):
        error = refused(capsys, 3, "build", config, "--no-prefect", "--store", store, *words)
    assert files(store) == before
    for index in ("g", "c"):
        assert said(capsys, "verify", index, "--store", store).code == 0
    return error


@pytest.mark.parametrize(
    ("name", "data", "more", "where", "what"),
    [
        ("none.tsv", None, "", "none.tsv: ", "no such file"),
        ("empty.tsv", b"", "", "empty.tsv: ", "it is empty"),
        ("comments.tsv", b"# a\n\n# b\n", "", "comments.tsv: ", "it holds no edges"),
        ("cut.tsv.gz", gzip.compress(MANY)[:-200], "", "cut.tsv.gz: ", "the compressed data ends early"),
        ("binary.tsv", b"\x00\x01\xff\xfe" * 50, "", "binary.tsv: ", "it is binary"),
        ("latin.tsv", b"a\tb\nb\t\xe9\n", "", "latin.tsv, line 2: ", "is not UTF-8"),
        ("one.tsv", b"a\tb\nc\nd\te\n", "", "one.tsv, line 2: ", "one column, 'c'"),
        ("word.tsv", b"src\tdst\tw\na\tb\t1\nb\tc\theavy\n", WEIGHTED, "word.tsv, line 3: ", "'heavy' is not a number"),
        ("nan.tsv", b"src\tdst\tw\na\tb\t1\nb\tc\tnan\n", WEIGHTED, "nan.tsv, line 3: ", "weight nan"),
        ("inf.tsv", b"src\tdst\tw\na\tb\tinf\nb\tc\t1\n", WEIGHTED, "inf.tsv, line 2: ", "weight inf"),
        ("minus.tsv", b"src\tdst\tw\na\tb\t1\nb\tc\t-1\n", WEIGHTED, "minus.tsv, line 3: ", "weight -1"),
        ("column.tsv", b"src\tdst\na\tb\n", WEIGHTED, "column.tsv, line 1: ", "no column 'w'"),
        ("type.tsv", b"src\tdst\ttype\na\tb\tstrong\nb\tc\tweak\n", TYPED, "type.tsv: ", "without a weight: 'weak'"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value[:-3] and ": " not in value else "",
)
def test_a_bad_edge_list_is_refused(
    place: Path,
    store: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    data: bytes | None,
    more: str,
    where: str,
    what: str,
) -> None:
    if data is not None:
        (place / name).write_bytes(data)
    error = refused_build(capsys, graph_config(place, name, more), store)
    assert where in error
    assert what in error


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("", "docs.jsonl: ", "it holds no document"),
        ('{"_id": "a"}\n{"_id": "a"}\n', "docs.jsonl, line 2: ", "id 'a' was already used in line 1"),
        ('{"_id": "a"}\n\n{"_id": \n', "docs.jsonl, line 3: ", "this is not JSON"),
        ('["a"]\n', "docs.jsonl, line 1: ", "this is a JSON list"),
        ('{"text": "x"}\n', "docs.jsonl, line 1: ", "there is no id"),
        ('{"_id": "a", "text": 3}\n', "docs.jsonl, line 1: ", "is a number"),
    ],
)
def test_a_bad_corpus_is_refused(
    place: Path, store: Path, capsys: pytest.CaptureFixture[str], text: str, where: str, what: str
) -> None:
    (place / "docs.jsonl").write_text(text)
    error = refused_build(capsys, corpus_config(place, "docs.jsonl"), store)
    assert where in error
    assert what in error


def test_a_field_that_no_document_has_is_named(place: Path, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = refused_build(capsys, corpus_config(place, "good.jsonl", 'text = ["body"]'), store)
    assert "good.jsonl: no document has the field 'body'" in error


def test_an_unknown_protocol_is_named(place: Path, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "foo://x/e.tsv: " in refused_build(capsys, graph_config(place, "foo://x/e.tsv"), store)


def test_ids_on_one_side_only_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "edges.tsv").write_text("a\tb\nb\tc\n")
    (tmp_path / "docs.jsonl").write_text('{"_id": "b", "text": "x"}\n{"_id": "d", "text": "y"}\n')
    config = tmp_path / "both.toml"
    config.write_text('name = "both"\n[graph]\nsource = "edges.tsv"\n[corpus]\nsource = "docs.jsonl"\n')
    assert said(capsys, "build", config, "--no-prefect", "--store", tmp_path / "store").code == 0
    shown = json.loads(said(capsys, "show", "both", "--json", "--store", tmp_path / "store").out)
    assert shown["stages"]["link"]["stats"] == {
        "n_linked": 1,
        "n_nodes_without_document": 2,
        "n_documents_without_node": 1,
    }

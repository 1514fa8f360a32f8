"""Bad questions: one line that says what can be asked; 2 for a question that is wrong, 3 for what is not there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from foundation.errors import InvalidQuery
from purlieu.main import main
from serving.engine import Engine
from tests.purlieu.said import files, refused, said


@pytest.mark.parametrize(
    ("index", "words", "code", "what"),
    [
        ("small", "similar --node n00x", 3, "no node 'n00x' in index small; the nearest are n000, n001, n002"),
        ("small", "similar --node n000 zzz", 3, "no node 'zzz' in index small"),
        ("small", "ppr --seed n01x=2", 3, "no node 'n01x' in index small; the nearest are n0"),
        ("small", "ppr --seed n001=x", 3, "no node 'n001=x' in index small; the nearest are n001"),
        ("small", "ppr --seed n299", 3, "no node 'n299' in index small"),  # it has a document and no edge
        ("small", "community --seed n2999", 3, "no node 'n2999' in index small"),
        ("smal", "similar --node n000", 3, "no index 'smal' in "),
        ("smal", "similar --node n000", 3, "; the nearest are small"),
        ("../small", "similar --node n000", 3, "no index '../small' in "),
        ("small@ffff", "similar --node n000", 3, "no version 'ffff' in index small; the nearest are "),
        ("small", "similar --node n000 -k 0", 2, "k = 0; ask for 1 to 299: there are 299 other nodes"),
        ("small", "similar --node n000 -k -1", 2, "k = -1; ask for 1 to 299"),
        ("small", "similar --node n000 -k 300", 2, "k = 300; ask for 1 to 299"),
        ("small", "ppr --seed n000 -k 301", 2, "k = 301; ask for 1 to 300: there are 300 nodes"),
        ("small", "community --seed n000 --size 0", 2, "size = 0; ask for 1 to 300: there are 300 nodes"),
        ("small", "community --seed n000 --size 301", 2, "size = 301; ask for 1 to 300"),
        ("small", "search --text chess -k 301", 2, "k = 301; ask for 1 to 300: there are 300 documents"),
        ("small", "ppr --seed n000=-1", 2, "seed 'n000' has weight -1.0; weights are positive, finite numbers"),
        ("small", "ppr --seed n000=nan", 2, "seed 'n000' has weight nan; weights are positive"),
        ("small", "ppr --seed n000=inf", 2, "seed 'n000' has weight inf; weights are positive"),
        ("small", "ppr --seed n000=0", 2, "seed 'n000' has weight 0.0; weights are positive"),
        ("small", "ppr --seed n000=2 n000=-1", 2, "seed 'n000' has weight -1.0; weights are positive"),
        ("small", "ppr --seed n000=1e308 n000=1e308", 2, "seed 'n000' has weight inf; weights are positive"),
        ("small", "ppr --seed n000 --rmax 0", 2, "rmax = 0.0; use 1e-08 to 1, or ask for exact rankings"),
        ("small", "ppr --seed n000 --rmax nan", 2, "rmax = nan; use 1e-08 to 1"),
        ("small", "ppr --seed n000 =2", 2, "--seed '=2' names no node; write ID or ID=WEIGHT"),
    ],
)
def test_a_bad_question_is_refused(
    small_store: Path, capsys: pytest.CaptureFixture[str], index: str, words: str, code: int, what: str
) -> None:
    command = ("query", index, *words.split(), "--store", small_store)
    assert what in refused(capsys, code, *command)
    assert what in refused(capsys, code, *command, "--json")


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_an_empty_text_is_refused(small_store: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    words = ("query", "small", "search", "--text", "chess", "--text", text, "--store", small_store)
    assert "is empty; search for one word or more" in refused(capsys, 2, *words)


def test_k_of_no_number_is_refused(small_store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    got = said(capsys, "query", "small", "similar", "--node", "n000", "-k", "ten", "--store", small_store)
    assert (got.code, "argument -k: invalid int value: 'ten'" in got.error) == (2, True)


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (np.zeros((2, 3), np.float32), "query 0 has shape (2, 3); pass finite vectors (n_tokens, 128)"),
        (np.zeros(128, np.float32), "query 0 has shape (128,)"),
        (np.zeros((0, 128), np.float32), "query 0 has shape (0, 128)"),
        (np.full((2, 128), np.nan, np.float32), "query 0 has a NaN or infinity"),
        (np.full((2, 128), 1e300), "query 0 has a NaN or infinity"),
        (np.ones((2, 128), np.complex128), "query 0 is not an array of numbers"),
        (np.full((2, 128), "a"), "query 0 is not an array of numbers"),
    ],
)
def test_vectors_that_cannot_be_asked_with_are_refused(
    small_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], array: npt.NDArray[Any], what: str
) -> None:
    np.save(tmp_path / "query.npy", array)
    words = ("query", "small", "search", "--vectors", tmp_path / "query.npy", "--store", small_store)
    assert what in refused(capsys, 2, *words)


def test_a_file_that_holds_no_vectors_is_refused(
    small_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "query.npy"

    def answer() -> str:
        return refused(capsys, 3, "query", "small", "search", "--vectors", path, "--store", small_store, "--json")

    assert f"{path}: no such file; name a .npy file" in answer()
    no_array = f"{path}: not a whole .npy file of numbers; write it with numpy.save"
    np.save(path, np.ones((2, 128)))
    whole = path.read_bytes()
    for data in (b"", b"hello", whole[:-9], whole[:40], b"\x93NUMPY\x01\x00\x10\x00{'descr': (((    \n"):
        path.write_bytes(data)
        assert no_array in answer()
    np.save(path, np.full((2, 128), None), allow_pickle=True)
    assert no_array in answer()
    with path.open("wb") as file:
        np.savez(file, a=np.ones((2, 128)))
    assert no_array in answer()
    path.unlink()
    path.mkdir()
    assert f"{path}: cannot be read (Is a directory)" in answer()


def test_ragged_vectors_are_refused(small_store: Path) -> None:
    engine = Engine.open(small_store, "small")
    with pytest.raises(InvalidQuery, match="not a matrix of numbers"):
        engine.similar(vectors=[[1.0, 2.0], [3.0]])  # type: ignore[arg-type]
    with pytest.raises(InvalidQuery, match="query 0 is not an array of numbers"):
        engine.search(vectors=[[[1.0, 2.0], [3.0]]])  # type: ignore[arg-type]
    with pytest.raises(InvalidQuery, match="NaN or infinite"):
        engine.similar(vectors=np.full((1, 128), 1e300))


def test_questions_change_nothing_in_the_store(small_store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(small_store)
    got = said(capsys, "query", "small", "similar", "--node", "n000", "--json", "--store", small_store)
    assert [len(hits) for hits in json.loads(got.out)["results"]] == [10]
    refused(capsys, 3, "query", "small", "similar", "--node", "nope", "--store", small_store)
    assert files(small_store) == before


@pytest.fixture(scope="module")
def plain_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph with rankings and nothing else, and a corpus with nothing else."""
    directory = tmp_path_factory.mktemp("plain")
    (directory / "edges.tsv").write_text("a\tb\nb\tc\n")
    (directory / "docs.jsonl").write_text('{"_id": "a", "text": "chess"}\n')
    (directory / "g.toml").write_text('name = "g"\n[graph]\nsource = "edges.tsv"\n[powerwalk]\n')
    (directory / "c.toml").write_text('name = "c"\n[corpus]\nsource = "docs.jsonl"\n')
    for config in ("g.toml", "c.toml"):
        words = ["build", str(directory / config), "--no-prefect", "--store", str(directory / "store")]
        assert main(words) == 0
    return directory / "store"


@pytest.mark.parametrize(
    ("words", "table"),
    [("similar --node a", "fastrp"), ("community --seed a --size 2", "communities"), ("search --text x", "muvera")],
)
def test_a_question_the_index_was_not_built_for_names_the_table(
    plain_store: Path, capsys: pytest.CaptureFixture[str], words: str, table: str
) -> None:
    question = words.split()[0]
    advice = f"index {{}} was not built for {question}: its config has no table [{table}]; add it and build again"
    assert (
        refused(capsys, 3, "query", "g", *words.split(), "--store", plain_store) == advice.format("g") + ", or ask ppr"
    )
    assert refused(capsys, 3, "query", "c", *words.split(), "--store", plain_store, "--json") == advice.format("c")
    assert said(capsys, "query", "g", "ppr", "--seed", "a", "-k", "2", "--store", plain_store).code == 0

"""Files of judgements, queries and runs: whole, ugly and broken."""

from __future__ import annotations

import bz2
import gzip
import json
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidInput
from tests.shared_data import shared_data
from vectors.judged.collection import read_collection, read_judged
from vectors.judged.qrels import read_qrels
from vectors.judged.queries import read_queries
from vectors.judged.runs import Scored, read_run, run_lines, write_run

WORDS = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=1, max_size=6).filter(
    lambda word: word.split() == [word] and not word.startswith("\ufeff")
)
REUSED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_both_formats_of_judgements_say_the_same(tmp_path: Path) -> None:
    beir = write(tmp_path / "beir.tsv", "query-id\tcorpus-id\tscore\nq1\td 1\t2\nq1\td2\t0\nq2\td3\t-1\n")
    trec = write(tmp_path / "trec.txt", "\ufeffq1\t0\td 1\t2\r\n\r\nq1\t0\td2\t0\r\nq2\t0\td3\t-1")
    expected = {"q1": {"d 1": 2, "d2": 0}, "q2": {"d3": -1}}
    assert read_qrels(beir) == read_qrels(trec) == expected


def test_three_columns_need_no_header_and_blanks_part_columns(tmp_path: Path) -> None:
    assert read_qrels(write(tmp_path / "a", "q d 1\nq e +2\n")) == {"q": {"d": 1, "e": 2}}
    assert read_qrels(write(tmp_path / "b", "q 0 d  1\n")) == {"q": {"d": 1}}


@REUSED
@given(
    qrels=st.dictionaries(
        WORDS, st.dictionaries(WORDS, st.integers(-2, 5), min_size=1, max_size=4), min_size=1, max_size=4
    ),
    trec=st.booleans(),
)
def test_written_judgements_are_read_back(qrels: dict[str, dict[str, int]], trec: bool, tmp_path: Path) -> None:
    lines = [] if trec else ["query-id\tcorpus-id\tscore"]
    for query, grades in qrels.items():
        lines += [f"{query}\t0\t{doc}\t{g}" if trec else f"{query}\t{doc}\t{g}" for doc, g in grades.items()]
    assert read_qrels(write(tmp_path / "qrels", "\n".join(lines))) == qrels


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", None, "no judgement"),
        ("query-id\tcorpus-id\tscore\n", None, "no judgement"),
        ("q d\n", 1, "2 columns"),
        ("q 0 d 1\nq 0 d\n", 2, "3 columns, the first line has 4"),
        ("q\td\t1\nq\t\t1\n", 2, "2 columns, the first line has 3"),
        ("q d 1\n\nq e good\n", 3, "'good' is no integer"),
        ("q d 1.5\n", 1, "'1.5' is no integer"),
        ("q d 1\nq d 1\n", 2, "a second time"),
        (b"q d 1\nq \xff 1\n", 2, "not UTF-8"),
    ],
)
def test_judgements_that_make_no_sense_name_file_and_line(
    text: str | bytes, line: int | None, what: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "qrels.tsv", text)
    with pytest.raises(InvalidInput, match=what) as error:
        read_qrels(path)
    assert (error.value.source, error.value.line) == (str(path), line)


def test_queries_of_both_formats(tmp_path: Path) -> None:
    objects = [{"_id": "q1", "text": "one"}, {"id": 2, "query": "two", "metadata": {}}]
    lines = write(tmp_path / "queries.jsonl", "\n\n".join(map(json.dumps, objects)))
    table = write(tmp_path / "queries.tsv", "q1\tone\n2\ttwo\r\n")
    assert read_queries(lines) == read_queries(table) == {"q1": "one", "2": "two"}


@pytest.mark.parametrize(
    ("name", "text", "line", "what"),
    [
        ("q.jsonl", "", None, "no query"),
        ("q.jsonl", "{", 1, "not JSON"),
        ("q.jsonl", '{"_id": "a", "text": "x"}\n[]\n', 2, "no object"),
        ("q.jsonl", '{"text": "x"}', 1, "id is None"),
        ("q.jsonl", '{"_id": true, "text": "x"}', 1, "id is True"),
        ("q.jsonl", '{"_id": "a", "text": ["x"]}', 1, "text is"),
        ("q.jsonl", '{"_id": "a", "text": "  "}', 1, "no text"),
        ("q.jsonl", '{"_id": 1, "text": "x"}\n{"_id": "1", "text": "y"}', 2, "already used in line 1"),
        ("q.tsv", "a one\n", 1, "a tab"),
        ("q.tsv", "a\tone\n\tx\n", 2, "a tab"),
        ("q.tsv", "a\t\n", 1, "no text"),
    ],
)
def test_queries_that_make_no_sense_name_file_and_line(
    name: str, text: str, line: int | None, what: str, tmp_path: Path
) -> None:
    path = write(tmp_path / name, text)
    with pytest.raises(InvalidInput, match=what) as error:
        read_queries(path)
    assert (error.value.source, error.value.line) == (str(path), line)


@REUSED
@given(
    run=st.dictionaries(
        WORDS,
        st.lists(
            st.tuples(WORDS, st.floats(allow_nan=False, allow_infinity=False)),
            min_size=1,
            max_size=5,
            unique_by=lambda answer: answer[0],
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_written_run_is_read_back_exactly(run: dict[str, list[tuple[str, float]]], tmp_path: Path) -> None:
    ordered = {
        query: [Scored(*answer) for answer in sorted(answers, key=lambda answer: -answer[1])]
        for query, answers in run.items()
    }
    path = tmp_path / "run.txt"
    write_run(path, ordered)
    assert read_run(path) == ordered


def test_equal_scores_of_a_run_go_by_rank(tmp_path: Path) -> None:
    path = write(tmp_path / "run", "q Q0 b 2 1.0 x\nq Q0 a 1 1.0 x\nq Q0 c 3 7 x\n")
    assert [answer.doc for answer in read_run(path)["q"]] == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", None, "no answer"),
        ("q Q0 d 1 1.0\n", 1, "5 columns"),
        ("q Q0 d first 1.0 x\n", 1, "'first' is no integer"),
        ("q Q0 d 1 nan x\n", 1, "'nan' is no finite number"),
        ("q Q0 d 1 high x\n", 1, "'high' is no finite number"),
        ("q Q0 d 1 2 x\nq Q0 d 2 1 x\n", 2, "a second time"),
    ],
)
def test_runs_that_make_no_sense_name_file_and_line(text: str, line: int | None, what: str, tmp_path: Path) -> None:
    path = write(tmp_path / "run", text)
    with pytest.raises(InvalidInput, match=what) as error:
        read_run(path)
    assert error.value.line == line


@pytest.mark.parametrize(
    "run", [{"q 1": []}, {"q": [Scored("d 1", 1.0)]}, {"": []}, {"q": [Scored("d", float("inf"))]}]
)
def test_what_a_run_file_cannot_say_is_refused(run: dict[str, list[Scored]]) -> None:
    with pytest.raises(InvalidInput):
        list(run_lines(run, "tag"))


def test_a_run_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be written"):
        write_run(tmp_path / "absent" / "run", {"q": [Scored("d", 1.0)]})


@pytest.mark.parametrize(
    ("ending", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".zst", zstandard.ZstdCompressor().compress)]
)
def test_compressed_files_are_seen_through_and_cut_ones_refused(ending: str, pack: object, tmp_path: Path) -> None:
    packed = pack("".join(f"q{n} 0 d{n} 1\n" for n in range(20_000)).encode())  # type: ignore[operator]
    whole = write(tmp_path / f"qrels{ending}", packed)
    assert len(read_qrels(whole)) == 20_000
    cut = write(tmp_path / f"cut{ending}", packed[: len(packed) // 2])
    with pytest.raises(InvalidInput, match="cut"):
        read_qrels(cut)


def test_a_folder_is_a_collection(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    write(tmp_path / "qrels" / "test.tsv", "query-id\tcorpus-id\tscore\nq2\td1\t1\n")
    write(tmp_path / "queries.jsonl", '{"_id": "q1", "text": "unjudged"}\n{"_id": "q2", "text": "judged"}\n')
    write(tmp_path / "corpus.jsonl.gz", gzip.compress(b'{"_id": "d2", "text": "b"}\n{"_id": "d1", "title": "a"}\n'))
    found = read_collection(tmp_path)
    assert found.queries == {"q2": "judged"}
    assert found.qrels == {"q2": {"d1": 1}}
    assert found.corpus.texts(0, 2) == ["a", "b"]
    with pytest.raises(InvalidInput, match="no such file"):
        read_collection(tmp_path, split="dev")


def test_a_judged_query_without_text_is_refused(tmp_path: Path) -> None:
    qrels = write(tmp_path / "qrels", "q1 0 d 1\nq2 0 d 1\n")
    with pytest.raises(InvalidInput, match="'q2'"):
        read_judged(qrels, write(tmp_path / "queries.tsv", "q1\tone\n"))


@pytest.mark.parametrize(("name", "n_queries", "n_judged"), [("scifact", 300, 339), ("cranfield", 225, 1837)])
def test_real_collections_are_read(name: str, n_queries: int, n_judged: int) -> None:
    folder = shared_data(f"corpora/{name}")
    qrels, queries = read_judged(folder / "qrels" / "test.tsv", folder / "queries.jsonl")
    assert len(queries) == n_queries
    assert sum(map(len, qrels.values())) == n_judged

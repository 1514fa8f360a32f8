"""``purlieu evaluate`` on the small index, whose documents are made of five topics."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from purlieu.main import main
from tests.small import N_NODES, TOPICS
from vectors.judged.runs import read_run


@pytest.fixture
def judged(tmp_path: Path) -> tuple[Path, Path]:
    """Ask for each topic; its documents are relevant, and nothing is for the last query."""
    queries = [{"_id": f"q{topic}", "text": text} for topic, text in enumerate(TOPICS)]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, [*queries, {"_id": "none", "text": "video"}])))
    lines = [f"q{node % len(TOPICS)} 0 n{node:03d} 1" for node in range(N_NODES)]
    (tmp_path / "qrels.txt").write_text("\n".join([*lines, "none 0 n000 0"]))
    return tmp_path / "queries.jsonl", tmp_path / "qrels.txt"


def words(store: Path, judged: tuple[Path, Path], *more: str) -> list[str]:
    queries, qrels = judged
    return ["evaluate", "small", "--queries", str(queries), "--qrels", str(qrels), "--store", str(store), *more]


def test_measures_a_run_and_compares_it_with_another(
    small_store: Path, judged: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run.txt"
    assert main(words(small_store, judged, "-k", "50", "--no-rerank", "--run", str(run), "--json")) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["n_queries"], document["n_unanswerable"], document["n_unanswered"]) == (5, 1, 0)
    answers = read_run(run)
    assert [len(found) for found in answers.values()] == [50] * 6
    right = [int(found[0].doc[1:]) % 5 == int(query[1:]) for query, found in answers.items() if query != "none"]
    shares = [row["mean"] for row in document["measures"] if row["name"] == "RR@10"]
    assert all(right)
    assert shares == [1.0]

    assert main(words(small_store, judged, "-k", "50", "--against", str(run), "--measure", "nDCG@10", "--json")) == 0
    (row,) = json.loads(capsys.readouterr().out)["measures"]
    assert row["name"] == "nDCG@10"
    assert row["low"] <= row["mean"] <= row["high"]
    assert row["difference"]["mean"] == pytest.approx(row["mean"] - row["against"]["mean"])


def test_people_get_a_table(
    small_store: Path, judged: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run.txt"
    assert main(words(small_store, judged, "--run", str(run))) == 0
    lines = run.read_text().splitlines(keepends=True)
    (tmp_path / "part.txt").write_text("".join(line for line in lines if line.startswith("q0 ")))
    capsys.readouterr()
    assert main(words(small_store, judged, "--against", str(tmp_path / "part.txt"))) == 0
    said = capsys.readouterr().out
    assert "5 judged queries, the best 100 documents of each" in said
    assert all(name in said for name in ("nDCG@10", "R@100", "RR@10", "AP", "difference"))
    assert "1 judged queries without a relevant document are left out" in said
    assert "the run compared with: 4 queries without an answer count as 0" in said


@pytest.mark.parametrize(
    ("more", "code", "what"),
    [
        (["--measure", "ndcg"], 2, "measure = 'ndcg'"),
        (["--against", "absent"], 3, "absent"),
        (["-k", "0"], 2, "k = 0"),
        (["--qrels", "absent"], 3, "absent"),
    ],
)
def test_what_cannot_be_is_one_line(
    small_store: Path,
    judged: tuple[Path, Path],
    more: list[str],
    code: int,
    what: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(words(small_store, judged, *more)) == code
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert what in error

"""``purlieu tune``: its table can be pasted, and what it cannot use it says in one line."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from flows.settings import parse_config
from purlieu.main import main
from tests.purlieu.said import files, refused, said
from tests.small import N_NODES, TOPICS

QUICK = ("--trials", "4", "--max-hops", "2")


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("labels") / "topics.tsv"
    path.write_text("".join(f"n{node:03d}\t{node % len(TOPICS)}\n" for node in range(N_NODES - 1)))
    return path


@pytest.mark.parametrize("how", ["labels", "held out"])
def test_the_printed_table_is_a_config_with_other_weights(
    small_config: Path, labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    what = ("--labels", str(labels)) if how == "labels" else ("--held-out", "0.1")
    before = files(small_config.parent)
    assert main(["tune", str(small_config), *what, *QUICK, "--store", str(tmp_path / "none")]) == 0
    out = capsys.readouterr().out
    assert out.startswith("mean_f1 in 128 dimensions" if how == "labels" else "mrr in 128 dimensions")
    assert "as given" in out
    table = tomllib.loads(out[out.index("[fastrp]") :])["fastrp"]
    raw = tomllib.loads(small_config.read_text())
    changed = {"iteration_weights", "normalization_strength", "orientation", "mode"}
    assert {key: table[key] for key in table if key not in changed} == {"dim": 128}
    config = parse_config(raw | {"fastrp": table}, "pasted.toml", small_config.parent)
    assert config.fastrp is not None
    assert list(config.fastrp.params.iteration_weights) == table["iteration_weights"]
    assert files(small_config.parent) == before
    assert not (tmp_path / "none").exists()


def test_json_holds_every_trial_and_the_built_graph_gives_what_its_source_gives(
    small_config: Path, small_store: Path, labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("tune", small_config, "--labels", labels, *QUICK, "--json")
    built = json.loads(said(capsys, *words, "--store", small_store).out)
    assert json.loads(said(capsys, *words, "--store", tmp_path / "none").out) == built
    assert [trial["stage"] for trial in built["trials"][:4]] == ["start", "even", "even", "near"]
    assert built["score"] == max(trial["score"] for trial in built["trials"] if trial["stage"] == "final")
    assert tomllib.loads(built["toml"])["fastrp"]["iteration_weights"] == built["iteration_weights"]


def test_the_built_graph_is_used_where_there_is_one(
    small_store: Path,
    small_config: Path,
    labels: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import flows.config_graph

    monkeypatch.setattr(flows.config_graph, "read_graph", lambda *_: pytest.fail("the source was read"))
    assert said(capsys, "tune", small_config, "--labels", labels, *QUICK, "--store", small_store).code == 0


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (("--labels", "none.tsv"), 3, "no such file"),
        (("--labels", "unknown.tsv"), 3, "unknown.tsv, line 2: no node 'nobody' in the graph"),
        (("--labels", "one.tsv"), 3, "1 different labels"),
        (("--held-out", "2"), 2, "held_out = 2.0 cannot be used"),
        (("--held-out", "0.1", "--metric", "micro_f1"), 2, "metric = 'micro_f1' cannot be used; allowed: auc, mrr"),
        (("--held-out", "0.1", "--trials", "0"), 2, "n_trials = 0"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    small_config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: int,
    what: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("unknown.tsv").write_text("n001\ta\nnobody\tb\n")
    Path("one.tsv").write_text("".join(f"n{node:03d}\ta\n" for node in range(50)))
    for more in ((), ("--json",)):
        assert what in refused(capsys, code, "tune", small_config, *words, *more)


def test_a_config_without_a_graph_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "docs.jsonl").write_text('{"_id": "a", "text": "chess"}\n')
    config = tmp_path / "c.toml"
    config.write_text('name = "c"\n[corpus]\nsource = "docs.jsonl"\n')
    assert "c.toml: graph: no such table" in refused(capsys, 2, "tune", config, "--held-out", "0.1")

"""Bad configs and bad words: one line with the file and the key, exit code 2, and nothing is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.purlieu.said import files, refused, said

GRAPH = 'name = "g"\n[graph]\nsource = "edges.tsv"\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "edges.tsv").write_text("a\tb\nb\tc\n")
    path = tmp_path / "g.toml"
    path.write_text(GRAPH)
    return path


def refused_build(capsys: pytest.CaptureFixture[str], config: Path, *words: str) -> str:
    """The line of a build that was refused before anything was read."""
    store = config.parent / "store"
    error = refused(capsys, 2, "build", config, "--no-prefect", "--store", store, *words)
    assert refused(capsys, 2, "build", config, "--no-prefect", "--store", store, "--json", *words) == error
    assert set(files(store)) <= {"store.json"}
    return error


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (GRAPH + 'weigth = "w"\n', "g.toml: graph.weigth: unknown key; did you mean 'weight'?"),
        (GRAPH + "[fastrq]\n", "g.toml: fastrq: unknown key; did you mean 'fastrp'?"),
        (GRAPH + "[ann.nods]\n", "g.toml: ann.nods: unknown key; did you mean 'nodes'?"),
        (GRAPH + '[fastrp]\ndim = "wide"\n', "fastrp.dim: 'wide' cannot be used; allowed: a valid integer"),
        (GRAPH + "[fastrp]\ndim = 12.5\n", "fastrp.dim: 12.5 cannot be used; allowed: a valid integer"),
        (GRAPH + "[fastrp]\ndim = -4\n", "fastrp.dim: -4 cannot be used; allowed: an integer from 1 to 65536"),
        (GRAPH + "[fastrp]\ndim = 1e9\n", "fastrp.dim: 1000000000 cannot be used; allowed: an integer from 1 to 65536"),
        (GRAPH + "[fastrp]\ndim = true\n", "fastrp.dim: true cannot be used; true and false are for keys that are"),
        (
            GRAPH + "[fastrp]\niteration_weights = 3\n",
            "fastrp.iteration_weights: 3 cannot be used; allowed: a list, in",
        ),
        (GRAPH + "[fastrp]\nsparsity = false\n", "fastrp.sparsity: false cannot be used"),
        (GRAPH + 'directed = "perhaps"\n', "graph.directed: 'perhaps' cannot be used; allowed: a valid boolean"),
        (GRAPH + "[fastrp]\n[ann.nodes]\nkind = 'tree'\n", "ann.nodes.kind: 'tree' cannot be used; allowed: 'auto'"),
        (GRAPH + "[runtime]\nmemory_limit = 'lots'\n", "runtime.memory_limit: 'lots' cannot be used"),
        (GRAPH + "[runtime]\nlock_wait = -1\n", "runtime.lock_wait: -1.0 cannot be used"),
        ('name = "g"\ngraph = 3\n', "graph: a value where a table is needed; write [graph]"),
        (GRAPH + "[muvera]\n", "muvera: needs the table [corpus], which is absent"),
        ('name = "g"\n', "neither [graph] nor [corpus]"),
        ('[graph]\nsource = "e"\n', "name: missing or not a string"),
        ('name = "../g"\n[graph]\nsource = "e"\n', "name: '../g' cannot be used"),
        ('name = "g"\n[graph]\n', "graph.source: missing or not a string"),
        ('name = "g"\nname = \n', "g.toml: not TOML: "),
        ('name = "g"\n[graph\n', "(at line 2, column 7)"),
    ],
)
def test_a_bad_config_is_refused(config: Path, capsys: pytest.CaptureFixture[str], text: str, what: str) -> None:
    config.write_text(text)
    assert what in refused_build(capsys, config)


@pytest.mark.parametrize(
    ("override", "what"),
    [
        ("graph", "--set: graph: not key.path=value; write e.g. --set fastrp.dim=128"),
        ("=3", "not key.path=value"),
        ("graph..weight=3", "not key.path=value"),
        ("name.x=3", "--set: name.x: name is a value, not a table"),
        ("fastrp.dmi=3", "--set fastrp.dmi=3: fastrp.dmi: unknown key; did you mean 'dim'?"),
        ("fastrp.dim=abc", "--set fastrp.dim=abc: fastrp.dim: 'abc' cannot be used; allowed: a valid integer"),
        ("fastrp={dim=0}", "--set fastrp={dim=0}: fastrp.dim: 0 cannot be used; allowed: an integer from 1"),
        ("graph=3", "--set graph=3: graph: a value where a table is needed"),
        ("muvera.d_final=8", "--set muvera.d_final=8: muvera: needs the table [corpus], which is absent"),
        ("name=../g", "--set name=../g: name: '../g' cannot be used"),
        ("runtime.workers=0", "--set runtime.workers=0: runtime.workers: 0 cannot be used; allowed: at least 1"),
        ("runtime.workers=nan", "runtime.workers: nan cannot be used"),
        ("graph.source=", "--set graph.source=: graph.source: missing"),
    ],
)
def test_a_bad_override_is_refused(config: Path, capsys: pytest.CaptureFixture[str], override: str, what: str) -> None:
    assert what in refused_build(capsys, config, "--set", override)


def test_an_error_names_the_option_or_the_file_whichever_it_was_found_in(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(GRAPH + "[fastrp]\ndim = 'wide'\n")
    words = ("--set", "fastrp.seed=1", "--set", "fastrp.dimm=8")
    assert "/g.toml: fastrp.dim: 'wide' cannot be used" in refused_build(capsys, config, *words[:2])
    assert "--set fastrp.dimm=8: fastrp.dimm: unknown key" in refused_build(capsys, config, *words)
    twice = ("--set", "fastrp.dim=x", "--set", "fastrp.dim=y")
    assert "--set fastrp.dim=y: fastrp.dim: 'y' cannot be used" in refused_build(capsys, config, *twice)


@pytest.mark.parametrize("option", ["--only", "--force"])
def test_an_unknown_stage_is_refused_with_the_known_ones(
    config: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert "'grpah' cannot be used; allowed: graph (did you mean graph?)" in refused(
        capsys, 2, "build", config, "--no-prefect", "--store", config.parent / "store", option, "grpah"
    )


def test_a_config_that_is_not_there_or_no_text_is_refused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "none.toml: no such file" in refused_build(capsys, config.with_name("none.toml"))
    assert "cannot be read (Is a directory)" in refused_build(capsys, config.parent)
    config.write_bytes(b"\xff\xfe")
    assert "g.toml: not UTF-8 text" in refused_build(capsys, config)


def test_words_that_are_no_numbers_are_refused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    got = said(capsys, "build", config, "--no-prefect", "--workers", "many")
    assert (got.code, "argument --workers: invalid int value: 'many'" in got.error) == (2, True)
    assert "--workers = 0 cannot be used; allowed: at least 1" in refused_build(capsys, config, "--workers", "0")


def test_a_store_that_is_no_directory_is_refused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = refused(capsys, 1, "build", config, "--no-prefect", "--store", config)
    assert "a file stands where a directory is needed; choose another --store" in error
    error = refused(capsys, 2, "build", config, "--no-prefect", "--store", "gs://a/b")
    assert "store = 'gs://a/b' cannot be used; allowed: a directory, or s3://bucket/prefix" in error
    assert config.read_text() == GRAPH


def test_a_scheduler_that_does_not_answer_is_an_error_soon(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(GRAPH + "[fastrp]\n")
    words = ("build", config, "--no-prefect", "--store", config.parent / "store")
    assert said(capsys, *words, "--only", "graph").code == 0
    error = refused(capsys, 1, *words, "--scheduler", "tcp://127.0.0.1:1")
    assert error.startswith("Dask scheduler tcp://127.0.0.1:1: it does not answer (")
    assert "after 8 s" in error
    assert error.endswith("start it, or leave out --scheduler")
    assert "it does not answer" in refused(capsys, 1, *words, "--scheduler", 'a "b"')
    assert not list((config.parent / "store" / "indexes").glob("*/versions"))

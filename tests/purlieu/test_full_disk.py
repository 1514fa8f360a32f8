"""A disk that is full or read-only: the error says so, what was published stays, and the next build goes on."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from artifacts.directory import Directory
from artifacts.disk import explained, replace_file
from artifacts.parts import write_part
from artifacts.store import Store
from flows.cluster import cluster
from flows.stages.runner import run_stage
from flows.stages.stage import Order
from foundation.errors import StoreUnavailable
from foundation.progress import Silent
from tests.purlieu import refusing_stage

ROOT = Path(__file__).parents[2]
GRAPH = 'name = "g"\n[graph]\nsource = "edges.tsv"\n'
Told = dict[str, tuple[int, str]]


def own_mounts(*command: str) -> list[str]:
    return ["unshare", "--map-root-user", "--mount", *command]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Exit codes and messages of builds on a small disk, which holds the graph and not its embeddings."""
    directory = tmp_path_factory.mktemp("full")
    place = directory / "disk"
    place.mkdir()
    try:
        subprocess.run(own_mounts("mount", "-t", "tmpfs", "tmpfs", str(place)), check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no small disk can be mounted here: {error}")
    nodes = np.random.default_rng(7).integers(3000, size=(6000, 2))
    (directory / "edges.tsv").write_text("\n".join(f"{src}\t{dst}" for src, dst in nodes) + "\n")
    (directory / "a.toml").write_text(GRAPH)
    (directory / "b.toml").write_text(GRAPH + "[fastrp]\ndim = 256\n")
    run = subprocess.run(
        own_mounts(sys.executable, "-m", "tests.purlieu.full_disk", str(directory), str(place)),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=240,
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""  # everything a build says is in its report
    return {name: (code, said) for name, (code, said) in json.loads(run.stdout).items()}


def last_line(said: str) -> str:
    """The error, after a look that it is one line."""
    *before, last = said.splitlines()
    assert last.startswith("purlieu: ")
    assert all(" parts " in line for line in before), said
    return last


def test_a_full_disk_is_told_and_the_version_before_stays(told: Told) -> None:
    assert told["small"][0] == 0
    code, said = told["full"]
    assert code == 1
    assert "no space left (" in last_line(said)
    assert "free some disk and run again: finished partitions are kept (purlieu gc frees them too)" in said
    assert told["verify"] == (0, "")


def test_a_read_only_disk_is_told_and_still_answers(told: Told) -> None:
    code, said = told["read_only"]
    assert code == 1
    assert "not writable; change its permissions or choose another --store" in last_line(said)
    assert told["read_only_verify"] == (0, "")


def test_with_space_again_the_build_completes(told: Told) -> None:
    assert told["freed"][0] == 0
    assert told["verify_freed"] == (0, "")


@pytest.mark.parametrize(("refusal", "text"), [("ENOSPC", "no space left ("), ("EROFS", "not writable")])
def test_what_the_disk_refuses_in_a_partition_arrives_with_its_text(tmp_path: Path, refusal: str, text: str) -> None:
    store = Store.create(tmp_path / "store")
    order = Order(
        name="refused",
        stage=refusing_stage.STAGE,
        digest="d",
        store=store.address,
        inputs={},
        sources={},
        params={"refusal": refusal},
        part_nodes=1,
        part_docs=1,
    )
    with (
        cluster(workers=1, threads_per_worker=1, processes=False, memory_limit="auto", scheduler=None) as client,
        pytest.raises(StoreUnavailable) as caught,
    ):
        run_stage(order, {}, store, client, Silent())
    assert str(caught.value).startswith(f"{store.work_dir('d')}: {text}")
    assert store.find("refused", "d") is None


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT])
def test_a_refusal_of_the_disk_names_the_place(tmp_path: Path, number: int) -> None:
    with pytest.raises(StoreUnavailable) as caught, explained(tmp_path / "below"):
        raise OSError(number, os.strerror(number))
    assert str(caught.value).startswith(f"{tmp_path / 'below'}: ")


def test_what_could_not_be_written_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "file").write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError):
        replace_file(tmp_path / "file", b"new")
    with pytest.raises(StoreUnavailable):
        write_part(Directory(tmp_path), "parts/0-0-1", 0, 1, {"a": np.zeros(3)}, {})
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "parts"]
    assert (tmp_path / "file").read_text() == "old"

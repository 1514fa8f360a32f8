"""An index on disk: what is cut, flipped or missing is refused, a killed build leaves nothing, memory as promised."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from foundation.errors import ArtifactCorrupt, ArtifactMissing, ArtifactVersion, InvalidParams
from tests.vectors.spann.mixtures import digests, mixture
from vectors.spann.index import SpannIndex
from vectors.spann.params import SpannParams

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "MALLOC_ARENA_MAX": "2"}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    vectors = mixture(600, 8, 10)
    vectors[50:60] = vectors[0]
    directory = tmp_path_factory.mktemp("saved") / "index"
    SpannIndex.build(vectors, directory=directory, metric="l2")
    return directory


def test_what_is_opened_is_what_was_built(saved: Path) -> None:
    index = SpannIndex.open(saved)
    assert index.measured.disk_bytes == sum(
        path.stat().st_size for path in saved.iterdir() if path.name != "spann.json"
    )
    assert index.measured.chosen in index.measured.frontier
    rows, _ = index.search(np.load(saved / "vectors.npy")[:1], 11)
    assert set(range(50, 60)) <= set(rows[0].tolist())


def test_a_flipped_cut_or_missing_file_is_refused(saved: Path, tmp_path: Path) -> None:
    for name in sorted(path.name for path in saved.iterdir()):
        for harm in ("flip", "cut", "lose"):
            copy = tmp_path / "copy"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(saved, copy)
            path = copy / name
            content = bytearray(path.read_bytes())
            if harm == "flip":
                content[len(content) // 2] ^= 1
                path.write_bytes(content)
            elif harm == "cut":
                path.write_bytes(content[: len(content) // 2])
            else:
                path.unlink()
            with pytest.raises(ArtifactMissing if harm == "lose" else ArtifactCorrupt) as caught:
                SpannIndex.open(copy)
            assert name in str(caught.value)


@pytest.mark.parametrize("name", ["lists.bin", "vectors.npy"])
@pytest.mark.parametrize("reading", ["map", "read"])
def test_a_cut_file_is_refused_even_without_reading_it(saved: Path, tmp_path: Path, name: str, reading: str) -> None:
    shutil.copytree(saved, tmp_path / "copy")
    with (tmp_path / "copy" / name).open("r+b") as file:
        file.truncate((saved / name).stat().st_size - 1)
    with pytest.raises(ArtifactCorrupt):
        SpannIndex.open(tmp_path / "copy", verify=False, reading=reading)  # type: ignore[arg-type]


def test_another_format_version_and_way_of_reading_are_refused(saved: Path, tmp_path: Path) -> None:
    shutil.copytree(saved, tmp_path / "copy")
    path = tmp_path / "copy" / "spann.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "format_version": 99}))
    with pytest.raises(ArtifactVersion):
        SpannIndex.open(tmp_path / "copy")
    with pytest.raises(InvalidParams):
        SpannIndex.open(saved, reading="guess")  # type: ignore[arg-type]


BUILD = """
import sys
from pathlib import Path
from tests.vectors.spann.mixtures import mixture
from vectors.spann.index import SpannIndex
SpannIndex.build(mixture(12000, 24, 60), directory=Path(sys.argv[1]), metric="l2", recall=0.9, memory="16 MiB")
"""


@pytest.mark.parametrize("seen", ["vectors.npy", "parts", "lists.bin", "copies.npy"])
def test_a_killed_build_leaves_no_index_and_the_next_one_is_the_same(seen: str, tmp_path: Path) -> None:
    directory, aside = tmp_path / "index", tmp_path / ".index.building"
    child = subprocess.Popen([sys.executable, "-P", "-c", BUILD, str(directory)], env=ENVIRONMENT)
    deadline = time.monotonic() + 120
    while not (aside / seen).exists() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    child.send_signal(signal.SIGKILL)
    child.wait()
    if child.returncode == -signal.SIGKILL:
        with pytest.raises(ArtifactMissing):
            SpannIndex.open(directory)
    vectors = mixture(12_000, 24, 60)
    params = SpannParams(metric="l2", recall=0.9)
    SpannIndex.build(vectors, params, directory=directory)
    SpannIndex.build(vectors, params, directory=tmp_path / "fresh")
    assert digests(directory) == digests(tmp_path / "fresh")
    assert not aside.exists()


LIMITED = """
import json, resource, sys, threading
from pathlib import Path
import numpy as np
from vectors.spann.index import SpannIndex
threading.stack_size(256 << 10)
small, large, queries = Path(sys.argv[1]), Path(sys.argv[2]), np.load(sys.argv[3])
SpannIndex.open(small, reading="read").search(queries[:2, :8].copy())  # compiled loops are loaded
used = int(next(line for line in open("/proc/self/status") if line.startswith("VmData")).split()[1]) << 10
raw = int(sys.argv[4])
limit = used + raw * 15 // 100
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
index = SpannIndex.open(large, reading="read", verify=False)
rows = [index.search(queries[i : i + 1], 10)[0][0].tolist() for i in range(len(queries))]
try:
    np.empty(raw, dtype=np.int8)
    is_limited = False
except MemoryError:
    is_limited = True
print(json.dumps({"rows": rows, "is_limited": is_limited}))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits a process as Linux does")
def test_searches_stay_within_fifteen_percent_of_the_vectors(saved: Path, tmp_path: Path) -> None:
    both = mixture(100_050, 96, 2000)
    vectors, queries = both[:100_000], both[100_000:]
    index = SpannIndex.build(vectors, directory=tmp_path / "large", metric="l2", recall=0.9)
    np.save(tmp_path / "queries.npy", queries)
    out = subprocess.run(
        [
            sys.executable,
            "-P",
            "-c",
            LIMITED,
            str(saved),
            str(tmp_path / "large"),
            str(tmp_path / "queries.npy"),
            str(vectors.nbytes),
        ],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(out.stdout)
    assert answer["is_limited"]
    assert answer["rows"] == index.search(queries, 10)[0].tolist()
    assert index.memory_bytes <= 0.15 * vectors.nbytes

"""Peak memory of stages: what was held at the worst moment, also when another process held it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

from artifacts.store import Store
from flows.run import run_build
from flows.settings import read_config
from flows.stages.memory import SECONDS, Peak, resident_memory, watched_memory
from tests.small import write_small

MIB = 1 << 20


def test_a_block_that_is_held_and_given_back_is_in_the_peak() -> None:
    with watched_memory() as peak:
        block = np.ones(64 * MIB, dtype=np.uint8)
        # The sampler must see it while it is there; what other tests left may be given back meanwhile.
        while peak.n_bytes < (held := resident_memory()) - 4 * MIB:
            time.sleep(SECONDS)
        del block
    assert held > 64 * MIB
    assert peak.n_bytes >= held - 4 * MIB
    assert peak.n_bytes >= resident_memory()


def test_mapped_files_do_not_count(tmp_path: Path) -> None:
    np.save(tmp_path / "big.npy", np.ones(64 * MIB, dtype=np.uint8))
    script = (
        "import sys\nimport numpy as np\nfrom flows.stages.memory import watched_memory\n"
        "with watched_memory() as peak:\n"
        "    before = peak.n_bytes\n    np.load(sys.argv[1], mmap_mode='c').max()\n"
        "print(peak.n_bytes - before)\n"
    )
    run = subprocess.run(
        [sys.executable, "-P", "-c", script, str(tmp_path / "big.npy")], capture_output=True, text=True, check=True
    )
    assert int(run.stdout) < 32 * MIB


def test_what_another_process_found_is_included_when_it_is_more() -> None:
    peak = Peak()
    own = peak.n_bytes
    peak.include(own - 1)
    assert peak.n_bytes == own
    peak.include(own + 5)
    assert peak.n_bytes == own + 5


def test_no_thread_outlives_its_stretch() -> None:
    before = threading.active_count()
    for _ in range(3):
        with watched_memory():
            pass
    assert threading.active_count() == before


def test_built_stages_report_a_peak_and_cached_ones_none(tmp_path: Path) -> None:
    config, store = read_config(write_small(tmp_path / "sources")), Store.create(tmp_path / "store")
    first = run_build(config, store, only=["fastrp"])
    assert all(stage.peak_memory > 10 * MIB for stage in first.stages)
    again = run_build(config, store, only=["fastrp"])
    assert [stage.peak_memory for stage in again.stages] == [0] * len(again.stages)

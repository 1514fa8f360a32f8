"""``--dry-run`` beside what then happened: memory, disk and seconds of three builds, and how far off each was.

Run: python -m benchmarks.bench_estimates [--stages] [--scale N]

The graphs: SNAP's wiki-Vote (directed), an R-MAT graph (undirected, of scale 16 unless asked), and the Debian archive's
index with its documents. Each is built in a process of its own, from an empty store, with kernels compiled before;
memory is the peak of that process, looked at every 20 ms. Seconds mean a quiet machine: where found
CPU seconds are less than found seconds by far, others were computing too, and the ratio of seconds says nothing.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.bench import print_table
from benchmarks.measured_build import ROOT, measured_build
from benchmarks.rmat import rmat_file
from flows.estimate import estimate_build
from flows.settings import read_config

ENGINES = """
[fastrp]
{orientation}
dim = 128
[powerwalk]
{orientation}
[communities]
num_perm = 128
[ann.nodes]
metric = "cosine"
"""
UNDIRECTED = 'directed = false\nduplicates = "first"\nself_loops = "drop"\n'


def configs(folder: Path, scale: int) -> dict[str, Path]:
    """A config file per graph; wiki-Vote is left out where it is not at hand."""
    found = {f"R-MAT {scale}": _write(folder, "rmat", rmat_file(folder, scale), UNDIRECTED, 'orientation = "natural"')}
    shared = [above / "shared" / "data" / "graphs" / "wiki-Vote.txt.gz" for above in ROOT.parents[:2]]
    for wiki in filter(Path.exists, shared):
        found = {"wiki-Vote": _write(folder, "wiki", wiki, "", "")} | found
        break
    return found | {"Debian": ROOT / "config" / "debian.toml"}


def _write(folder: Path, name: str, source: Path, options: str, orientation: str) -> Path:
    path = folder / f"{name}.toml"
    engines = ENGINES.format(orientation=orientation)
    path.write_text(f'name = "{name}"\n[graph]\nsource = "{source}"\n{options}{engines}')
    return path


def compare(name: str, expected: dict[str, Any], actual: dict[str, Any]) -> dict[str, object]:
    """A line of the table; a ratio above 1 is an estimate that was too high."""
    mib, row = 2.0**20, dict[str, object](graph=name)
    for what, key, unit in (("memory MiB", "memory", mib), ("disk MiB", "bytes", mib), ("seconds", "seconds", 1.0)):
        guess, found = expected["disk" if key == "bytes" else key] / unit, actual[key] / unit
        row |= {what: guess, f"found {what}": found, f"ratio {what.split()[0]}": guess / found if found else 1.0}
    return row | {"found CPU s": actual["cpu"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=int, default=16)
    parser.add_argument("--stages", action="store_true", help="also a table of the stages of each")
    args = parser.parse_args()
    rows, details = [], {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, config in configs(folder, args.scale).items():
            store = folder / f"store-{config.stem}"
            measured_build(config, folder / f"warm-{config.stem}")  # compiles
            expected = estimate_build(read_config(config), str(store))
            actual = measured_build(config, store)
            rows.append(compare(name, expected["total"], actual))
            pairs = zip(expected["stages"], actual["stages"], strict=True)
            details[name] = [compare(guess["name"], guess, found) for guess, found in pairs]
    print_table(rows)
    for name, lines in details.items() if args.stages else ():
        print(f"\n{name}")
        print_table(lines)


if __name__ == "__main__":
    main()

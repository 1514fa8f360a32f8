"""A night after 1 % of the Debian descriptions changed: from nothing, as a delta, and once more with nothing to do.

Run: python benchmarks/bench_incremental.py
Seconds of wall time per stage, two workers, without Prefect, and of wall and CPU time for the command as a whole.
Ids stay, so that every shard is compared where it was.
"The end" changes the last 1 % of the ids, "scattered" as many drawn at random.
"""

from __future__ import annotations

import io
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import zstandard

from benchmarks.bench import print_table

ROOT = Path(__file__).parents[1]
SHARE = 0.01
DOCUMENT_STAGES = ("corpus", "tokens", "muvera", "ann.documents", "retriever", "link")


def documents() -> list[bytes]:
    with (ROOT / "data" / "debian" / "packages.jsonl.zst").open("rb") as file:
        return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(file)).read().splitlines()


def edited(lines: list[bytes], where: str) -> list[bytes]:
    """The lines with new words at the end of 1 % of the texts."""
    order = sorted(range(len(lines)), key=lambda line: str(json.loads(lines[line])["_id"]))
    n = int(len(lines) * SHARE)
    chosen = order[-n:] if where == "the end" else random.Random(0).sample(order, n)
    result = list(lines)
    for line in chosen:
        document = json.loads(lines[line])
        document["text"] = f"{document.get('text') or ''} rewritten tonight"
        result[line] = json.dumps(document).encode()
    return result


def write(home: Path, lines: list[bytes]) -> Path:
    (home / "packages.jsonl.zst").write_bytes(zstandard.compress(b"\n".join(lines) + b"\n"))
    edges = ROOT / "data" / "debian" / "dependencies.tsv.zst"
    config = (ROOT / "config" / "debian.toml").read_text()
    config = config.replace("../data/debian/dependencies.tsv.zst", str(edges))
    (home / "debian.toml").write_text(config.replace("../data/debian/packages.jsonl.zst", "packages.jsonl.zst"))
    return home / "debian.toml"


def build(config: Path, store: Path) -> tuple[float, float, dict[str, dict[str, Any]]]:
    """Wall and CPU time of the whole command, and the report of each stage."""
    command = [sys.executable, "-P", "-m", "purlieu.main", "build", str(config), "--store", str(store)]
    begun, used = time.perf_counter(), cpu_seconds()
    run = subprocess.run([*command, "--no-prefect", "--json"], cwd=ROOT, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - begun
    return seconds, cpu_seconds() - used, {stage["name"]: stage for stage in json.loads(run.stdout)["stages"]}


def cpu_seconds() -> float:
    """Of all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    lines = documents()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for where in ("scattered", "the end"):
            store, fresh = home / f"store {where}", home / f"fresh {where}"
            build(write(home, lines), store)
            config = write(home, edited(lines, where))
            delta_seconds, delta_cpu, delta = build(config, store)
            full_seconds, full_cpu, full = build(config, fresh)
            build(config, store)  # the source has settled by now: this run writes down what it looks like
            idle_seconds, _, _ = build(config, store)
            print(f"\n1 % of {len(lines):,} documents changed, {where}")
            rows: list[dict[str, object]] = [
                {
                    "stage": name,
                    "full s": full[name]["seconds"],
                    "delta s": delta[name]["seconds"],
                    "rows kept": f"{delta[name]['rows_reused']:,} of {delta[name]['rows']:,}",
                }
                for name in DOCUMENT_STAGES
            ]
            rows.append({"stage": "the command", "full s": full_seconds, "delta s": delta_seconds, "rows kept": ""})
            rows.append({"stage": "its CPU time", "full s": full_cpu, "delta s": delta_cpu, "rows kept": ""})
            print_table(rows)
            print(f"nothing to do: {idle_seconds:.2f} s")


if __name__ == "__main__":
    main()

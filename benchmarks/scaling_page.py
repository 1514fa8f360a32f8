"""What `simulate_scaling` puts into docs/scaling.md, and what it asks Dask."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


def table(lines: Sequence[Mapping[str, object]]) -> str:
    """Lines as a Markdown table, numbers with three digits."""

    def shown(value: object) -> str:
        if not isinstance(value, float):
            return str(value)
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

    header = list(lines[0])
    rows = [[shown(value) for value in line.values()] for line in lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, ["---"] * len(header), *rows])


def replace_table(page: Path, texts: Mapping[str, str]) -> None:
    """Put each text between its marks, ``<!-- name -->`` and ``<!-- end -->``."""
    content = page.read_text()
    for name, text in texts.items():
        mark = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not mark.search(content):
            raise ValueError(f"{page} has no place for {name!r}")
        content = mark.sub(lambda found, text=text: f"{found[1]}{text}\n{found[2]}", content)  # type: ignore[misc]
    page.write_text(content)


def write_plot(path: Path, lines: Sequence[Mapping[str, object]], names: Sequence[str]) -> None:
    """Hours of each stage, stacked, over workers; the line is what workers would give if nothing were shared."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    workers = [str(line["workers"]) for line in lines]
    figure, axes = pyplot.subplots(figsize=(7, 3.6), dpi=90)
    bottom = [0.0] * len(lines)
    for name in names:
        hours = [float(str(line[name])) / 3600 for line in lines]
        axes.bar(workers, hours, bottom=bottom, label=name.removesuffix(" s"), width=0.7)
        bottom = [low + hour for low, hour in zip(bottom, hours, strict=True)]
    ideal = [bottom[0] / int(count) for count in workers]
    axes.plot(workers, ideal, "k--", linewidth=1, label="all shared")
    axes.set(xlabel="workers of one thread (simulated)", ylabel="hours", yscale="log")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    pyplot.close(figure)


def handing_out_seconds(n_tasks: int = 500) -> float:
    """Seconds per task that does nothing, on a cluster of one worker in this process."""
    from flows.cluster import cluster

    with cluster(workers=1, threads_per_worker=1, processes=False, memory_limit="auto", scheduler=None) as client:
        futures = client().map(abs, range(10))
        client().gather(futures)
        begun = time.perf_counter()
        client().gather(client().map(abs, range(-n_tasks, 0)))
        return (time.perf_counter() - begun) / n_tasks

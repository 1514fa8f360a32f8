"""The page over the Debian index in headless Chromium without a graphics card: how soon it shows, how it moves.

Run: python benchmarks/bench_page.py [STORE]
Seconds from asking for the address until all that it asks for is shown, in a browser that has nothing of it; the first
map, which the service computes, by itself. Frames per second while the map of all nodes moves with every frame, and
milliseconds that drawing one takes. Without STORE the index is built first. Needs Debian's chromium.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.bench import print_table

ROOT = Path(__file__).parents[1]
FLAGS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
VIEWS = {
    "map": "#index=debian",
    "neighbourhood": "#index=debian&seed=nginx",
    "why": "#index=debian&seed=nginx&seed=apache2&list=why",
    "documents": "#text=video+editor&seed=gimp",
}
REPEATS = 5
SHOWN = "() => document.body.dataset.shown === (location.hash || '#') && !document.body.classList.contains('busy')"
MOVE = """async seconds => {
  const canvas = document.querySelector("#map canvas");
  const took = [];
  const begun = performance.now();
  while (performance.now() - begun < seconds * 1000) {
    canvas.dispatchEvent(new KeyboardEvent("keydown", { key: took.length % 2 ? "ArrowLeft" : "ArrowRight" }));
    await new Promise(requestAnimationFrame);
    took.push(window.purlieu.mapTook());
  }
  return { frames: took.length / seconds, took: took.sort((a, b) => a - b)[took.length >> 1] };
}"""


@contextlib.contextmanager
def served(store: Path) -> Iterator[str]:
    """The service in a process of its own; yields its address."""
    command = [sys.executable, "-P", "-m", "purlieu.main", "serve", "--store", str(store), "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        found = re.search(r"http://\S+", line := process.stderr.readline())
        if not found:
            sys.exit(f"the service did not start: {line}")
        yield found[0]
    finally:
        process.terminate()
        process.wait()


def view(browser: Any, address: str, fragment: str) -> tuple[float, Any]:
    """Seconds until a view is shown in a browser that has nothing of it, and the page."""
    page = browser.new_context(viewport={"width": 1360, "height": 860}, reduced_motion="reduce").new_page()
    begun = time.perf_counter()
    page.goto(f"{address}/{fragment}")
    page.wait_for_function(SHOWN)
    return time.perf_counter() - begun, page


def measure(address: str) -> None:
    """Print both tables."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        view(browser, address, VIEWS["neighbourhood"])[1].context.close()  # waits until the index is open
        first, page = view(browser, address, VIEWS["map"])
        page.context.close()
        print(f"{first:.3g} s until the map is shown for the first time\n")
        rows = []
        for name, fragment in VIEWS.items():
            seconds = []
            for _ in range(REPEATS):
                took, page = view(browser, address, fragment)
                seconds.append(took)
                page.context.close()
            rows.append({"view": name, "seconds, median": statistics.median(seconds), "slowest": max(seconds)})
        print_table(rows)
        _, page = view(browser, address, VIEWS["map"])
        print()
        points = page.locator(".caption").inner_text().partition(" nodes")[0]
        print_table([{"points": points, **page.evaluate(MOVE, 3)}])
        browser.close()


def main() -> None:
    if not shutil.which("chromium"):
        print("no chromium here: install Debian's package of this name")
        return
    with contextlib.ExitStack() as stack:
        if len(sys.argv) > 1:
            store = Path(sys.argv[1])
        else:
            store = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "store"
            build = [sys.executable, "-P", "-m", "purlieu.main", "build", "config/debian.toml", "--store", str(store)]
            subprocess.run([*build, "--no-prefect"], cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
        measure(stack.enter_context(served(store)))


if __name__ == "__main__":
    main()

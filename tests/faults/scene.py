"""One case under way: its store, its processes, and the checks that every case ends with.

1 the version that was published answers as before, while and after; 2 `verify` finds nothing that was not done on
purpose; 3 the next build completes and every manifest is the undisturbed build's; 4 nothing is left: no process, no
lock, no work; 5 what failed said so in one line and with its exit code.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, final

from artifacts.publish import current_version, damage, read_release
from artifacts.store import Store, object_name
from flows.run import BuildReport, run_build
from flows.settings import read_config
from foundation.errors import EngineError
from tests.faults import processes
from tests.faults.base import INDEX, STAGES, Base, answers, manifests
from tests.faults.cases import Case
from tests.faults.processes import Child

LEAVE_SECONDS = 15.0  # for processes to go once the one that was disturbed has ended
ASK_SECONDS = 1.0
BUILD_SECONDS = 120.0


@final
class Scene:
    """A copy of the store with version ``a``, at ``address``; what is found wrong goes to ``failures``."""

    def __init__(self, case: Case, base: Base, directory: Path, resources: Any, address: str = "") -> None:
        self.case, self.base, self.resources = case, base, resources
        self.directory = directory
        self.random = case.random()
        self.token = f"{os.getpid()}-{case.name}"
        self.failures: list[str] = []
        self.ended = ""
        self.recovery = 0.0
        self.skipped = ""
        self.build_error = ""
        self.third = False  # whether a version that is neither may be served on the way
        self.overrides: list[str] = [f'runtime.cache="{directory / "cache"}"']
        self.address = address or str(directory / "store")
        if not address:
            shutil.copytree(base.store, directory / "store")

    # What is done to it.

    def open(self) -> Store:
        """The store as a reader who has seen nothing of it."""
        return Store.open(self.address, cache=self.directory / "reader")

    def artifact(self, stage: str, *, version: str = "b") -> str:
        """Name of a stage's artifact in one of the two versions."""
        root = self.base.whole if version == "b" else self.base.store
        return str(read_release(Store.open(root), INDEX).stages[stage])

    def prefill(self, stages: Sequence[str]) -> None:
        """Give the store the finished artifacts of ``b`` for those stages it has: a case is about the others."""
        for stage in (stage for stage in stages if stage in self.base.manifests):
            name = object_name(self.artifact(stage))
            if "://" in self.address:
                self.resources.send(self.base.whole / name, f"{self.address}/{name}")
            else:
                shutil.copytree(self.base.whole / name, Path(self.address) / name)

    def prefill_before(self, stage: str) -> None:
        """The same for all stages before one."""
        self.prefill(STAGES[: STAGES.index(stage)])

    def fault(self, do: str, at: str, stage: str = "", **more: Any) -> None:
        """Let processes that are started, or that were told to look, meet a fault."""
        fault = {"do": do, "at": at, "stage": stage, "mark": str(self.directory / "mark"), **more}
        self._fault_file.write_text(json.dumps(fault))

    @property
    def _fault_file(self) -> Path:
        return self.directory / "fault.json"

    def build(self, *words: str, environment: Mapping[str, str] | None = None, prefect: bool = False) -> Child:
        """Start ``purlieu build`` of version ``b`` in a process with the fault."""
        told = [*("-m", "tests.faults.child", "build", str(self.base.config), "--store", self.address)]
        told += [] if prefect else ["--no-prefect"]
        for override in self.overrides:
            told += ["--set", override]
        return self.start(*told, *words, environment=environment)

    def start(self, *words: str, environment: Mapping[str, str] | None = None) -> Child:
        """Start a process of this case."""
        more = {"PURLIEU_FAULT": str(self._fault_file), **(environment or {})}
        return processes.start(words, self.token, self.directory, more)

    def struck(self, child: Child, seconds: float = 60.0) -> int:
        """Wait until the fault strikes; the process id it struck in, 0 (and a failure) when it never does."""
        mark = self.directory / "mark"
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(FileNotFoundError, ValueError):
                return int(mark.read_text())
            if child.process.poll() is not None and not mark.exists():
                break
            time.sleep(0.02)
        self.fail(f"the fault never struck: {child.said()[-500:]}")
        child.kill()
        return 0

    def release(self) -> None:
        """Let what is held go on."""
        (self.directory / "mark").unlink(missing_ok=True)

    # What is checked.

    def fail(self, what: str) -> None:
        """Take down something that must not be."""
        self.failures.append(" ".join(what.split()))

    def expect(self, condition: object, what: str) -> None:
        """Take down ``what`` unless the condition holds."""
        if not condition:
            self.fail(what)

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Ask the published version again and again, through an engine held open and through new ones."""
        stop = threading.Event()

        def ask() -> None:
            while not stop.wait(ASK_SECONDS):
                self.check_answers("while it was built")

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def check_answers(self, when: str) -> None:
        """The served version is ``a`` or ``b`` and answers as it did where nothing went wrong."""
        try:
            store = self.open()
            version = current_version(store, INDEX)
            name = {number: name for name, number in self.base.versions.items()}.get(version or "", "")
            found = answers(store)
            now = current_version(store, INDEX)
        except Exception as error:  # whatever it is, it is what a user would have got
            self.fail(f"{when}: no answer: {type(error).__name__}: {error}")
            return
        if now == version:  # else it was published in between
            as_known = found == self.base.answers[name] if name else self.third
            self.expect(as_known, f"{when}: other answers from {version}")

    def served(self) -> str:
        """Which version is served: "a", "b", or what else."""
        version = current_version(self.open(), INDEX) or ""
        return {number: name for name, number in self.base.versions.items()}.get(version, version)

    def check_said(self, child: Child, seconds: float, *codes: int) -> int | None:
        """The command ends in time, with one of ``codes``, and with one line when that is an error."""
        begun = time.monotonic()
        code = child.wait(seconds)
        took = time.monotonic() - begun
        if code is None:
            self.fail(f"did not end within {seconds:g} s")
        elif code not in codes:
            self.fail(f"exit code {code}, not one of {codes}: {child.said()[-600:]}")
        elif bad := child.ill_said():
            self.fail(f"said more than one line: {bad}")
        elif code > 0 and not child.error():
            self.fail(f"exit code {code} without a word")
        self.build_error = child.error()
        if not self.ended:
            self.ended = "completed" if code == 0 else "killed" if (code or 0) < 0 else child.error()
            self.ended += f" ({took:.1f} s)" if took > 5 else ""
        return code

    def check_undisturbed(self, *, clean: bool = False) -> None:
        """After the fault: no process, answers as before, no damage, no lock (``clean``: nor any trace of one)."""
        left = processes.gone(self.token, LEAVE_SECONDS)
        self.expect(not left, f"processes are left: {left}")
        self.check_answers("afterwards")
        self.check_verify()
        self.check_unlocked(clean=clean)

    def check_verify(self) -> None:
        """Every file of the served version is as its manifest says."""
        store = self.open()
        _, bad = damage(store, read_release(store, INDEX))
        self.expect(not bad, f"verify: {bad}")

    def check_unlocked(self, *, clean: bool) -> None:
        """Whoever comes next gets every lock at once."""
        store = self.open()
        locks = Path(self.address) / "locks"
        for lock in sorted(locks.iterdir()) if locks.is_dir() else ():
            with lock.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    self.fail(f"{lock.name} is still held")
        if clean and not store.place.near:
            standing = store.place.names("locks")
            self.expect(not standing, f"leases are left: {standing}")
        try:
            with store.building(INDEX):
                pass
            with store.collecting():
                pass
        except EngineError as error:
            self.fail(f"still locked: {error}")

    def next_build(self, *, force: Sequence[str] = (), overrides: Sequence[str] = ()) -> BuildReport | None:
        """Build again with nothing in the way; what is then served is ``b``, whole, and nothing is left over."""
        self._fault_file.unlink(missing_ok=True)
        config = read_config(self.base.config, [*self.overrides, *overrides, "runtime.stage_timeout=90"])
        begun = time.monotonic()
        try:
            store = Store.create(self.address, cache=config.runtime.cache)
            report = run_build(config, store, force=force)
        except Exception as error:
            self.fail(f"the next build: {type(error).__name__}: {error}")
            return None
        self.recovery = time.monotonic() - begun
        self.check_result(store)
        return report

    def check_result(self, store: Store) -> None:
        """What is served is ``b``, byte for byte, and nothing else is left."""
        try:
            made = manifests(self.open())
            wrong = [stage for stage, text in self.base.manifests.items() if made.get(stage) != text]
            self.expect(not wrong, f"other manifests than the undisturbed build's: {wrong}")
            self.check_verify()
            self.expect(self.served() == "b", f"served is {self.served()}")
            self.check_answers("after the next build")
        except EngineError as error:
            self.fail(f"after the next build: {error}")
        left = [f"work/{name}" for name in store.place.names("work")]
        left += [f"trash/{name}" for name in store.place.names("trash")]
        for root in {store.root, Path(self.address)}:
            for room in ("objects", "work", "indexes", "trash"):
                left += [str(path.relative_to(root)) for path in (root / room).rglob(".*")]
            left += [str(path.relative_to(root)) for path in (root / "work").glob("*")]
        self.expect(not left, f"left over: {sorted(set(left))[:6]}")

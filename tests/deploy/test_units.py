"""The systemd units: verified by systemd where there is one, and read by us."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.deploy.commands import check_command, check_environment

BIN = "/opt/purlieu/bin/"
UNITS = sorted((Path(__file__).parents[2] / "deploy" / "systemd").glob("*.service"))
PINNED = ("NUMBA_NUM_THREADS=1", "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1")


def settings(unit: Path, section: str) -> list[tuple[str, str]]:
    """Keys and values of a section, in order; keys may come again."""
    body = unit.read_text().split(f"[{section}]\n")[1].split("\n[")[0]
    return [
        (key, value) for key, _, value in (line.partition("=") for line in body.splitlines() if re.match(r"\w+=", line))
    ]


def value(unit: Path, key: str) -> str:
    (found,) = [value for name, value in settings(unit, "Service") if name == key]
    return found


def environment(unit: Path) -> list[str]:
    return [word for key, text in settings(unit, "Service") if key == "Environment" for word in shlex.split(text)]


def test_there_is_one_for_each_program() -> None:
    assert [unit.stem for unit in UNITS] == [
        "purlieu-dask-scheduler",
        "purlieu-dask-worker@",
        "purlieu-prefect-server",
        "purlieu-prefect-worker",
        "purlieu-serve",
    ]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    for unit in UNITS:
        # The programs are where this test runs, not where the units expect them.
        (tmp_path / unit.name).write_text(unit.read_text().replace(BIN, f"{sysconfig.get_path('scripts')}/"))
    names = [str(tmp_path / unit.name) for unit in UNITS]
    run = subprocess.run(["systemd-analyze", "verify", *names], capture_output=True, text=True, timeout=60)
    ours = [line for line in (run.stdout + run.stderr).splitlines() if "purlieu" in line]
    assert ours == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_its_command_exists_and_listens_on_loopback(unit: Path) -> None:
    program, *rest = shlex.split(value(unit, "ExecStart"))
    assert program.startswith(BIN)
    check_command([program.removeprefix(BIN), *rest])
    addresses = [word for word in rest if re.search(r"\d+\.\d+\.\d+\.\d+", word)]
    assert all("127.0.0.1" in word for word in addresses)
    check_environment([word.partition("=")[0] for word in environment(unit)])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_it_is_nobody_special_and_is_started_again(unit: Path) -> None:
    wanted = {
        "User": "purlieu",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "CapabilityBoundingSet": "",
        "Restart": "on-failure",
        "StateDirectory": "purlieu",
    }
    assert {key: value(unit, key) for key in wanted} == wanted
    assert ("WantedBy", "multi-user.target") in settings(unit, "Install")
    # Kernels are compiled while a program runs: this one would forbid it.
    assert not [key for key, _ in settings(unit, "Service") if key == "MemoryDenyWriteExecute"]


@pytest.mark.parametrize("unit", [unit for unit in UNITS if "worker" in unit.stem], ids=lambda unit: unit.stem)
def test_workers_have_one_thread_each(unit: Path) -> None:
    assert set(PINNED) <= set(environment(unit))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_units_name_each_other_rightly(unit: Path) -> None:
    parsed = configparser.RawConfigParser(strict=False, interpolation=None)
    parsed.read(unit)
    named = [word for key in ("After", "Wants") for word in parsed["Unit"][key].split() if word.startswith("purlieu-")]
    assert all((unit.parent / name).is_file() for name in named)

"""The image and the composition: no engine runs here, so everything that can be read is checked."""

from __future__ import annotations

import ast
import fnmatch
import re
import subprocess
import sysconfig
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.deploy.commands import check_command, check_environment

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def instructions(name: str) -> list[str]:
    """The arguments of an instruction of the Dockerfile, continued lines joined."""
    joined = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", DOCKERFILE))
    return re.findall(rf"(?m)^{name} (.+)$", joined)


def probes(test: list[str]) -> str:
    """The URL that a health check asks."""
    assert test[:3] == ["CMD", "python", "-c"]
    ast.parse(test[3])
    (url,) = re.findall(r"urlopen\('(http://127\.0\.0\.1:[^']+)', timeout=4\)", test[3])
    return str(url)


def port_of(command: list[str], option: str) -> int:
    return int(command[command.index(option) + 1].rpartition(":")[2])


def test_the_dockerfile_has_no_complaints() -> None:
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    run = subprocess.run([hadolint, "--no-color", str(ROOT / "deploy" / "Dockerfile")], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "")


def test_the_image_is_pinned_and_runs_as_nobody_special() -> None:
    assert instructions("USER") == ["10001"]
    assert all(
        "--constraint constraints.txt" in run or "--no-deps" in run
        for run in instructions("RUN")
        if "pip install" in run
    )
    assert DOCKERFILE.index("USER 10001") < DOCKERFILE.index("\nCMD")
    assert all(re.fullmatch(r"python:3\.\d+-slim-\w+( AS \w+)?", base) for base in instructions("FROM"))


def test_the_image_holds_every_room_and_nothing_else_is_sent() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    rooms = {pattern.rstrip("*") for pattern in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    copied = {word for line in instructions("COPY") if not line.startswith("--from") for word in line.split()[:-1]}
    assert copied == rooms | {"pyproject.toml", "constraints.txt", "README.md", "LICENSE"}
    ignore = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    sent = {line[1:] for line in ignore if line.startswith("!")}
    assert ignore[0] == "*"
    assert sent == copied
    assert any(fnmatch.fnmatch("flows/__pycache__", line) for line in ignore)


def test_the_images_own_command_exists_and_its_health_check_asks_it() -> None:
    (command,) = instructions("CMD")[-1:]
    words = ast.literal_eval(command)
    check_command(words)
    (health,) = instructions("HEALTHCHECK")
    probe = ast.literal_eval(health.partition("CMD ")[2])
    assert urlsplit(probes(["CMD", *probe])).port == port_of(words, "--port")
    assert instructions("EXPOSE") == [str(port_of(words, "--port"))]
    check_environment(re.findall(r"\b([A-Z_]+)=", " ".join(instructions("ENV"))))


@pytest.mark.parametrize("name", SERVICES)
def test_a_services_command_exists(name: str) -> None:
    check_command(SERVICES[name]["command"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_checked_held_back_and_started_again(name: str) -> None:
    service = SERVICES[name]
    health = service["healthcheck"]
    assert {"interval", "timeout", "start_period", "retries"} <= set(health)
    url = urlsplit(probes(health["test"]))
    option = {
        "prefect-server": "--port",
        "query": "--port",
        "dask-scheduler": "--dashboard-address",
        "dask-worker": "--dashboard-address",
    }.get(name)
    listening = (
        port_of(service["command"], option) if option else int(service["environment"]["PREFECT_WORKER_WEBSERVER_PORT"])
    )
    assert url.port == listening
    assert url.path in ("/health", "/healthz", "/api/health")
    assert service["restart"] == "unless-stopped"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["image"] == "purlieu"


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_to_this_machine_only(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        host, outside, inside = port.split(":")
        assert host == "127.0.0.1"
        assert outside == inside
        assert any(str(word).endswith(inside) for word in SERVICES[name]["command"])


def test_services_address_each_other_by_name_and_wait_for_health() -> None:
    for service in SERVICES.values():
        said = [*service["command"], *(str(value) for value in service.get("environment", {}).values())]
        for word in said:
            host = urlsplit(str(word)).hostname
            if host is not None and host != "127.0.0.1":
                assert host in SERVICES
                assert service["depends_on"][host] == {"condition": "service_healthy"}
        assert set(service.get("depends_on", {})) <= set(SERVICES)


def test_volumes_are_declared_used_and_the_query_service_writes_none() -> None:
    used = set()
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source, target, *mode = volume.split(":")
            assert target.startswith("/")
            if source.startswith("."):
                assert (ROOT / "deploy" / source).is_dir()
                assert mode == ["ro"]
            else:
                used.add(source)
    assert used == set(COMPOSE["volumes"])
    query = SERVICES["query"]
    assert query["read_only"] is True
    assert query["volumes"] == ["store:/store:ro"]
    key_file = query["command"][query["command"].index("--api-key-file") + 1]
    assert key_file == f"/run/secrets/{query['secrets'][0]}"
    assert set(query["secrets"]) == set(COMPOSE["secrets"])
    builders = [SERVICES[name]["volumes"] for name in ("prefect-worker", "dask-worker")]
    assert all("store:/store" in volumes for volumes in builders)


def test_settings_are_prefects_and_workers_have_one_thread_each() -> None:
    for service in SERVICES.values():
        check_environment(list(service.get("environment", {})))
    for name in ("prefect-worker", "dask-worker"):
        pinned = SERVICES[name]["environment"]
        assert all(pinned[key] == "1" for key in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"))
    worker = SERVICES["dask-worker"]["command"]
    assert worker[worker.index("--nthreads") + 1] == "1"
    assert "deploy/api_keys" in (ROOT / ".gitignore").read_text().splitlines()

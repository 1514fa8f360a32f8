"""Asking for a Prefect server that is not there: one line, soon, and nothing is started."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import flows.server
from flows.server import check_api
from foundation.errors import ServerUnavailable
from tests.prefect_server import free_port


@contextlib.contextmanager
def answering(status: int, body: bytes = b"true") -> Iterator[str]:
    """A web server that says the same to everybody; its API address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{httpd.server_address[1]}/api"
        finally:
            httpd.shutdown()
            thread.join()


@pytest.mark.parametrize("status", [200, 401, 403])
def test_what_answers_is_there_even_when_it_wants_to_know_who_asks(status: int) -> None:
    with answering(status) as url:
        check_api(url)


@pytest.mark.parametrize("status", [404, 500])
def test_something_else_on_the_port_is_told_apart(status: int) -> None:
    with answering(status) as url, pytest.raises(ServerUnavailable, match=f"not Prefect answers, HTTP {status}"):
        check_api(url)


def test_a_port_that_accepts_and_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows.server, "ANSWER_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
        with pytest.raises(ServerUnavailable, match=r"no answer within|timed out"):
            check_api(url)


@pytest.mark.parametrize("url", ["http://[", "ftp://127.0.0.1/api", "127.0.0.1:4200/api"])
def test_an_address_that_is_none_is_an_error_of_ours(url: str) -> None:
    with pytest.raises(ServerUnavailable):
        check_api(url)


def words_for(command: str, config: Path) -> list[str]:
    return [command, str(config), *(["--cron", "30 2 * * *"] if command == "deploy" else [])]


@pytest.mark.parametrize("command", ["build", "deploy"])
def test_nothing_large_is_imported_before_a_server_answers(command: str, tmp_path: Path) -> None:
    words = [*words_for(command, tmp_path / "never read.toml"), "--store", str(tmp_path / "s")]
    program = f"import sys; from purlieu.main import main; print(main({words!r}), *sys.modules)"
    environment = os.environ | {"PREFECT_API_URL": f"http://127.0.0.1:{free_port()}/api", "NO_PROXY": "*"}
    run = subprocess.run(
        [sys.executable, "-P", "-c", program], env=environment, capture_output=True, text=True, timeout=60
    )
    code, *modules = run.stdout.split()
    assert code == "1"
    assert "no Prefect server answers (Connection refused)" in run.stderr
    assert "flows.server" in modules
    assert not {"numpy", "pydantic", "prefect", "httpx", "dask"} & set(modules)


# A build without a server named starts one of its own.
@pytest.mark.parametrize(("command", "named"), [("build", True), ("deploy", True), ("deploy", False)])
def test_commands_say_in_one_line_that_no_server_is_there(
    command: str, named: bool, small_config: Path, tmp_path: Path
) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {"PREFECT_HOME": str(tmp_path / "prefect"), "NO_PROXY": "*"}
    if named:
        environment["PREFECT_API_URL"] = f"http://127.0.0.1:{free_port()}/api"
    run = subprocess.run(
        [
            sys.executable,
            "-P",
            "-m",
            "purlieu.main",
            *words_for(command, small_config),
            "--store",
            str(tmp_path / "s"),
            "--json",
        ],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    assert "prefect server start" in line
    assert ("Connection refused" if named else "it is not set") in line
    assert (command == "build") == ("--no-prefect" in line)
    assert json.loads(run.stdout)["error"]["type"] == "ServerUnavailable"
    assert not (tmp_path / "s").exists()
    assert not list(tmp_path.glob("prefect/*.db"))

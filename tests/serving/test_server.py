"""The server: where it listens, who may ask, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from artifacts.store import Store
from foundation.errors import ArtifactMissing, InvalidInput, InvalidParams
from purlieu.main import main
from serving.keys import plain_keys, read_keys
from serving.server import serve
from tests.serving.fake_engine import publish_version

ROOT = Path(__file__).parents[2]
# The server with engines that answer by rule.
SCRIPT = """
import functools, sys
import serving.server
from serving.api import create_app
from tests.serving.fake_engine import Opening
opening = Opening()
serving.server.create_app = functools.partial(create_app, opener=opening)
serving.server.serve(sys.argv[1], port=int(sys.argv[2]), api_key_file=sys.argv[3] if len(sys.argv) > 3 else None)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store")


class Process:
    """A server in a process of its own."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-W", "error", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert self.process.stderr is not None
        self.first_line = self.process.stderr.readline()

    @property
    def address(self) -> str:
        found = re.search(r"http://\S+", self.first_line)
        assert found, self.first_line
        return found[0]

    def end(self, number: int) -> tuple[int, str, str]:
        """Send a signal; the exit code, and what is left of stdout and stderr."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def served(store: Store) -> Iterator[Process]:
    publish_version(store, 1)
    process = Process("-c", SCRIPT, str(store.root), "0")
    yield process
    process.close()


def test_it_says_where_it_listens_when_it_does(served: Process, store: Store) -> None:
    assert re.fullmatch(
        rf"purlieu: serving {re.escape(str(store.root))} at http://127\.0\.0\.1:\d+\n", served.first_line
    )
    assert httpx.get(f"{served.address}/healthz").json() == {"status": "ok"}
    answer = httpx.post(f"{served.address}/v1/indexes/demo/similar", json={"ids": ["ant"], "k": 2}).json()
    assert len(answer["results"][0]) == 2


def test_a_signal_right_after_that_line_ends_it(served: Process) -> None:
    code, out, _ = served.end(signal.SIGTERM)
    assert (code, out) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_order_when_told_to(served: Process, number: int) -> None:
    httpx.get(f"{served.address}/v1/indexes/demo")
    code, out, err = served.end(number)
    assert (code, out) == (0, "")
    assert re.fullmatch(r"purlieu: index demo: serving version \w+\n", err)


def test_a_request_under_way_is_answered_before_the_end(served: Process) -> None:
    with socket.create_connection(("127.0.0.1", int(served.address.rpartition(":")[2])), timeout=30) as connection:
        body = b'{"ids":["ant"],"k":1}'
        head = b"POST /v1/indexes/demo/similar HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
        connection.sendall(head + body[:5])
        httpx.get(f"{served.address}/healthz")  # by now the first request is being read
        served.process.send_signal(signal.SIGTERM)
        connection.sendall(body[5:])
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert served.process.wait(30) == 0


def test_the_command_serves_an_empty_store_and_ends_quietly(store: Store) -> None:
    process = Process("-m", "purlieu.main", "serve", "--store", str(store.root), "--port", "0")
    try:
        assert httpx.get(f"{process.address}/v1/indexes").json() == {"indexes": []}
        assert process.end(signal.SIGINT) == (0, "", "")
    finally:
        process.close()


def test_keys_from_the_file_are_required_on_loopback_too(store: Store, tmp_path: Path) -> None:
    publish_version(store, 1)
    keys = tmp_path / "keys"
    keys.write_text("# for the tests\n\n  abc-123  \nother\n")
    process = Process("-c", SCRIPT, str(store.root), "0", str(keys))
    try:
        url = f"{process.address}/v1/indexes/demo"
        assert httpx.get(url).status_code == 401
        assert httpx.get(url, headers={"Authorization": "Bearer # for the tests"}).status_code == 401
        assert httpx.get(url, headers={"Authorization": "Bearer abc-123"}).status_code == 200
        assert httpx.get(f"{process.address}/healthz").status_code == 200
    finally:
        process.close()


def test_a_port_in_use_is_one_clear_line(store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidParams, match=f"port = {port} cannot be used; allowed: a free port"):
            serve(store, port=port)
        words = [sys.executable, "-P", "-m", "purlieu.main", "serve", "--store", str(store.root), "--port", str(port)]
        ended = subprocess.run(
            words, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
        )
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert str(port) in ended.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_beyond_loopback_nothing_listens_without_a_key_file(store: Store, host: str) -> None:
    with pytest.raises(InvalidParams, match=r"unless --api-key-file names a file") as found:
        serve(store, host=host, port=0)
    assert found.value.value == host


@pytest.mark.parametrize(
    ("host", "port", "wrong"),
    [("no.such.host.invalid", 0, "host"), ("127.0.0.1", 65536, "port"), ("127.0.0.1", -1, "port")],
)
def test_an_address_that_cannot_be_is_refused(store: Store, host: str, port: int, wrong: str) -> None:
    with pytest.raises(InvalidParams) as found:
        serve(store, host=host, port=port)
    assert found.value.name == wrong


def test_with_keys_an_address_of_another_machine_is_still_none_of_ours(store: Store, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("abc\n")
    with pytest.raises(InvalidParams, match="an address of this machine"):
        serve(store, host="192.0.2.1", port=0, api_key_file=keys)


def test_a_store_that_is_not_there_is_said_before_anything_listens(tmp_path: Path) -> None:
    with pytest.raises(ArtifactMissing, match="no store here"):
        serve(tmp_path / "nowhere")


def test_keys_are_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("one\n# two\n\n  three\t\r\none\n#\n")
    assert set(read_keys(path)) == set(plain_keys(["one", "three"]))


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
def test_a_key_file_without_keys_is_an_error(store: Store, tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys"
    path.write_text(text)
    with pytest.raises(InvalidInput, match="no key in the file"):
        serve(store, host="0.0.0.0", port=0, api_key_file=path)


@pytest.mark.parametrize(("text", "line"), [("good\nse cret\n", 2), ("schlüssel\n", 1), ("#\na\x07b\n", 2)])
def test_a_key_that_cannot_stand_in_a_header_is_an_error(tmp_path: Path, text: str, line: int) -> None:
    path = tmp_path / "keys"
    path.write_text(text)
    with pytest.raises(InvalidInput) as found:
        read_keys(path)
    assert found.value.line == line
    assert text.splitlines()[line - 1] not in str(found.value)


def test_a_key_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_keys(tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_keys(tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_keys(tmp_path / "binary")


def test_the_command_takes_limits_several_stores_and_writes_a_log_for_programs(store: Store, tmp_path: Path) -> None:
    other = Store.create(tmp_path / "other")
    words = ["serve", "--store", str(store.root), "--also", str(other.root), "--port", "0", "--threads", "2"]
    words += ["--queue", "3", "--wait", "1.5", "--time-limit", "9", "--batch", "1", "--cache", "0"]
    process = Process("-m", "purlieu.main", *words, "--cors-origin", "https://a.org", "--log", "json", "--log-queries")
    try:
        said = json.loads(process.first_line)
        assert said["event"] == "message"
        assert f"serving {store.root}, {other.root} at http://" in said["message"]
        address = said["message"].rpartition(" ")[2]
        answer = httpx.get(f"{address}/v1/status?x=1", headers={"Origin": "https://a.org"})
        assert answer.headers["access-control-allow-origin"] == "https://a.org"
        code, out, err = process.end(signal.SIGTERM)
    finally:
        process.close()
    assert (code, out) == (0, "")
    lines = [json.loads(line) for line in err.splitlines()]
    assert [(line["status"], line["query"]) for line in lines if line["event"] == "request"] == [(200, "x=1")]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--threads", "0"], 2),
        (["--queue", "-1"], 2),
        (["--wait", "0"], 2),
        (["--time-limit", "nan"], 2),
        (["--batch", "0"], 2),
        (["--cache", "plenty"], 2),
        (["--cors-origin", "*"], 2),
        (["--also", "nowhere-at-all"], 4),
    ],
)
def test_options_that_cannot_be_are_one_line(
    store: Store, capsys: pytest.CaptureFixture[str], words: list[str], code: int
) -> None:
    assert main(["serve", "--store", str(store.root), "--port", "0", *words]) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1

"""Key files: hashes with names and scopes, read again when they change, never worse than before."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from artifacts.store import Store
from foundation.errors import InvalidInput, InvalidParams
from purlieu.main import main
from serving import keys
from serving.api import create_app
from serving.keys import Key, KeyRing, hashed_line, new_key, plain_keys, read_keys
from tests.serving.fake_engine import Opening, publish_version
from tests.serving.live import Api, running

SECRET = "a-key-that-is-long-enough"
HASH = hashlib.sha256(SECRET.encode()).hexdigest()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the file at every request."""
    monkeypatch.setattr(keys, "LOOK_SECONDS", 0.0)


def write(path: Path, *lines: str) -> Path:
    """Replace a file as an editor does, so that it differs even within the clock's grain."""
    beside = path.with_suffix(".new")
    beside.write_text("".join(f"{line}\n" for line in lines))
    os.replace(beside, path)
    return path


def test_a_line_says_who_for_what_and_not_which_key(tmp_path: Path) -> None:
    line = hashed_line("ops", ["admin", "query", "admin"], SECRET)
    assert line == f"ops query,admin sha256:{HASH}"
    (found,) = read_keys(write(tmp_path / "keys", "# ours", "", f"  {line}  "))
    assert found == Key("ops", frozenset({"query", "admin"}), bytes.fromhex(HASH))


def test_bare_keys_are_still_read_and_are_for_queries(tmp_path: Path) -> None:
    found = read_keys(write(tmp_path / "keys", "old-key", f"ops admin sha256:{HASH}", "old-key"))
    assert [key.scopes for key in found] == [{"query"}, {"admin"}]
    assert found[0] == plain_keys(["old-key"])[0]


@pytest.mark.parametrize(
    "line",
    [
        f"sha256:{HASH}",
        f"ops sha256:{HASH}",
        f"ops query sha256:{HASH[:-1]}",
        f"ops query sha256:{HASH.upper()}",
        f"ops root sha256:{HASH}",
        f"ops query, sha256:{HASH}",
        f"ops query md5:{HASH}",
        f"o/ps query sha256:{HASH}",
        f"ops query sha256:{HASH} more",
    ],
)
def test_a_line_that_is_no_key_is_an_error_that_does_not_repeat_it(tmp_path: Path, line: str) -> None:
    with pytest.raises(InvalidInput) as found:
        read_keys(write(tmp_path / "keys", "# one", line))
    assert found.value.line == 2
    assert HASH[:20] not in str(found.value).lower()


@pytest.mark.parametrize(
    ("name", "scopes", "key"),
    [
        ("", ["query"], SECRET),
        ("a b", ["query"], SECRET),
        ("x" * 65, ["query"], SECRET),
        ("ops", [], SECRET),
        ("ops", ["query", "root"], SECRET),
        ("ops", ["query"], "short"),
        ("ops", ["query"], "a key with blanks, which is long"),
        ("ops", ["query"], "schlüssel-der-lang-genug-ist"),
    ],
)
def test_a_line_that_could_not_be_read_is_not_made(name: str, scopes: list[str], key: str) -> None:
    with pytest.raises(InvalidParams) as found:
        hashed_line(name, scopes, key)
    assert key not in str(found.value)


def test_new_keys_are_long_and_differ() -> None:
    made = {new_key() for _ in range(100)}
    assert len(made) == 100
    assert min(map(len, made)) >= 43


def test_a_key_is_found_among_many_and_no_other_is() -> None:
    ring = KeyRing(plain_keys([f"key-{number}" for number in range(50)]))
    assert all(ring.find(f"key-{number}") is not None for number in range(50))
    assert [ring.find(given) for given in ("", "key-", "key-50", "KEY-1", "key-1 ", "é")] == [None] * 6


@pytest.mark.usefixtures("at_once")
def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    path, said = write(tmp_path / "keys", "first-key"), []
    ring = KeyRing.of_file(path, said.append)
    assert ring.find("first-key") is not None
    write(path, "second-key", "third-key")
    assert ring.find("first-key") is None
    assert ring.find("second-key") is not None
    assert said == ["2 API keys read again"]


@pytest.mark.usefixtures("at_once")
def test_a_file_that_went_bad_leaves_the_keys_as_they_were(tmp_path: Path) -> None:
    path, said = write(tmp_path / "keys", "first-key"), []
    ring = KeyRing.of_file(path, said.append)
    for lines in (["two words"], [], ["# nothing"]):
        write(path, *lines)
        assert ring.find("first-key") is not None
        assert ring.problem is not None
    path.unlink()
    assert ring.find("first-key") is not None
    assert len(said) == 4
    assert all(line.startswith("the API keys stay as they were: ") for line in said)
    write(path, "second-key")
    assert ring.find("first-key") is None
    assert ring.problem is None


def test_the_file_is_not_looked_at_all_the_time(tmp_path: Path) -> None:
    path = write(tmp_path / "keys", "first-key")
    ring = KeyRing.of_file(path)
    write(path, "second-key")
    assert ring.find("first-key") is not None
    ring.look()
    assert ring.find("first-key") is None


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[Api, Path]]:
    store = Store.create(tmp_path / "store")
    publish_version(store, 1)
    path = write(tmp_path / "keys", "plain-key", hashed_line("ops", ["admin"], SECRET))
    app = create_app(store, opener=Opening(), api_keys=KeyRing.of_file(path))
    with running(app) as address, httpx.Client(base_url=address, timeout=30) as client:
        yield Api(client), path


def bearer(key: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {key}"}}


def test_a_key_is_good_for_its_scopes_alone(guarded: tuple[Api, Path]) -> None:
    api, _ = guarded
    assert api.get("/v1/indexes", **bearer("plain-key")).status_code == 200
    assert api.get("/v1/status", **bearer(SECRET)).status_code == 200
    for path, key, scope, known in (
        ("/v1/indexes", SECRET, "query", "admin"),
        ("/v1/status", "plain-key", "admin", "query"),
    ):
        refused = api.get(path, **bearer(key))
        found = api.problem(refused, 403)
        assert found["type"] == "urn:purlieu:problem:forbidden"
        assert found["detail"] == f"this key is for {known}; ask with one for {scope}"
        assert refused.headers["www-authenticate"] == f'Bearer error="insufficient_scope", scope="{scope}"'


def test_reloading_reads_the_keys_at_once_and_says_what_is_wrong_with_them(guarded: tuple[Api, Path]) -> None:
    api, path = guarded
    assert api.post("/v1/reload", **bearer(SECRET)).json()["keys"] == 2
    write(path, hashed_line("ops", ["admin"], SECRET))
    status = api.post("/v1/reload", **bearer(SECRET)).json()
    assert (status["keys"], status["keys_problem"]) == (1, None)
    api.problem(api.get("/v1/indexes", **bearer("plain-key")), 401)
    write(path, "no key at all")
    status = api.post("/v1/reload", **bearer(SECRET)).json()
    assert status["keys"] == 1
    assert status["keys_problem"] == "line 1: neither a key nor NAME SCOPES sha256:HEX"
    assert "purlieu_api_keys_stale 1.0" in api.get("/metrics").text.splitlines()


def test_the_command_makes_a_key_and_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "alice"]) == 0
    told = capsys.readouterr()
    key = told.err.split()[-1]
    (found,) = read_keys(write(tmp_path / "keys", told.out.strip()))
    assert (found.name, found.scopes) == ("alice", {"query"})
    assert KeyRing([found]).find(key) is not None
    assert key not in told.out
    assert main(["key", "ops", "--scope", "admin", "--scope", "query", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["line"] == hashed_line("ops", ["query", "admin"], made["key"])


def test_the_command_hashes_a_key_it_is_given(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{SECRET}\n"))
    assert main(["key", "ops", "--stdin"]) == 0
    told = capsys.readouterr()
    assert (told.out, told.err) == (f"ops query sha256:{HASH}\n", "")
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert main(["key", "ops", "--stdin"]) == 2
    assert "short" not in capsys.readouterr().err

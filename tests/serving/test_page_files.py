"""The files of the page as they are served, without a browser."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from artifacts.store import Store
from serving.api import create_app
from serving.page.files import BUILT
from tests.serving.live import running

PAGE = BUILT.parent


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    store = Store.create(tmp_path_factory.mktemp("files") / "store")
    app = create_app(store, api_keys=frozenset({"k" * 20}))
    with running(app) as address, httpx.Client(base_url=address) as client:
        yield client


def sources() -> list[Path]:
    top = [PAGE / name for name in ("build.mjs", "package.json", "package-lock.json", "tsconfig.json")]
    paths = [*top, *(path for path in (PAGE / "src").rglob("*") if path.is_file())]
    return sorted(paths, key=lambda path: path.relative_to(PAGE).as_posix())


def test_what_is_built_belongs_to_the_sources() -> None:
    digest = hashlib.sha256()
    for path in sources():
        digest.update(path.relative_to(PAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    recorded = json.loads((BUILT / "sources.json").read_text())["sources"]
    assert recorded == digest.hexdigest(), "the sources changed: run make page, and commit what it builds"


def test_names_hold_a_hash_of_the_content() -> None:
    hashed = [path for path in BUILT.iterdir() if path.name not in {"index.html", "sources.json"}]
    assert {path.suffix for path in hashed} == {".js", ".css", ".svg", ".txt"}
    for path in hashed:
        assert path.stem.rpartition("-")[2] == hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def test_the_page_names_only_files_that_are_there(client: httpx.Client) -> None:
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    links = set(re.findall(r'(?:src|href)="([^"]+)"', page.text))
    assert {link.partition("/")[0] for link in links} == {"assets", "openapi.json"}  # nothing of other hosts
    for link in links:
        found = client.get(f"/{link}")
        assert found.status_code == 200
        if link.startswith("assets/"):
            assert "immutable" in found.headers["cache-control"]
            assert found.content == (BUILT / link.removeprefix("assets/")).read_bytes()


def test_a_browser_that_has_the_page_gets_nothing_again(client: httpx.Client) -> None:
    tag = client.get("/").headers["etag"]
    again = client.get("/", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/", headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_browser_that_unpacks_gets_it_packed(client: httpx.Client) -> None:
    plain = client.get("/", headers={"Accept-Encoding": "identity"})
    packed = client.get("/", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])


def test_nothing_may_be_loaded_from_elsewhere_or_run_inline(client: httpx.Client) -> None:
    headers = client.get("/").headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "name", ["index.html", "sources.json", "nothing.js", "..%2Ffiles.py", "%2E%2E/files.py", "%00", "src/main.ts"]
)
def test_no_other_file_is_read(client: httpx.Client, name: str) -> None:
    found = client.get(f"/assets/{name}")
    assert found.status_code == 404
    assert found.headers["content-type"] == "application/problem+json"


def test_the_page_is_open_and_the_answers_want_the_key(client: httpx.Client) -> None:
    assert client.get("/").status_code == 200
    assert client.get("/v1/indexes").status_code == 401


def test_licences_of_what_the_page_contains_are_served_with_it() -> None:
    (licences,) = BUILT.glob("licences-*.txt")
    text = licences.read_text()
    packages = json.loads((PAGE / "package.json").read_text())["dependencies"]
    for name in packages.keys() - {"graphology-types"}:  # types leave nothing in the script
        assert f"{name} {packages[name]} (MIT)" in text

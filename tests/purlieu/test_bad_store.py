"""A store that is damaged, of another version, or somebody else's at the moment: exit code 4 or 1, and nothing lost."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from artifacts.manifest import sealed
from purlieu.main import main
from tests.purlieu.said import files, refused, said

SIMILAR = ("query", "small", "similar", "--node", "n001")
HOLDER = """
import sys
from artifacts.store import Store
with Store.create(sys.argv[1]).building("g"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def store(small_store: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(small_store, tmp_path / "store"))


def artifact(store: Path, kind: str) -> Path:
    return next((store / "objects").glob(f"{kind}-*"))


def release(store: Path) -> Path:
    return next((store / "indexes" / "small" / "versions").glob("*.json"))


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("find", "key"),
    [
        (lambda store: store / "store.json", "format_version"),
        (release, "format_version"),
        (lambda store: artifact(store, "embedding") / "manifest.json", "format_version"),
        (lambda store: artifact(store, "embedding") / "manifest.json", "kind_version"),
    ],
    ids=["store", "release", "manifest", "artifact"],
)
def test_another_format_version_is_refused(
    store: Path, capsys: pytest.CaptureFixture[str], find: Callable[[Path], Path], key: str
) -> None:
    path = find(store)
    fields = {**json.loads(path.read_text()), key: 7}
    path.write_text(sealed({name: value for name, value in fields.items() if name != "seal"}))
    error = refused(capsys, 4, *SIMILAR, "--store", store, "--json")
    assert "format version 7 cannot be read, this program reads 1" in error
    assert "build again into a new store" in error
    assert said(capsys, "verify", "small", "--store", store).code == 4


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"format_version": []}', "\udcff"],
    ids=["empty", "cut", "list", "bare", "odd", "raw"],
)
@pytest.mark.parametrize(
    "find",
    [lambda store: store / "store.json", release, lambda store: artifact(store, "embedding") / "manifest.json"],
    ids=["store", "release", "manifest"],
)
def test_json_that_is_not_ours_is_refused(
    store: Path, capsys: pytest.CaptureFixture[str], find: Callable[[Path], Path], text: str
) -> None:
    find(store).write_bytes(text.encode(errors="surrogateescape"))
    assert str(store) in refused(capsys, 4, *SIMILAR, "--store", store)
    assert said(capsys, "verify", "small", "--store", store, "--json").code == 4


@pytest.mark.parametrize("find", [release, lambda store: artifact(store, "embedding") / "manifest.json"])
def test_a_changed_figure_in_a_record_is_found_by_verify(
    store: Path, capsys: pytest.CaptureFixture[str], find: Callable[[Path], Path]
) -> None:
    replaced(
        find(store),
        '"n_walks": 20' if find is release else '"dim": 128',
        '"n_walks": 21' if find is release else '"dim": 129',
    )
    got = said(capsys, "verify", "small", "--store", store, "--json")
    assert got.code == 4
    assert str(find(store)) in got.out


def test_a_flipped_byte_is_found_by_verify_and_mended_by_force(
    store: Path, small_config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = artifact(store, "embedding") / "embedding.npy"
    data = bytearray(path.read_bytes())
    data[-5] ^= 4
    path.write_bytes(data)
    got = said(capsys, "verify", "small", "--store", store, "--json")
    document = json.loads(got.out)
    assert (got.code, document["ok"], len(document["bad"])) == (4, False, 1)
    assert document["bad"][0] == f"fastrp: {path}: its SHA-256 is not the manifest's"
    assert "build again with --force fastrp, or rollback to another version" in got.error
    words = ("build", small_config, "--no-prefect", "--store", store, "--force", "fastrp")
    assert said(capsys, *words).code == 0
    assert said(capsys, "verify", "small", "--store", store).code == 0


def test_a_truncated_file_and_a_missing_one_are_refused(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = artifact(store, "embedding") / "embedding.npy"
    path.write_bytes(path.read_bytes()[:-40])
    assert f"{path}: " in (error := refused(capsys, 4, *SIMILAR, "--store", store))
    assert "bytes on disk, the manifest says" in error
    path.unlink()
    assert f"{path}: a file of the artifact is not there" in refused(capsys, 4, *SIMILAR, "--store", store)
    shutil.rmtree(path.parent)
    assert f"{path.parent}: the artifact is not there" in refused(capsys, 4, *SIMILAR, "--store", store)
    assert json.loads(said(capsys, "verify", "small", "--store", store, "--json").out)["ok"] is False
    assert said(capsys, "query", "small", "search", "--text", "chess", "--store", store).code == 0


def test_a_damaged_cached_stage_is_named_by_the_build(
    store: Path, small_config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (artifact(store, "signatures") / "manifest.json").write_text("{")
    words = ("build", small_config, "--no-prefect", "--store", store)
    assert "run the same build with --force minhash" in refused(capsys, 4, *words)
    assert said(capsys, *words, "--force", "minhash").code == 0
    assert said(capsys, "verify", "small", "--store", store).code == 0


@pytest.mark.parametrize("text", [b"", b"abcdef\n", b"\xff\xfe\n", b"../../x\n"])
def test_a_pointer_to_nothing_is_refused_and_mended(
    store: Path, small_config: Path, capsys: pytest.CaptureFixture[str], text: bytes
) -> None:
    version = release(store).stem
    (store / "indexes" / "small" / "CURRENT").write_bytes(text)
    error = refused(capsys, 4, *SIMILAR, "--store", store)
    assert "CURRENT: names version " in error
    assert error.endswith(f"build again, or: purlieu rollback small VERSION ({version})")
    assert said(capsys, "query", f"small@{version}", *SIMILAR[2:], "--store", store).code == 0
    assert said(capsys, "ls", "--store", store).code == 0
    assert said(capsys, "rollback", "small", version, "--store", store).code == 0
    assert said(capsys, *SIMILAR, "--store", store).code == 0


def test_a_build_mends_the_release_it_would_write(
    store: Path, small_config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release(store).write_text("{")
    refused(capsys, 4, *SIMILAR, "--store", store)
    assert said(capsys, "build", small_config, "--no-prefect", "--store", store).code == 0
    assert said(capsys, *SIMILAR, "--store", store).code == 0


def test_one_damaged_release_does_not_hide_the_others(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = release(store).with_name("0123456789ab.json")
    damaged.write_text(release(store).read_text()[:50])
    got = said(capsys, "ls", "--store", store)
    assert got.code == 4
    assert str(damaged) in got.error
    assert "small" in got.out
    got = said(capsys, "ls", "--store", store, "--json")
    document = json.loads(got.out)
    assert [row["version"] for row in document["versions"]] == [
        path.stem for path in damaged.parent.glob("*.json") if path != damaged
    ]
    assert [str(damaged) in line for line in document["damaged"]] == [True]
    before = files(store)
    assert str(damaged) in refused(capsys, 4, "gc", "--store", store)  # what it names is not known: nothing goes
    assert files(store) == before
    assert said(capsys, *SIMILAR, "--store", store).code == 0


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        ("rollback small ffff", 3, "no version 'ffff' in index small; the nearest are "),
        ("rollback nope ffff", 3, "no index 'nope' in "),
        ("verify nope", 3, "no index 'nope' in "),
        ("show small@ffff", 3, "no version 'ffff' in index small"),
        ("gc --keep 0", 2, "--keep = 0 cannot be used; allowed: at least 1"),
    ],
)
def test_a_command_about_what_is_not_there_is_refused(
    small_store: Path, capsys: pytest.CaptureFixture[str], words: str, code: int, what: str
) -> None:
    before = files(small_store)
    assert what in refused(capsys, code, *words.split(), "--store", small_store)
    if words.startswith("verify"):
        assert json.loads(said(capsys, *words.split(), "--json", "--store", small_store).out)["error"]["exit_code"] == 3
    assert files(small_store) == before


def test_a_place_without_a_store_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place in (tmp_path / "none", tmp_path):
        for words in (("ls",), SIMILAR, ("verify", "small")):
            assert f"{place}: no store here; build one" in refused(capsys, 4, *words, "--store", place)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def graph_config(tmp_path: Path) -> Path:
    (tmp_path / "edges.tsv").write_text("a\tb\nb\tc\n")
    config = tmp_path / "g.toml"
    config.write_text('name = "g"\n[graph]\nsource = "edges.tsv"\n')
    return config


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the right to build ``g`` until it is killed or told to end."""
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "store")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_build_names_the_first_and_takes_over_when_it_dies(
    holder: subprocess.Popen[str], graph_config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("build", graph_config, "--no-prefect", "--store", tmp_path / "store")
    error = refused(capsys, 1, *words, "--json")
    assert f"locked by process {holder.pid} on " in error
    assert "(building g, since " in error
    assert "locked by process" in refused(capsys, 1, *words, "--set", "runtime.lock_wait=0.2")
    assert "locked by" in refused(capsys, 1, "gc", "--store", tmp_path / "store")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert said(capsys, *words).code == 0


def test_lock_wait_makes_the_second_build_wait(
    holder: subprocess.Popen[str], graph_config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    let_go = threading.Timer(0.5, holder.communicate, ["\n"])
    let_go.start()
    words = ["build", str(graph_config), "--no-prefect", "--store", str(tmp_path / "store")]
    assert main([*words, "--set", "runtime.lock_wait=120"]) == 0
    let_go.join()
    assert f"waiting for process {holder.pid} on " in capsys.readouterr().err

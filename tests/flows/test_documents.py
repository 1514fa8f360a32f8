"""Documents added and removed, by what is answered then, against an index built from all of the same documents."""

from __future__ import annotations

import json
import random
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from artifacts import publish
from artifacts.publish import collect_garbage, current_version, point_current, read_release, releases
from artifacts.store import Store
from flows import documents
from flows.documents import MAX_SEGMENTS, add_documents, remove_documents
from flows.run import BuildReport, run_build
from flows.settings import read_config
from foundation.errors import InvalidInput, NotBuilt, StoreLocked, UnknownId
from purlieu.main import main
from serving.catalog import Catalog
from serving.engine import Engine
from tests.serving.live import until
from tests.static_model import write_static_model

WORDS = (
    *("video", "audio", "codec", "stream", "music", "player", "network"),
    *("proxy", "server", "chess", "board", "game", "compiler"),
)
CONFIG = """
name = "texts"
[graph]
source = "edges.tsv"
[corpus]
source = "docs.jsonl"
fields = ["title", "topic", "year"]
encoder = { kind = "static", path = "model" }
[muvera]
num_repetitions = 4
k_sim = 2
d_proj = 8
n_heldout = 10
n_candidates = 100000
[lexical]
[runtime]
part_docs = 16
"""
ROOT = Path(__file__).parents[2]
QUERIES = ["video codec", "chess board game", "music", "proxy server network compiler"]
Documents = dict[str, dict[str, Any]]


class Home(NamedTuple):
    """A store of its own with an index, its config, and the documents it was built from."""

    store: Store
    config: Path
    documents: Documents

    def build(self, *, store: Store | None = None, **options: Any) -> BuildReport:
        return run_build(read_config(self.config), store or self.store, **options)

    def write(self, found: Documents, name: str = "docs.jsonl") -> Path:
        return write(self.config.with_name(name), found.values())

    def add(self, *found: dict[str, Any]) -> documents.DocumentsReport:
        return add_documents(self.store, "texts", write(self.config.with_name("more.jsonl"), found))

    def remove(self, *ids: str, **options: Any) -> documents.DocumentsReport:
        return remove_documents(self.store, "texts", ids, **options)


def write(path: Path, found: Any) -> Path:
    path.write_text("".join(json.dumps(document) + "\n" for document in found))
    return path


def document(number: int, dice: random.Random) -> dict[str, Any]:
    words = dice.choices(WORDS, k=9)
    record = {"_id": f"d{number:03d}", "title": " ".join(words[:2]), "text": " ".join(words[2:])}
    return record | {"topic": words[0], "year": 2000 + number % 7} if number % 5 else record


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """An index that must not be changed."""
    directory, dice = tmp_path_factory.mktemp("texts"), random.Random(1)
    found = {one["_id"]: one for one in (document(number, dice) for number in range(40))}
    (directory / "edges.tsv").write_text("d001\td002\nd002\td003\nd003\td100\nd100\td001\n")
    (directory / "texts.toml").write_text(CONFIG)
    write_static_model(directory / "model", [*WORDS, "the", "of"], dim=16, faint="the", zero="of")
    home = Home(Store.create(directory / "store"), directory / "texts.toml", found)
    home.write(found)
    home.build()
    return home


@pytest.fixture
def home(built: Home, tmp_path: Path) -> Home:
    """A copy to change."""
    shutil.copytree(built.config.parent, tmp_path / "texts")
    return Home(Store.open(tmp_path / "texts" / "store"), tmp_path / "texts" / "texts.toml", dict(built.documents))


def answers(store: Store, version: str | None = None) -> dict[str, Any]:
    """All an index says of its documents, scores to seven digits where encodings are kept in half precision."""
    engine, said = Engine.open(store, "texts", version), {}
    k = min(12, engine.n_docs)
    for ranking in ("tokens", "words", "both"):
        said[ranking] = engine.search(QUERIES, k=k, ranking=ranking)["results"]
    unranked = engine.search(QUERIES, k=engine.n_docs, ranking="tokens", rerank=False)["results"]
    said["encodings"] = [{hit["id"]: pytest.approx(hit["score"], abs=1e-3) for hit in hits} for hits in unranked]
    said["nodes"] = engine.nodes(limit=10)
    said["n_docs"] = engine.n_docs
    return said


def rebuilt(home: Home, found: Documents) -> Store:
    """A store of its own, built from exactly these documents."""
    directory = home.config.parent / "oracle"
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(home.config.parent, directory, ignore=shutil.ignore_patterns("store", "oracle"))
    oracle = Home(Store.create(directory / "store"), directory / "texts.toml", found)
    oracle.write(found)
    oracle.build()
    return oracle.store


def ids_of(hits: Sequence[dict[str, Any]]) -> list[str]:
    return [hit["id"] for hit in hits]


@pytest.mark.parametrize("seed", [0, 1])
def test_any_sequence_of_changes_answers_as_an_index_of_the_same_documents(home: Home, seed: int) -> None:
    dice, found = random.Random(seed), dict(home.documents)
    for _ in range(3):
        for _ in range(dice.randrange(1, 4)):
            if dice.random() < 0.6:
                more = {
                    one["_id"]: one
                    for one in (document(dice.randrange(120), dice) for _ in range(1 + dice.randrange(4)))
                }
                report = home.add(*more.values())
                assert report.replaced == len(found.keys() & more.keys())
                found |= more
            else:
                gone = dice.sample(sorted(found), dice.randrange(1, 5))
                assert home.remove(*gone).removed == len(gone)
                found = {id: one for id, one in found.items() if id not in gone}
        assert answers(home.store) == answers(rebuilt(home, found))
    home.build()
    assert answers(home.store) == answers(rebuilt(home, found))


def test_a_document_added_again_replaces_itself_and_one_removed_may_come_back(home: Home) -> None:
    new = {"_id": "d001", "title": "zebra", "text": "chess", "year": 1}
    assert home.add(new).replaced == 1
    assert Engine.open(home.store, "texts").search(["chess"], ranking="words", k=1)["results"][0][0]["title"] == "zebra"
    assert home.add(new).unchanged
    home.remove("d001")
    assert "d001" not in {id for hits in answers(home.store)["words"] for id in ids_of(hits)}
    report = home.add(home.documents["d001"])
    assert (report.replaced, report.removed_since) == (0, 0)
    assert answers(home.store) == answers(home.store, report.version) == answers(rebuilt(home, home.documents))


def test_segments_stay_few_however_many_documents_come_one_by_one(home: Home) -> None:
    counts = [home.add({"_id": f"x{number}", "text": f"chess {number}"}).segments for number in range(17)]
    assert max(counts) <= MAX_SEGMENTS
    assert Engine.open(home.store, "texts").n_docs == 57
    assert counts[15] == 1  # sixteen documents, doubled four times


def test_a_version_is_rolled_back_to_and_the_next_change_starts_from_there(home: Home) -> None:
    before = answers(home.store)
    first = home.add({"_id": "x", "text": "chess chess chess"})
    assert main(["rollback", "texts", first.before, "--store", str(home.store.root)]) == 0
    assert answers(home.store) == before
    home.remove("d000")
    assert "x" not in {id for hits in answers(home.store)["words"] for id in ids_of(hits)}
    assert len(releases(home.store, "texts")) == 3


def test_the_store_verifies_shows_and_keeps_what_a_grown_version_names(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    home.add({"_id": "x", "text": "chess"})
    words = ["--store", str(home.store.root), "--json"]
    assert main(["verify", "texts", *words]) == 0
    capsys.readouterr()
    assert main(["show", "texts", *words]) == 0
    assert "segment.1.tokens" in capsys.readouterr().out
    before = answers(home.store)
    collect_garbage(home.store, 1)
    assert len(releases(home.store, "texts")) == 1
    assert answers(home.store) == before
    segment = home.store.bring(read_release(home.store, "texts").stages["segment.1.tokens"]) / "vectors.npy"
    segment.write_bytes(segment.read_bytes()[:-1] + b"\x01")
    assert main(["verify", "texts", *words]) == 4


def test_a_build_takes_in_what_the_source_does_not_hold(home: Home) -> None:
    extra = document(77, random.Random(7))
    home.add(extra)
    home.remove("d003")
    notes: list[str] = []
    report = home.build(say=notes.append)
    assert "1 added and 1 removed documents are carried over" in " ".join(notes)
    found = {id: one for id, one in home.documents.items() if id != "d003"} | {"d077": extra}
    stages = read_release(home.store, "texts").stages
    assert "segments" not in stages
    assert "additions" in stages
    assert answers(home.store) == answers(rebuilt(home, found))
    assert not report.unchanged
    home.build()  # now they were held against this source
    assert home.build().unchanged
    assert home.add({"_id": "x", "text": "chess"}).carried == 2


def test_once_the_source_holds_the_changes_a_build_is_that_of_the_source_alone(home: Home) -> None:
    extra = document(77, random.Random(7))
    home.add(extra)
    home.remove("d003")
    found = {id: one for id, one in home.documents.items() if id != "d003"} | {"d077": extra}
    home.write(found)
    notes: list[str] = []
    version = home.build(say=notes.append).version
    assert "2 changes of documents are in the source now" in notes
    assert version == home.build(store=Store.create(home.config.parent / "plain")).version
    assert answers(home.store) == answers(rebuilt(home, found))


def test_additions_are_forgotten_when_asked(home: Home) -> None:
    version = home.build().version
    home.add({"_id": "x", "text": "chess"})
    assert home.build(discard_added=True).version == version


def test_the_old_version_is_served_when_a_change_dies_and_the_next_one_works(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, version = answers(home.store), current_version(home.store, "texts")

    def dies(*words: Any) -> None:
        raise KeyboardInterrupt

    for place in ("write_release", "point_current"):
        with monkeypatch.context() as patched:
            patched.setattr(documents, place, lambda *words, **options: dies())
            with pytest.raises(KeyboardInterrupt):
                home.add({"_id": "x", "text": "chess"})
        assert current_version(home.store, "texts") == version
        assert answers(home.store) == before
    home.add({"_id": "x", "text": "chess"})
    assert Engine.open(home.store, "texts").n_docs == 41


def test_two_changes_at_a_time_take_turns(home: Home) -> None:
    with home.store.building("texts"), pytest.raises(StoreLocked, match="building texts"):
        home.add({"_id": "x", "text": "chess"})
    assert home.add({"_id": "x", "text": "chess"}).added == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"_id": "x", "text": 3}', "line 2: the text 'text' is a number"),
        (
            '{"_id": "x", "text": "a", "year": "late"}',
            "line 2: the field 'year' is a string, in the index it is a number",
        ),
        ('{"text": "a"}', "line 2: there is no id"),
        ('{"_id": "ok", "text": "a"}', "line 2: id 'ok' was already used in line 1"),
        ("{", "line 2: this is not JSON"),
    ],
)
def test_a_bad_document_is_named_and_nothing_is_added(home: Home, line: str, said: str) -> None:
    version = current_version(home.store, "texts")
    path = home.config.with_name("bad.jsonl")
    path.write_text('{"_id": "ok", "text": "fine"}\n' + line + "\n")
    with pytest.raises(InvalidInput) as error:
        add_documents(home.store, "texts", path)
    assert str(path) in str(error.value)
    assert said in str(error.value).replace(":2:", " line 2:")
    assert current_version(home.store, "texts") == version


def test_unknown_ids_and_the_last_documents_are_not_removed(home: Home) -> None:
    with pytest.raises(UnknownId, match="nobody"):
        home.remove("d001", "nobody")
    assert home.remove("d001", "nobody", missing_ok=True).removed == 1
    with pytest.raises(UnknownId):
        home.remove("d001")
    with pytest.raises(InvalidInput, match="no document would be left"):
        home.remove(*(id for id in home.documents if id != "d001"))


def test_an_index_without_documents_has_none_to_add_to(home: Home, tmp_path: Path) -> None:
    config = home.config.with_name("links.toml")
    config.write_text('name = "links"\n[graph]\nsource = "edges.tsv"\n')
    run_build(read_config(config), home.store)
    with pytest.raises(NotBuilt):
        add_documents(home.store, "links", home.write({}, "none.jsonl"))


def test_the_command_says_what_it_did(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    more = home.write({"x": {"_id": "x", "text": "chess"}}, "more.jsonl")
    store = ["--store", str(home.store.root)]
    assert main(["documents", "add", "texts", str(more), *store, "--json"]) == 0
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert (said["added"], said["replaced"], said["n_docs"], said["segments"]) == (1, 0, 41, 1)
    assert err.splitlines()
    assert all(" parts " in line for line in err.splitlines())  # how far it is
    listed = home.config.with_name("ids.txt")
    listed.write_text("x\n\nd001\n")
    assert main(["documents", "remove", "texts", "--file", str(listed), *store]) == 0
    assert "2 removed, 39 documents" in capsys.readouterr().out
    assert main(["documents", "remove", "texts", *store]) == 2
    assert main(["documents", "remove", "texts", "x", *store]) == 3
    assert main(["documents", "add", "texts", str(more), "--wait", "-1", *store]) == 2


def test_a_running_service_takes_the_change_over(home: Home) -> None:
    catalog = Catalog(home.store, look_seconds=0.0)
    first = catalog.ask("texts").result(120).engine
    report = home.add({"_id": "x", "text": "chess chess chess"})
    until(lambda: catalog.ask("texts").result(120).engine.version == report.version, seconds=120)
    new = catalog.ask("texts").result(120).engine
    said = [engine.search(["chess"], ranking="words", k=1)["results"][0][0]["id"] == "x" for engine in (first, new)]
    assert said == [False, True]


def test_the_commands_of_the_page_work(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "documents.md").read_text()
    monkeypatch.chdir(home.config.parent)
    monkeypatch.setenv("PURLIEU_STORE", str(home.store.root))
    Path("new.jsonl").write_text(page.split("```json\n")[1].split("```")[0])
    lines = page.split("```console\n")[1].split("```")[0].splitlines()
    assert len(lines) == 5
    for line in lines:
        assert main(shlex.split(line.removeprefix("$ purlieu ").replace("debian", "texts"))) == 0
    assert Engine.open(home.store, "texts").n_docs == len(home.documents)


def test_released_versions_stay_as_they_were(home: Home) -> None:
    before = answers(home.store)
    old = current_version(home.store, "texts")
    home.add({"_id": "x", "text": "chess"})
    assert answers(home.store, old) == before
    assert publish.damage(home.store, read_release(home.store, "texts", old))[1] == []
    assert old is not None
    point_current(home.store, "texts", old)
    assert answers(home.store) == before

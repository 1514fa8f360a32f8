"""``purlieu query … labels``: how many communities there are, and when links do not make as few as were asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from purlieu.main import main
from tests.purlieu.said import refused


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three rings of six without a link between them, and two more that one link joins: five communities."""
    folder = tmp_path_factory.mktemp("rings")
    rings = [(f"r{ring}.{i}", f"r{ring}.{(i + 1) % 6}") for ring in range(5) for i in range(6)]
    edges = [*rings, ("r3.0", "r4.0")]
    (folder / "edges.tsv").write_text("".join(f"{src}\t{dst}\n" for src, dst in edges))
    config = folder / "rings.toml"
    config.write_text('name = "rings"\n[graph]\nsource = "edges.tsv"\ndirected = false\n[labels]\nresolution = 0.5\n')
    assert main(["build", str(config), "--no-prefect", "--store", str(folder / "store")]) == 0
    return folder / "store"


def ask(store: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[dict[str, Any], list[str]]:
    """The document, and the last lines that people see, from how many communities there are."""
    command = ["query", "rings", "labels", "--node", "r0.0", "r3.1", "--store", str(store), *words]
    capsys.readouterr()
    assert main([*command, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    first = next(number for number, line in enumerate(lines) if " in all" in line)
    return document, lines[first:]


def test_every_answer_says_how_many_communities_there_are(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer, lines = ask(store, capsys)
    assert (answer["n_left"], answer["n_communities"], answer["notes"]) == (5, 5, [])
    assert lines == ["5 communities in all"]
    answer, lines = ask(store, capsys, "--communities", "4")
    assert (answer["n_left"], answer["n_communities"], answer["notes"]) == (4, 5, [])
    assert lines == ["4 communities in all after merging; 5 were found"]
    assert [hit["size"] for (hit,) in answer["results"]] == [6, 12]


def test_fewer_than_links_make_are_given_with_a_note(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer, lines = ask(store, capsys, "--communities", "2")
    assert (answer["n_left"], answer["n_communities"]) == (2, 5)
    (note,) = answer["notes"]
    assert note.startswith("the fewest communities that links make are 4: no link leads from one of them to another")
    assert note.endswith("for 2 some were joined without; ask for 4 or more")
    assert lines == ["2 communities in all after merging; 5 were found", f"note: {note}"]
    assert ask(store, capsys, "--communities", "1")[1][0] == "1 community in all after merging; 5 were found"


def test_an_id_is_named_as_it_was_written(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = refused(capsys, 3, "query", "rings", "labels", "--node", "r0.0   r1.1", "--store", store)
    assert error.startswith("no node 'r0.0   r1.1' in index rings; ")

"""Tables of answers: one line a row whatever the data hold, and beside each hit what the corpus keeps."""

from __future__ import annotations

import pytest

from purlieu.commands.shown import print_hits
from purlieu.tables import print_table


def test_controls_in_the_data_are_escaped_so_that_a_row_keeps_to_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["id", "what"], [['ghost\n"49"', "\x1b[31mred\ttape"], ["žluť 🦆", "plain"]])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["id", 'ghost\\n"49"', "žluť 🦆"]
    assert lines[1].endswith("\\x1b[31mred\\ttape")


@pytest.mark.parametrize(
    ("fields", "header"),
    [
        ({"section": "web", "title": "server"}, ["id", "score", "title"]),
        ({"name": "server", "price": 3}, ["id", "score", "name"]),
        ({"label": 3, "size": 4, "ranks": {}, "why": {}}, ["id", "score"]),
        ({}, ["id", "score"]),
    ],
)
def test_beside_a_hit_stands_its_title_or_the_first_of_the_fields_kept(
    capsys: pytest.CaptureFixture[str], fields: dict[str, object], header: list[str]
) -> None:
    print_hits([{"id": "a", "score": 1.0}, {"id": "b", **fields, "score": 0.5}])
    first, *rows = capsys.readouterr().out.splitlines()
    assert first.split() == header
    assert [row.split()[0] for row in rows] == ["a", "b"]
    assert ("server" in rows[1]) == ("server" in fields.values())

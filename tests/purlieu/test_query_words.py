"""``purlieu query``: filters, parts of the graph and explanations are those of the engine, as JSON and as tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from purlieu.commands.asked import condition
from purlieu.main import main
from serving.engine import Engine
from tests.purlieu.said import refused


@pytest.fixture(scope="module")
def engine(small_store: Path) -> Engine:
    return Engine.open(small_store, "small")


ASKED: dict[str, Callable[[Engine], dict[str, Any]]] = {
    "similar --node n000 -k 3 --where topic=chess --where topic=music": lambda engine: engine.similar(
        ["n000"], k=3, where={"topic": ["chess", "music"]}
    ),
    "similar --node n000 n001 -k 3 --near n004=2 n005": lambda engine: engine.similar(
        ["n000", "n001"], k=3, near={"n004": 2.0, "n005": 1.0}
    ),
    'search --text chess -k 3 --where {"not":{"topic":"chess"}}': lambda engine: engine.search(
        ["chess"], k=3, where={"not": {"topic": "chess"}}
    ),
    'search --text chess -k 3 --where topic=music --where {"title":{"ge":"p"}}': lambda engine: engine.search(
        ["chess"], k=3, where={"and": [{"topic": "music"}, {"title": {"ge": "p"}}]}
    ),
    "search --text chess --text video -k 3 --within n004=2 --explain": lambda engine: engine.search(
        ["chess", "video"], k=3, within={"seeds": {"n004": 2.0}}, explain=True
    ),
    "search --text chess -k 3 --within n004 n009 --within-by community --within-size 20": lambda engine: engine.search(
        ["chess"], k=3, within={"seeds": {"n004": 1.0, "n009": 1.0}, "by": "community", "size": 20}
    ),
    "search --text chess -k 3 --within n004 --within-by label": lambda engine: engine.search(
        ["chess"], k=3, within={"seeds": {"n004": 1.0}, "by": "label"}
    ),
    "related --seed n004 n009 -k 4 --text chess --weight ppr=2 search=0.5": lambda engine: engine.related(
        ["n004", "n009"], text="chess", k=4, weights={"ppr": 2.0, "search": 0.5}
    ),
    "related --seed n004": lambda engine: engine.related(["n004"]),
    "explain --node n004 --node n009 -k 3": lambda engine: engine.explain("n004", "n009", k=3),
    "explain --node n000 virtual": lambda engine: engine.explain("n000", "virtual"),
}


@pytest.mark.parametrize("words", ASKED)
def test_a_question_is_answered_as_the_engine_does(
    small_store: Path, engine: Engine, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    command = ["query", "small", *words.split(), "--store", str(small_store)]
    assert main([*command, "--json"]) == 0
    answer = ASKED[words](engine)
    assert json.loads(capsys.readouterr().out) == answer
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert engine.version in shown
    assert all(str(hit["id"]) in shown for hits in answer["results"] for hit in hits)


def test_explanations_are_shown_in_words(small_store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query = ["query", "small"]
    at = ["--store", str(small_store)]
    assert main([*query, "search", "--text", "music", "-k", "1", "--explain", *at]) == 0
    shown = capsys.readouterr().out
    assert "rank 1 by tokens" in shown
    assert "matches" in shown
    assert main([*query, "explain", "--node", "n000", "virtual", *at]) == 0
    assert "n000 - virtual" in capsys.readouterr().out
    assert main([*query, "explain", "--node", "n004", "n009", *at]) == 0
    shown = capsys.readouterr().out
    assert "neighbours of both" in shown
    assert "n009 for n004" in shown


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        ("search --text chess --where topic", 2, "--where 'topic' compares nothing; write FIELD=VALUE, or JSON"),
        ("search --text chess --where =x", 2, "--where '=x' compares nothing"),
        ('search --text chess --where {"topic"', 2, "is no JSON; write FIELD=VALUE, or JSON"),
        ("search --text chess --where topc=x", 2, "there is no field 'topc' to filter by; did you mean 'topic'?"),
        ('similar --node n000 --where {"topic":3}', 2, "the field holds strings, the filter asks for 3"),
        ("similar --node n000 --near n00x", 3, "no node 'n00x' in index small"),
        ("similar --node n000 --near n001=0", 2, "seed 'n001' has weight 0.0"),
        ("search --text chess --within n00x", 3, "no node 'n00x' in index small"),
        ("search --text chess --within =1", 2, "--within '=1' names no node; write ID or ID=WEIGHT"),
        ("search --text chess --within-size 3", 2, "--within-by and --within-size without --within; name nodes"),
        ("search --text chess --within n000 --within-by label --within-size 3", 2, "within by label has a size"),
        ("search --text chess --within n000 --within-size 301", 2, "size = 301; ask for 1 to 300"),
        ("related --seed n00x", 3, "no node 'n00x' in index small"),
        ("related --seed n000 --weight ppr", 2, "--weight 'ppr' has no number; write SIGNAL=WEIGHT"),
        ("related --seed n000 --weight likeness=1", 2, "no signal 'likeness'"),
        ("related --seed n000 --weight ppr=nan", 2, "signal ppr has weight nan"),
        ("explain --node n000", 2, "explain of 1 nodes; name two: --node A --node B"),
        ("explain --node n000 n001 n002", 2, "explain of 3 nodes"),
        ("explain --node n000 n000", 2, "'n000' and 'n000' are one node; name two"),
        ("explain --node n000 n00x", 3, "no node 'n00x' in index small"),
        ("explain --node n000 n001 -k 101", 2, "k = 101; ask for 1 to 100"),
    ],
)
def test_a_bad_question_is_refused(
    small_store: Path, capsys: pytest.CaptureFixture[str], words: str, code: int, what: str
) -> None:
    command = ("query", "small", *words.split(), "--store", small_store)
    assert what in refused(capsys, code, *command)
    assert what in refused(capsys, code, *command, "--json")


def test_words_of_a_filter_become_one_condition() -> None:
    assert condition(None) is None
    assert condition(["a=1"]) == {"a": "1"}
    assert condition(["a=1", "b=x=y", "a=2"]) == {"a": ["1", "2"], "b": "x=y"}
    assert condition(['{"a": {"ge": 1}}']) == {"a": {"ge": 1}}
    assert condition(['{"a": 1}', "b=", '{"c": 2}']) == {"and": [{"b": ""}, {"a": 1}, {"c": 2}]}

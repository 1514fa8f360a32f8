"""Every error crosses a process boundary whole, and is caught by the builtin a stranger would name."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import re
from typing import Any

import pytest

from foundation import errors
from foundation.errors import EngineError

CAUGHT_AS = {
    "InvalidParams": ValueError,
    "InvalidConfig": ValueError,
    "InvalidInput": ValueError,
    "InvalidQuery": ValueError,
    "UnknownId": LookupError,
    "NotBuilt": LookupError,
    "NotOffered": NotImplementedError,
    "MissingExtra": ImportError,
    "ArtifactMissing": FileNotFoundError,
    "ArtifactCorrupt": OSError,
    "ArtifactVersion": ValueError,
    "StoreUnavailable": OSError,
    "StoreLocked": RuntimeError,
    "ClusterUnavailable": ConnectionError,
    "SourceUnavailable": ConnectionError,
    "ClusterMismatch": RuntimeError,
    "PartitionFailed": RuntimeError,
    "StageTimeout": TimeoutError,
    "GateFailed": RuntimeError,
    "ServerUnavailable": ConnectionError,
    "ServiceFailed": RuntimeError,
    "TargetMissed": RuntimeError,
    "NotConverged": RuntimeError,
}
CLASSES = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, EngineError) and kind is not EngineError
]
FACTS = {"str": "fact", "int": 7, "int | None": 7, "float": 0.25, "object": {"a": 1}}
TUPLES = {"tuple[str, ...]": ("near", "nearer"), "tuple[int, ...]": (1, 2)}


def example(kind: type[EngineError]) -> EngineError:
    """An error whose every field says something of its own."""
    facts: dict[str, Any] = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        value = {**FACTS, **TUPLES}[str(field.type)]
        facts[field.name] = f"the {field.name}" if value == "fact" else value
    return kind(**facts)


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_survives_pickling_with_equal_text_and_fields(kind: type[EngineError]) -> None:
    error = example(kind)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is kind
        assert str(again) == str(error)
        assert vars(again) == vars(error)


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_is_caught_by_its_builtin(kind: type[EngineError]) -> None:
    with pytest.raises(CAUGHT_AS[kind.__name__]):
        raise example(kind)


@pytest.mark.parametrize("kind", CLASSES)
def test_the_text_is_one_line_that_holds_every_fact(kind: type[EngineError]) -> None:
    error = example(kind)
    text = str(error)
    assert "\n" not in text
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        fact = getattr(error, field.name)
        for part in fact if isinstance(fact, tuple) else (fact,):
            assert str(part) in text, f"{field.name} is not in the text"


def test_the_tree_at_the_top_of_the_file_names_every_class_and_its_builtin() -> None:
    drawn = dict(re.findall(r"[├└]── (\w+)\s+\((\w+)\)", errors.__doc__ or ""))
    assert drawn == {name: builtin.__name__ for name, builtin in CAUGHT_AS.items()}
    assert {kind.__name__ for kind in CLASSES} == set(CAUGHT_AS)


def test_input_without_lines_and_config_without_a_key_read_well() -> None:
    no_line = errors.InvalidInput(source="a.tsv", what="it is empty", fix="write edges into it")
    assert str(no_line) == "a.tsv: it is empty; write edges into it"
    with_line = errors.InvalidInput(source="a.tsv", what="one column", fix="add the other", line=3)
    assert str(with_line) == "a.tsv, line 3: one column; add the other"
    whole_file = errors.InvalidConfig(path="a.toml", key="", what="no table", fix="add one")
    assert str(whole_file) == "a.toml: no table; add one"
    unknown = errors.UnknownId(kind="node", id="x", where="graph")
    assert str(unknown) == "no node 'x' in graph; check the spelling"
    nothing = errors.NotBuilt(index="demo", question="search", table="muvera")
    assert str(nothing).endswith("no table [muvera]; add it and build again")

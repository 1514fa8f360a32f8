"""What schemathesis is told of this service: ids that are there, and a check of our own."""

from __future__ import annotations

import zlib
from typing import Any

import schemathesis
from schemathesis import GenerationMode

N_NODES = 299  # of the small index: n000, n001, …


def _whole(value: Any) -> Any:
    """JSON Schema takes 7.0 for an integer; bodies are read strictly, so it is asked as 7."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _known(id: Any, number: int) -> Any:
    """An id that is there, in place of one that is an id."""
    id = _whole(id)
    return f"n{number % N_NODES:03d}" if isinstance(id, str) and len(id) <= 100 else id


def _seen(body: dict[str, Any]) -> dict[str, Any]:
    drawn = zlib.crc32(repr(body).encode("utf-8", "surrogatepass"))
    known = drawn % 8 != 0  # ids that are not there are asked for too
    made = dict(body)
    for name in ("ids", "seeds"):
        if isinstance(body.get(name), list):
            made[name] = [_known(id, drawn + at) if known else _whole(id) for at, id in enumerate(body[name])]
        elif known and isinstance(body.get(name), dict):
            made[name] = {_known(id, drawn + at): weight for at, (id, weight) in enumerate(body[name].items())}
    for name in ("a", "b"):  # of the question why two are near
        if name in body:
            made[name] = _known(body[name], drawn + len(name)) if known else _whole(body[name])
    return made


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Make answers likely, without making a misfit of what fits or the other way round."""
    if not isinstance(body, dict):
        return body
    body = _seen(body)
    if isinstance(body.get("queries"), list):
        body["queries"] = [_seen(query) if isinstance(query, dict) else query for query in body["queries"]]
    if isinstance(body.get("within"), dict):
        body["within"] = _smaller(body["within"])
    return _smaller(body)


def _smaller(body: dict[str, Any]) -> dict[str, Any]:
    """Numbers that fit the small index, none above the one it is made from: that may be the largest allowed."""
    made = dict(body)
    for name in ("k", "size", "communities", "label", "after"):
        value = _whole(body.get(name))
        if type(value) is int:
            made[name] = max(1, value % 100) if 1 <= value <= 500 else value
    return made


@schemathesis.check
def what_fits_is_never_a_misfit(context: Any, response: Any, case: Any) -> None:
    """A body that the description allows may be unanswerable; it is never refused as not fitting."""
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE or response.status_code != 422:
        return
    problem = response.json()
    # That vectors are equally wide no schema can say.
    if "of different widths" not in problem["detail"]:
        assert problem["type"] != "urn:purlieu:problem:invalid-request", problem["detail"]

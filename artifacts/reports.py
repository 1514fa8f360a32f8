"""Reports beside the versions they tell of: ``indexes/<name>/reports/<version>.json``, ``.md`` and ``.html``.

They hold times and comparisons, so they are no artifacts, and nothing that answers questions reads them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from artifacts.store import Store, index_name
from foundation.errors import ArtifactCorrupt, ArtifactMissing

Form = Literal["json", "md", "html"]
FORMS: tuple[Form, ...] = ("json", "md", "html")


def write_report(store: Store, index: str, version: str, texts: Mapping[Form, str]) -> None:
    """Put each form of a report in its place; one that is there already is replaced."""
    for form, text in texts.items():
        store.place.write(_name(index, version, form), text.encode())


def read_report(store: Store, index: str, version: str, form: Form) -> str:
    """One form of a version's report.

    Raises
    ------
    ArtifactMissing
        When there is none: the version was published by a build that wrote no report, or by one that could not.
    ArtifactCorrupt
    """
    name = _name(index, version, form)
    path = f"{store.address}/{name}"
    try:
        return store.place.read(name).decode()
    except FileNotFoundError:
        raise ArtifactMissing(
            path=path,
            what="there is no report of this version",
            fix=f"purlieu show {index}@{version} has its stages",
        ) from None
    except UnicodeDecodeError:
        raise ArtifactCorrupt(path=path, what="not UTF-8 text", fix="remove it, or read another form") from None


def read_facts(store: Store, index: str, version: str) -> dict[str, Any]:
    """The facts of a version's report, as `flows.report` wrote them.

    Raises
    ------
    ArtifactMissing, ArtifactCorrupt
    """
    text = read_report(store, index, version, "json")
    try:
        facts = json.loads(text)
    except ValueError:
        facts = None
    if not isinstance(facts, dict):
        path = f"{store.address}/{_name(index, version, 'json')}"
        raise ArtifactCorrupt(path=path, what="not the facts of a report", fix="remove it, or read another form")
    return facts


def is_withheld(store: Store, index: str, version: str) -> bool:
    """Whether the quality gate kept this version from being served when it was built; False when nothing says so."""
    try:
        return read_facts(store, index, version).get("outcome") == "withheld"
    except (ArtifactMissing, ArtifactCorrupt):
        return False


def remove_reports(store: Store, index: str, version: str) -> None:
    """Remove what tells of a version."""
    for form in FORMS:
        store.place.remove(_name(index, version, form))


def _name(index: str, version: str, form: Form) -> str:
    return f"{index_name(index)}/reports/{version}.{form}"

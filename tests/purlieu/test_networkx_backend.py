"""NetworkX with ``backend="purlieu"`` answers as it does alone, or says that it cannot."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import InvalidParams, NotOffered
from purlieu.networkx_backend.dispatch import backend
from purlieu.networkx_backend.graphs import BackendGraph, convert_from_nx, convert_to_nx
from purlieu.networkx_backend.info import OFFERED, get_info
from tests.networkx_graphs import networkx_graphs, numbers_for

ROOT = Path(__file__).parents[2]
KARATE = nx.karate_club_graph()
ALPHAS = st.sampled_from([0, 0.5, 0.85, 0.99, 1])


@pytest.fixture(autouse=True)
def _no_warning_of_a_cached_graph() -> Iterator[None]:
    """NetworkX warns whenever it takes a conversion from its cache; warnings are errors here."""
    with nx.config(warnings_to_ignore={"cache"}):
        yield


def ranked(graph: Any, by: str, **arguments: Any) -> dict[Any, float] | type[Exception]:
    """The answer, or the kind of refusal that NetworkX documents."""
    try:
        return dict(nx.pagerank(graph, backend=by, **arguments))
    except (ZeroDivisionError, nx.PowerIterationFailedConvergence) as error:
        return type(error)


def assert_same_answer(graph: Any, **arguments: Any) -> None:
    ours, theirs = ranked(graph, "purlieu", **arguments), ranked(graph, "networkx", **arguments)
    if isinstance(theirs, Mapping):
        assert isinstance(ours, Mapping)
        assert list(ours) == list(theirs)
        assert all(type(value) is float for value in ours.values())
        assert ours == pytest.approx(theirs, rel=0, abs=1e-12)
    else:
        assert ours is theirs


@given(graph=networkx_graphs(), alpha=ALPHAS, weight=st.sampled_from(["weight", None, "absent"]), data=st.data())
@settings(deadline=None, max_examples=250)
def test_pagerank_is_that_of_networkx(
    graph: nx.Graph[Any], alpha: float, weight: str | None, data: st.DataObject
) -> None:
    arguments: dict[str, Any] = {"alpha": alpha, "weight": weight}
    for name in ("personalization", "nstart", "dangling"):
        if len(graph) and data.draw(st.booleans(), label=name):
            arguments[name] = data.draw(numbers_for(graph), label=f"{name} numbers")
    arguments["tol"] = data.draw(st.sampled_from([1e-6, 1e-3, 1e-11]), label="tol")
    arguments["max_iter"] = data.draw(st.sampled_from([100, 3, 1, 0]), label="max_iter")
    assert_same_answer(graph, **arguments)


@given(graph=networkx_graphs(), name=st.sampled_from(["core_number", "triangles", "transitivity", "clustering"]))
@settings(deadline=None, max_examples=200)
def test_the_other_functions_are_those_of_networkx(graph: nx.Graph[Any], name: str) -> None:
    def said(by: str) -> Any:
        try:
            return getattr(nx, name)(graph, backend=by)
        except (nx.NetworkXNotImplemented, NotImplementedError) as error:  # what both sides may refuse with
            return type(error)

    ours, theirs = said("purlieu"), said("networkx")
    if ours is NotImplementedError:
        assert name in ("transitivity", "clustering")
        assert graph.is_directed() or graph.is_multigraph()
    else:
        assert ours == theirs
        if isinstance(ours, dict):
            assert list(ours) == list(graph)
            assert list(map(type, ours.values())) == [type(theirs[node]) for node in ours]


@pytest.mark.parametrize("arguments", [{"nodes": 0}, {"nodes": [0, 1]}])
def test_questions_about_some_nodes_are_left_to_networkx(arguments: dict[str, Any]) -> None:
    for name in ("triangles", "clustering"):
        with pytest.raises(NotImplementedError):
            getattr(nx, name)(KARATE, **arguments, backend="purlieu")
    with pytest.raises(NotImplementedError):
        nx.clustering(KARATE, weight="weight", backend="purlieu")


@pytest.mark.parametrize("numbers", [{}, {0: 0}, {"nobody": 1.0}, {0: 1.0, 1: -1.0}])
def test_a_personalization_that_adds_up_to_nothing_is_a_division_by_zero(numbers: dict[Any, float]) -> None:
    with pytest.raises(ZeroDivisionError):
        nx.pagerank(KARATE, personalization=numbers, backend="purlieu")
    assert ranked(KARATE, "networkx", personalization=numbers) is ZeroDivisionError


@pytest.mark.parametrize(
    "arguments",
    [
        {"alpha": 1.5}, {"alpha": -0.1}, {"alpha": Decimal("0.85")}, {"tol": 0.0}, {"tol": float("nan")},
        {"tol": float("inf")}, {"max_iter": 99.5}, {"weight": len}, {"weight": True}, {"personalization": [1.0] * 34},
        {"personalization": {0: -1.0, 1: 3.0}}, {"personalization": {0: float("nan")}}, {"nstart": {0: float("inf")}},
        {"nstart": {0: 0.0}}, {"dangling": {}}, {"dangling": {0: -1.0, 1: 2.0}}, {"weight": "club", "G": "labelled"},
        {"weight": "cost", "G": "negative"}, {"weight": "cost", "G": "nothing"}, {"weight": "cost", "G": "endless"},
    ],
    ids=str,
)  # fmt: skip
def test_what_we_do_not_do_is_left_to_networkx(arguments: dict[str, Any]) -> None:
    costs = {"labelled": None, "negative": -2.0, "nothing": float("nan"), "endless": 10**400}
    graph = KARATE.copy()
    if (kind := arguments.pop("G", None)) is not None:
        nx.set_edge_attributes(graph, "Mr. Hi" if costs[kind] is None else costs[kind], arguments["weight"])
    with pytest.raises(NotImplementedError):
        nx.pagerank(graph, backend="purlieu", **arguments)


def test_a_refusal_falls_back_when_nobody_named_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("purlieu.networkx_backend.dispatch.WORTHWHILE_NODES", 0)
    repelled = nx.DiGraph([(0, 1), (1, 2), (2, 0)])
    repelled.add_edge(0, 2, weight=-0.1)
    with nx.config.backend_priority(algos=["purlieu"]):
        for arguments in ({}, {"alpha": -0.1, "weight": None}):
            assert nx.pagerank(repelled, **arguments) == nx.pagerank(repelled, backend="networkx", **arguments)


def test_small_graphs_are_left_to_networkx_unless_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    with nx.config.backend_priority(algos=["purlieu"]), caplog.at_level(logging.DEBUG, "networkx.utils.backends"):
        nx.pagerank(KARATE)
        assert "Using backend 'purlieu'" not in caplog.text
        nx.pagerank(nx.path_graph(1000))
        assert "Using backend 'purlieu'" in caplog.text


@given(graph=networkx_graphs())
@settings(deadline=None, max_examples=150)
def test_converting_there_and_back_loses_nothing(graph: nx.Graph[Any]) -> None:
    everything = {"preserve_edge_attrs": True, "preserve_node_attrs": True, "preserve_graph_attrs": True}
    again = convert_to_nx(convert_from_nx(graph, **everything))
    assert type(again) is type(graph)
    assert list(again) == list(graph)
    assert again.graph == graph.graph
    assert dict(again.nodes(data=True)) == dict(graph.nodes(data=True))
    assert again._adj == graph._adj
    if graph.is_directed():
        assert again._pred == graph._pred


@given(graph=networkx_graphs())
@settings(deadline=None, max_examples=60)
def test_attributes_asked_for_by_name_come_back_with_their_defaults(graph: nx.Graph[Any]) -> None:
    converted = convert_from_nx(graph, edge_attrs={"weight": 7.0}, node_attrs={"size": 1})
    again = convert_to_nx(converted)
    keys = {"keys": True} if graph.is_multigraph() else {}
    theirs, ours = (sorted(map(repr, g.edges(data="weight", default=7.0, **keys))) for g in (graph, again))
    assert len(ours) == len(theirs)
    weights = [float(weight) for *_, weight in graph.edges(data="weight", default=7.0)]  # whole numbers become floats
    assert sum(weight for *_, weight in again.edges(data="weight")) == sum(weights)
    assert {type(data["weight"]) for *_, data in again.edges(data=True)} <= {float}
    assert dict(again.nodes(data="size")) == dict(graph.nodes(data="size", default=1))
    assert again.graph == {}


def test_a_conversion_is_cached_until_the_graph_changes() -> None:
    graph = nx.gnp_random_graph(50, 0.1, seed=3)
    nx.pagerank(graph, backend="purlieu")
    (first,) = graph.__networkx_cache__["backends"]["purlieu"].values()
    nx.pagerank(graph, alpha=0.5, weight=None, backend="purlieu")
    assert list(graph.__networkx_cache__["backends"]["purlieu"].values()) == [first]
    graph.add_edge(0, 49, weight=40.0)
    assert_same_answer(graph)


def test_a_cached_graph_with_every_attribute_serves_each_of_them() -> None:
    graph = nx.Graph([(0, 1, {"cost": 2.0}), (1, 2, {"time": 3.0}), (2, 3, {})])
    full = convert_from_nx(graph, preserve_edge_attrs=True)
    graph.__networkx_cache__["backends"] = {"purlieu": {(True, False): full}}
    for weight in ("cost", "time", "weight", None):
        assert_same_answer(graph, weight=weight)
    assert list(graph.__networkx_cache__["backends"]["purlieu"]) == [(True, False)]


def test_a_view_is_asked_anew_after_the_graph_under_it_changed() -> None:
    graph = nx.path_graph(6, create_using=nx.DiGraph)
    views = [graph.subgraph(range(4)), graph.reverse(copy=False), graph.to_undirected(as_view=True)]
    for view in views:
        assert_same_answer(view)
    graph.add_edge(0, 3, weight=5.0)
    for view in views:
        assert_same_answer(view)


def test_a_converted_graph_is_asked_directly_and_falls_back_whole() -> None:
    converted = convert_from_nx(KARATE, preserve_edge_attrs=True)
    assert nx.pagerank(converted) == nx.pagerank(KARATE, backend="purlieu")
    assert convert_from_nx(converted) is converted
    with nx.config(fallback_to_nx=True):
        assert nx.number_of_selfloops(converted) == 0
        assert nx.degree_assortativity_coefficient(converted) == nx.degree_assortativity_coefficient(KARATE)
        repelled = nx.Graph([(0, 1, {"weight": -1}), (1, 2, {"weight": 3})])
        assert nx.pagerank(convert_from_nx(repelled, preserve_edge_attrs=True)) == nx.pagerank(repelled)


def test_a_graph_converted_without_its_weights_does_not_pretend_to_know_them() -> None:
    with pytest.raises(NotImplementedError) as caught:
        nx.pagerank(convert_from_nx(KARATE), backend="purlieu")
    assert isinstance(caught.value.__cause__, NotOffered)
    assert "'weight', which this converted graph does not hold" in str(caught.value.__cause__)
    assert len(nx.pagerank(convert_from_nx(KARATE), weight=None)) == 34


def test_what_is_no_networkx_graph_is_refused() -> None:
    with pytest.raises(NotOffered, match="a dict as G of pagerank"):
        convert_from_nx({0: [1]}, name="pagerank", graph_name="G")
    assert convert_to_nx([1, 2]) == [1, 2]


def test_threads_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graph.pagerank.RANGE_COST", 40)
    alone = nx.pagerank(KARATE, backend="purlieu")
    for n_threads in (2, 3):
        with nx.config.backends.purlieu(n_threads=n_threads):
            assert nx.pagerank(KARATE, backend="purlieu") == alone


@pytest.mark.parametrize("bad", [0, -1, "two", 1.5, None])
def test_a_number_of_threads_that_is_none_is_refused(bad: Any) -> None:
    with nx.config.backends.purlieu(n_threads=bad), pytest.raises(InvalidParams, match="n_threads"):
        nx.pagerank(KARATE, backend="purlieu")


def test_every_function_of_the_table_is_there_and_networkx_knows_it() -> None:
    assert set(get_info()["functions"]) == set(OFFERED)
    for name in OFFERED:
        assert callable(getattr(backend, name))
        assert backend.can_run(name, (nx.path_graph(2),), {}) is True
        assert "purlieu" in getattr(nx, name).backends
        assert OFFERED[name].docs.splitlines()[0] in getattr(nx, name).__doc__
    assert not hasattr(backend, "girvan_newman")
    assert backend.can_run("girvan_newman", (KARATE,), {}) == "not offered"


def test_the_installed_entry_points_are_those_of_the_project() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    for group in ("networkx.backends", "networkx.backend_info"):
        (found,) = entry_points(group=group, name="purlieu")
        assert {"purlieu": found.value} == declared[group]
    (found,) = entry_points(group="networkx.backends", name="purlieu")
    assert found.load() is backend


def test_importing_networkx_loads_the_table_and_nothing_behind_it() -> None:
    script = (
        "import sys, networkx as nx\n"
        "assert nx.config.backends.purlieu.n_threads == 1\n"
        "rooms = {'foundation', 'graph', 'vectors', 'clustering', 'artifacts', 'flows', 'serving', 'purlieu'}\n"
        "print(*sorted(name for name in sys.modules if name.split('.')[0] in rooms | {'numba', 'numpy', 'scipy'}))\n"
    )
    run = subprocess.run(
        [sys.executable, "-P", "-c", script],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == ["purlieu", "purlieu.networkx_backend", "purlieu.networkx_backend.info"]


def test_the_page_shows_what_works(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "networkx.md").read_text()
    for block in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL):
        exec(block, {})
    for name in OFFERED:
        assert f"`{name}`" in page
    assert isinstance(convert_from_nx(KARATE), BackendGraph)


def test_a_neighbour_that_only_equals_an_integer_is_found() -> None:
    graph = nx.Graph()
    graph.add_nodes_from(range(3))
    graph.add_edges_from([(0, complex(1)), (True, 2.0)])
    assert_same_answer(graph)
    assert convert_from_nx(graph).indices.tolist() == [1, 0, 2, 1]

"""The report after a build: all it promises, one file that needs nothing else, and never a build that fails for it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import flows.report
from artifacts.publish import current_version
from artifacts.reports import read_facts, read_report
from artifacts.store import Store
from flows.report_blocks import Bars, Curve, Section, Table, Text
from flows.report_figures import form_chart, frontier_charts, ranking_chart, walk_chart
from flows.report_html import to_html
from flows.report_markdown import block_bar, to_markdown
from flows.report_plots import draw
from flows.run import run_build
from flows.settings import parse_config, read_config
from tests.flows.conftest import Versions
from tests.small import N_NODES, write_small

TABLES = {
    "Thresholds of [gate]",
    "Against small@{}, by id",
    "Share of the answers that changed",
    "Measured then and now",
    "Stages in the order they ran",
    "Qualities measured on held-out data, and what they were measured on",
    "Why each stage was kept or built",
}
CHARTS = {
    "Time per stage",
    "Peak memory per stage",
    "Degree distribution",
    "Precision of rankings",
    "Community sizes",
    "Recall of ann.nodes",
    "Recall of document search",
}
ENGINES: dict[str, Any] = {
    "fastrp": {"dim": 16, "iteration_weights": [1.0]},
    "powerwalk": {"n_walks": 5},
    "communities": {"num_perm": 16},
    "ann": {"nodes": {}},
}
SEARCH: dict[str, Any] = {
    "corpus": {"source": "d.jsonl", "encoder": {"kind": "static", "dim": 64}},
    "muvera": {"num_repetitions": 2, "k_sim": 2},
}


class Page(HTMLParser):
    """What stands in a report's HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.captions: list[str] = []
        self.titles: list[str] = []
        self.alts: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headers: list[int] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        if tag not in ("meta", "use", "br"):
            self.open.append(tag)
        if tag == "svg":
            assert found["role"] == "img"
            self.alts.append(found["aria-label"] or "")
        if tag == "thead":
            self.headers.append(0)
        if tag == "th":
            assert found["scope"] == "col"
            self.headers[-1] += 1
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in ("meta", "use", "br"):
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "caption":
            self.captions.append(data)
        if self.open[-2:] == ["svg", "title"]:
            self.titles.append(data)


@pytest.fixture(autouse=True)
def charts() -> None:
    """They are drawn here."""


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str, str]:
    """A store, and the names of a first version and of the one after it, which has everything a report can have."""
    directory = tmp_path_factory.mktemp("reported")
    config, store = write_small(directory / "sources"), Store.create(directory / "store")
    first = run_build(read_config(config), store).version
    with (directory / "sources" / "edges.tsv").open("a") as edges:
        edges.write("n003\tn010\tstrong\n")
    with (directory / "sources" / "docs.jsonl").open("a") as docs:
        docs.write(json.dumps({"_id": "new", "title": "late", "text": "chess", "topic": "chess"}) + "\n")
    second = run_build(read_config(config, ("gate.max_nodes_lost=0.5", "gate.min_recall=0.5")), store).version
    return store, first, second


@pytest.fixture
def page(reported: tuple[Store, str, str]) -> Page:
    store, _, second = reported
    return Page(read_report(store, "small", second, "html"))


def test_every_table_is_there_with_a_header(page: Page, reported: tuple[Store, str, str]) -> None:
    assert set(page.captions) == {caption.format(reported[1]) for caption in TABLES}
    assert page.tags.count("table") == len(TABLES) == len(page.headers)
    assert all(n_columns >= 2 for n_columns in page.headers)


def test_every_plot_is_there_and_told_in_words(page: Page) -> None:
    assert {alt.partition(":")[0] for alt in page.alts} == CHARTS
    assert page.titles == page.alts
    assert all(re.search(r"\d", alt) for alt in page.alts)


def test_the_page_needs_nothing_else(page: Page, reported: tuple[Store, str, str]) -> None:
    store, _, second = reported
    text = read_report(store, "small", second, "html")
    assert not re.search(r"(https?:)?//[a-z]", text)
    assert not {"script", "link", "img", "iframe", "object", "image"} & set(page.tags)
    assert "@import" not in text
    assert all(link.startswith("#") for link in page.links)
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert set(re.findall(r"url\(([^)]*)\)", text)) <= {f"#{id}" for id in page.ids}
    assert page.open == []
    assert len(text.encode()) < 500_000


def test_ink_follows_the_paper(reported: tuple[Store, str, str]) -> None:
    store, _, second = reported
    text = read_report(store, "small", second, "html")
    assert "color-scheme: light dark" in text
    assert "currentColor" in text
    assert "@media print" in text
    assert "width=device-width" in text
    assert not re.search(r"(fill|stroke): ?(#000000|#ffffff|black|white)", text)


def test_the_markdown_says_the_same_in_tables(reported: tuple[Store, str, str]) -> None:
    store, first, second = reported
    text = read_report(store, "small", second, "md")
    assert text.startswith(f"# small@{second}\n\n`small@{second}` was **published**.")
    for title in [*(caption.format(first) for caption in TABLES), *CHARTS]:
        assert f"\n{title}:\n\n| " in text
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1


def test_the_facts_name_every_stage_and_what_it_took(reported: tuple[Store, str, str]) -> None:
    store, first, second = reported
    before, after = (read_facts(store, "small", version) for version in (first, second))
    assert before["drift"] is None
    assert before["no_drift"] == "this is the first version"
    assert after["drift"]["before"] == first
    assert after["drift"]["edges"]["added"] == 1
    assert after["drift"]["documents"]["added"] == 1
    assert {stage["state"] for stage in before["stages"]} == {"built"}
    assert all(stage["peak_memory"] > 0 for stage in after["stages"] if stage["state"] != "cached")
    assert after["outcome"] == "published"


def without_times(text: str) -> str:
    """A report without what differs between two equal builds, and the plots of it."""
    text = re.sub(r"<figure>(?:(?!</figure>).)*(?:Time|Peak memory) per stage.*?</figure>", "", text, flags=re.DOTALL)
    text = re.sub(r"(?:Time|Peak memory) per stage:\n\n(?:\|.*\n)+", "", text)
    text = re.sub(r"[\d,.]+ (?:s|MiB)\b", "TOOK", text)
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:+]+", "WHEN", text)


@pytest.mark.parametrize("form", ["md", "html"])
def test_equal_builds_leave_equal_reports_but_for_times(
    reported: tuple[Store, str, str], versions: Versions, form: str
) -> None:
    store, first, _ = reported
    assert first == versions.old.version
    texts = [read_report(one, "small", first, form) for one in (store, versions.store)]  # type: ignore[arg-type]
    assert without_times(texts[0]) == without_times(texts[1])
    assert "TOOK" in without_times(texts[0])


@pytest.mark.parametrize(
    ("edges", "tables"),
    [
        ("a\ta\n", {"graph": {"source": "e.tsv", "self_loops": "drop"}, **ENGINES}),
        ("a\tb\t0\nc\td\t0\n", {"graph": {"source": "e.tsv", "weight": 2}, **ENGINES}),
        ("a\tb\n", {"graph": {"source": "e.tsv"}}),
        ("", {"corpus": SEARCH["corpus"]}),
        ("", SEARCH),
    ],
    ids=["one node", "no edges", "only [graph]", "only [corpus]", "one document"],
)
def test_the_smallest_index_has_a_report(edges: str, tables: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "e.tsv").write_text(edges)
    (tmp_path / "d.jsonl").write_text('{"_id": "x", "title": "chess", "text": "board game"}\n')
    said: list[str] = []
    store = Store.create(tmp_path / "store")
    report = run_build(parse_config({"name": "g", **tables}, "g.toml", tmp_path), store, say=said.append)
    assert said == []
    page = Page(read_report(store, "g", report.version, "html"))
    assert page.open == []
    assert "Stages in the order they ran" in page.captions
    assert read_report(store, "g", report.version, "md").startswith(f"# g@{report.version}\n")


def test_an_error_in_the_report_is_one_line_and_the_build_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "e.tsv").write_text("a\tb\n")

    def broken(*_: object) -> str:
        raise RuntimeError("no ink\nleft")

    monkeypatch.setattr(flows.report, "to_html", broken)
    said: list[str] = []
    store = Store.create(tmp_path / "store")
    config = parse_config({"name": "g", "graph": {"source": "e.tsv"}}, "g.toml", tmp_path)
    report = run_build(config, store, say=said.append)
    assert current_version(store, "g") == report.version
    assert said == [f"the report of g@{report.version} is not complete: RuntimeError: no ink left"]
    assert read_facts(store, "g", report.version)["outcome"] == "published"
    assert "## Stages" in read_report(store, "g", report.version, "md")


def test_a_build_of_nothing_new_writes_no_report(tmp_path: Path) -> None:
    (tmp_path / "e.tsv").write_text("a\tb\n")
    store = Store.create(tmp_path / "store")
    config = parse_config({"name": "g", "graph": {"source": "e.tsv"}}, "g.toml", tmp_path)
    version = run_build(config, store).version
    path = store.root / "indexes" / "g" / "reports" / f"{version}.md"
    path.write_text("as it was")
    assert run_build(config, store).unchanged
    assert path.read_text() == "as it was"


def test_bars_show_what_is_not_zero() -> None:
    assert block_bar(0.0) == ""
    assert block_bar(1e-9) == "▏"
    assert block_bar(1.0) == "█" * 24
    assert block_bar(0.5) == "█" * 12


def test_text_from_outside_cannot_break_a_report() -> None:
    nasty = "a<b>|&\"'`x`"
    sections = [Section(nasty, [Text(nasty), Table(nasty, [nasty], [[nasty]])])]
    page = to_html(nasty, sections)
    assert "<b>" not in page
    assert Page(page).open == []
    rows = [line for line in to_markdown(nasty, sections).splitlines() if line.startswith("| ")]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [2, 2, 2]


@pytest.mark.parametrize(
    "chart",
    [
        Bars(name="b", title='t <&"', x="x", y="y", labels=["a", "b"], series={"": [0, 0]}, log=True),
        Bars(name="b", title="t", x="x", y="", labels=["a"], series={"": [0.0]}, across=True),
        Curve(name="c", title="t", x="x", y="y", points=[(12.0, 0.5)], chosen=12.0, asked=0.4),
        Curve(name="c", title="t", x="x", y="y", points=[(1.0, 0.5), (100.0, 1.0)]),
    ],
    ids=["nothing counted", "nothing measured", "one point", "wide"],
)
def test_odd_charts_are_drawn_and_equal_every_time(chart: Bars | Curve) -> None:
    svg = draw(chart)
    assert svg == draw(chart)
    assert svg.startswith('<svg role="img"')
    assert Page(svg).open == []


def test_walks_have_a_chart_where_they_were_kept(tmp_path: Path) -> None:
    config = write_small(tmp_path / "small")
    store = Store.create(tmp_path / "store")
    charts = []
    for method in ("push", "powerwalk"):
        report = run_build(read_config(config, [f"powerwalk.method={method}"]), store, only=["powerwalk"])
        (stage,) = (stage for stage in report.stages if stage.name == "powerwalk")
        charts.append(walk_chart(store.objects / stage.artifact))
    without, chart = charts
    assert without is None
    assert chart is not None
    assert sum(chart.series[""]) == N_NODES  # a node of the corpus has no edge, and one has an edge and no document
    assert "5.67 steps on average" in chart.note


def test_the_forms_of_an_index_are_drawn_by_work_with_the_one_that_was_taken_joined() -> None:
    found = {
        "kind": "ivf",
        "storage": "float32",
        "n_rows": 9000,
        "cost": 40.0,
        "recall": 0.96,
        "asked": 0.95,
        "tried": [
            {"kind": "ivf", "n_rows": 900, "points": [[2, 2, 0.97, 20.0]]},
            {"kind": "ivf", "n_rows": 9000, "points": [[4, 2, 0.96, 40.0], [2, 2, 0.9, 30.0]]},
            {"kind": "ivf", "n_rows": 9000, "points": [[4, 2, 0.96, 44.0], [2, 2, 0.9, 31.0]]},  # in another width
            {"kind": "rabitq", "n_rows": 9000, "points": [[4, 8, 0.96, 50.0]]},
        ],
    }
    chart = form_chart("ann.nodes", found)
    assert chart.points == [(30.0, 0.9), (40.0, 0.96)]
    assert chart.others == [(20.0, 0.97), (44.0, 0.96), (31.0, 0.9), (50.0, 0.96)]
    assert (chart.chosen, chart.asked) == (40.0, 0.95)
    assert frontier_charts({"ann.nodes": found}, lambda stage: Path(stage)) == [chart]


def test_the_line_of_precision_joins_what_nothing_beats() -> None:
    measured = [(9.0, 0.9, False), (3.0, 0.5, False), (5.0, 0.4, False), (20.0, 0.9, False), (7.0, 0.5, True)]
    rows = [{"work": work, "precision": precision, "kept": kept} for work, precision, kept in measured]
    chart = ranking_chart({"kept": "background, rmax 0.001", "frontier": rows}, {"precision": 0.8})
    assert chart.points == [(3.0, 0.5), (7.0, 0.5), (9.0, 0.9)]
    assert chart.others == [(5.0, 0.4), (20.0, 0.9)]
    assert (chart.chosen, chart.asked) == (7.0, 0.8)
    assert "chosen: 7" in draw(chart)
    assert "background, rmax 0.001" in chart.note

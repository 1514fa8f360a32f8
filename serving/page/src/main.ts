// The page: what the address says is asked of the service and shown; what people do changes the address.

import * as api from "./api";
import { count } from "./about";
import { groupsOf, type Group } from "./colours";
import { byId, el, fill } from "./dom";
import { Drawing } from "./drawing";
import { FindBox } from "./find";
import { contents, TITLES, type Acts, type Known } from "./lists";
import { MapView } from "./mapview";
import { pointsOf, type Points } from "./points";
import { fragmentOf, MOST_SEEDS, naturally, SIZES, stateOf, type List, type Picture, type State } from "./state";
import { showTabs } from "./tabs";
import { setUpTheme } from "./theme";
import { waysOf, withWays } from "./ways";

const WAYS = 10; // and shared neighbours, of an explanation

let state = stateOf(location.hash);
let known: Known | null = null;
let points: Points | null = null;
let mapping: Promise<ArrayBuffer> | null = null; // the map that was asked for
let asked = ""; // what `known.around` answers
let turn = 0;

const list = byId("list");
const panels: Record<Picture, HTMLElement> = { neighbourhood: byId("neighbourhood"), map: byId("map") };
const paper = el("div", { class: "canvas", tabIndex: 0, role: "application", "aria-label": "Drawing" });
const legend = el("ul", { class: "legend", "aria-label": "Communities" });
const hint = el("p", { class: "lead empty" }, "Type a name above: what surrounds it is drawn here.");
const sizes = el(
  "select",
  { "aria-label": "Nodes drawn", onchange: () => go({ k: Number(sizes.value) }) },
  ...SIZES.map((size) => el("option", { value: String(size) }, `${size} nodes`)),
);
panels.neighbourhood.append(el("div", { class: "tools" }, legend, sizes), paper, hint);
const mapTools = el("div", { class: "tools" });
const mapHost = el("div", { class: "canvas" });
const mapNote = el("p", { class: "caption" });
panels.map.append(mapTools, mapHost, mapNote);

const choose = (id: string, add: boolean): void =>
  take(add ? [...state.seeds.filter((seed) => seed !== id), id].slice(-MOST_SEEDS) : [id]);
const explain = (one: string, other: string): void =>
  go({ seeds: [one, other], list: "why", picture: "neighbourhood" });
const drawing = new Drawing(paper, choose, (id) => {
  const from = state.seeds.find((seed) => seed !== id);
  if (from !== undefined && known && "graph" in known.details.stages) explain(from, id);
});
const acts: Acts = { choose, explain, pointOut: (way) => drawing.pointOut(way) };
const map = new MapView(mapHost, mapTools, choose, (ids) => take(ids, state.picture));
const find = new FindBox({
  index: () => state.index,
  searches: () => known?.details.questions.includes("search") ?? false,
  choose,
  search: (text) => go({ text, list: "documents" }),
});

/** Change what is looked at. */
function go(change: Partial<State>): void {
  state = { ...state, ...change };
  const fragment = fragmentOf(state);
  if (fragment !== location.hash) history.pushState(null, "", fragment);
  void show();
}

function take(seeds: string[], picture: Picture = "neighbourhood"): void {
  const left = !seeds.length || ["documents", "index"].includes(state.list) || (state.list === "why" && seeds.length < 2);
  go({ seeds, picture: seeds.length ? picture : "map", list: left ? (seeds.length ? "ranking" : "index") : state.list });
}

async function show(again = true): Promise<void> {
  const mine = ++turn;
  document.body.classList.add("busy");
  try {
    if (known?.details.index !== state.index) await openIndex();
    if (mine !== turn || !known) return;
    frame();
    await Promise.all([lookAround(), lookWhy()]);
    if (mine !== turn) return;
    picture();
    const listed = contents(state, known, acts).then((found) => {
      if (mine === turn) fill(list, ...found);
    });
    await Promise.all([listed, !panels.map.hidden ? loadMap() : null]);
    if (mine !== turn) return;
    if (again && api.answered.get(state.index) !== known.details.version) {
      known = null; // a new version was published, and everything shown has to be its own
      return void show(false);
    }
    document.body.dataset["shown"] = location.hash || "#";
  } catch (error) {
    if (mine === turn && !api.isOutdated(error)) complain(error);
  } finally {
    if (mine === turn) document.body.classList.remove("busy");
  }
}

async function openIndex(): Promise<void> {
  const { indexes } = await api.indexes();
  const names = indexes.map(({ index }) => index);
  // One that is still being opened has no version yet: asking for its details waits until it has.
  if (!state.index) state.index = (indexes.find(({ version }) => version) ?? indexes[0])?.index ?? "";
  const select = byId<HTMLSelectElement>("index");
  fill(select, ...names.map((name) => el("option", { value: name, selected: name === state.index }, name)));
  select.onchange = () => go({ index: select.value, seeds: [], text: "", ...naturally({ seeds: [], text: "" }) });
  select.parentElement!.hidden = names.length < 2;
  if (!state.index) throw new api.Problem("The store has no index yet: build one, and it appears here.", "empty");
  [known, points, asked] = [{ details: await api.details(state.index), around: null, why: null, groups: [] }, null, ""];
  mapping = null;
}

// What needs no answer: tabs, seeds, which panel.
function frame(): void {
  const questions = known!.details.questions;
  const lists = (Object.keys(TITLES) as List[]).filter(
    (name) =>
      name === "index" ||
      (name === "why" ? "graph" in known!.details.stages : questions.includes({ ranking: "ppr", documents: "search" }[name as string] ?? name)),
  );
  if (!lists.includes(state.list)) state.list = lists[0]!;
  const pictures: Picture[] = [];
  if (questions.includes("ppr")) pictures.push("neighbourhood");
  if ("fastrp" in known!.details.stages) pictures.push("map");
  if (pictures.length && !pictures.includes(state.picture)) state.picture = pictures[0]!;
  const titles = { neighbourhood: "Neighbourhood", map: "Map" };
  showTabs(byId("list-tabs"), lists.map((name) => ({ name, title: TITLES[name] })), state.list, () => list, (name) => go({ list: name }));
  showTabs(byId("picture-tabs"), pictures.map((name) => ({ name, title: titles[name] })), state.picture, (name) => panels[name], (name) => go({ picture: name }));
  for (const name of ["neighbourhood", "map"] as Picture[])
    panels[name].hidden = name !== state.picture || !pictures.includes(name);
  byId("picture").hidden = pictures.length === 0;
  sizes.value = String(state.k);
  find.write(state.text);
  document.title = state.seeds.length ? `${state.seeds.slice(0, 3).join(", ")} · Purlieu` : "Purlieu";
  const chip = (seed: string): HTMLElement =>
    el(
      "span",
      { class: "chip" },
      seed,
      el("button", { type: "button", "aria-label": `Remove ${seed}`, onclick: () => take(state.seeds.filter((one) => one !== seed), state.picture) }, "×"),
    );
  const shown = state.seeds.slice(0, 8);
  const rest = state.seeds.length - shown.length;
  fill(
    byId("seeds"),
    ...(shown.length ? ["Seen from ", ...shown.map(chip)] : ["What is near this? Type a name, ask in words, or draw a lasso on the map."]),
    rest > 0 && `and ${rest} more `,
    shown.length > 1 && el("button", { type: "button", class: "plain", onclick: () => take([]) }, "Clear"),
  );
}

async function lookAround(): Promise<void> {
  if (!known || !known.details.questions.includes("ppr")) return;
  const nodes = known.details.stages["graph"]?.counts["n_nodes"] ?? state.k;
  const k = Math.min(Math.max(state.k, state.seeds.length + 10), nodes);
  const question = JSON.stringify([state.index, state.seeds, k]);
  if (asked === question) return;
  if (!state.seeds.length) [known.around, known.groups] = [null, []];
  else {
    const around = await api.neighbourhood(state.index, state.seeds, k).catch((error) => {
      if (!api.isOutdated(error)) forgetAround();
      throw error;
    });
    [known.around, known.groups] = [around, groupsOf(around.results[0] ?? [])];
  }
  asked = question;
}

// Why the first two seeds are near, while that is what is looked at.
async function lookWhy(): Promise<void> {
  const [a, b] = state.list === "why" ? state.seeds : [];
  const mine = known!;
  if (a === undefined || b === undefined) mine.why = null;
  else if (mine.why?.nodes.map(({ id }) => String(id)).join("\0") !== `${a}\0${b}`)
    mine.why = await api.explain(state.index, a, b, WAYS);
}

// What was drawn before has nothing to do with seeds that are not there.
function forgetAround(): void {
  if (!known) return;
  [known.around, known.why, known.groups, asked] = [null, null, [], ""];
  picture();
}

let drawn: unknown[] = [];

function picture(): void {
  const { around, why, groups } = known!;
  hint.hidden = Boolean(around);
  paper.hidden = !around;
  fill(legend, ...groups.map(legendEntry));
  map.show(around?.results[0] ?? [], state.seeds, groups);
  if (around && state.picture === "neighbourhood" && (drawn[0] !== around || drawn[1] !== why)) {
    drawing.show(withWays(around, why), state.seeds, groups, waysOf(why));
    drawn = [around, why];
  } else if (around && state.picture === "neighbourhood") drawing.fit();
}

function legendEntry({ name, shown, size }: Group, place: number): HTMLElement {
  const dot = el("span", { class: "dot", "aria-hidden": "true" });
  dot.style.background = `var(--group-${place + 1})`;
  const title = `Community of ${name}: ${shown} of its ${count(size)} nodes are drawn`;
  return el("li", { title }, dot, name, el("span", { class: "title" }, ` ${shown}`));
}

async function loadMap(): Promise<void> {
  if (points) return;
  mapNote.textContent = "The map is being drawn …";
  mapping ??= api.map(state.index).catch((error) => {
    mapping = null;
    throw error;
  });
  const mine = mapping;
  const file = await mine;
  if (mine !== mapping || points) return;
  points = pointsOf(file);
  api.answered.set(points.index, points.version);
  map.load(points);
  const sampled = points.count < points.nodes ? `${count(points.count)} of ${count(points.nodes)} nodes` : `${count(points.count)} nodes`;
  const explained = points.explained.reduce((sum, share) => sum + share, 0);
  const how =
    points.method === "pacmap"
      ? "placed by PaCMAP: who is in a group tells something, how far groups are apart does not"
      : `by the two principal components of their embeddings (${(100 * explained).toFixed(0)} % of the variance)`;
  mapNote.textContent = `${sampled}, ${how}.`;
}

function complain(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  const nearest = error instanceof api.Problem ? error.nearest : [];
  fill(
    list,
    el("p", { class: "note", role: "alert" }, message),
    nearest.length > 0 &&
      el("p", { class: "lead others" }, "Perhaps ", ...nearest.map((id) => el("button", { type: "button", class: "chip", onclick: () => choose(id, false) }, id))),
  );
}

addEventListener("popstate", () => {
  state = stateOf(location.hash);
  void show();
});
addEventListener("hashchange", () => {
  if (fragmentOf(state) === location.hash) return;
  state = stateOf(location.hash);
  void show();
});
setUpTheme(() => {
  if (state.picture === "map") drawn = [];
  else drawing.repaint();
  map.repaint();
});
// For scripts that drive the page: where a node is on the screen, and what the last picture of the map cost.
Object.assign(window, {
  purlieu: {
    placeOf: (id: string) => (state.picture === "map" ? map : drawing).placeOf(id),
    mapTook: () => map.took,
  },
});
void show();

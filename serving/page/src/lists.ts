// The list beside the picture: what each tab asks for, and how it is told.

import * as api from "./api";
import { about } from "./about";
import type { Group } from "./colours";
import { el } from "./dom";
import type { Choose } from "./drawing";
import { wordsOf } from "./marks";
import { rows, small, type Looks } from "./rows";
import type { List, State } from "./state";
import type { Details, Explanation, Hit, Neighbourhood } from "./types";
import { why, type PointOut } from "./why";

const SIMILAR_TO = 5; // seeds that get a list of their own
const DOCUMENTS = 30;

export interface Known {
  details: Details;
  around: Neighbourhood | null;
  /** Why the first two seeds are near, where that is asked. */
  why: Explanation | null;
  groups: Group[];
}

export const TITLES: Record<List, string> = {
  ranking: "Ranking",
  similar: "Similar",
  community: "Community",
  why: "Why",
  documents: "Documents",
  index: "Index",
};

/** What rows and ways do: `choose` a node, `explain` why two are near, `pointOut` a way in the drawing. */
export interface Acts {
  choose: Choose;
  explain(one: string, other: string): void;
  pointOut: PointOut;
}

/** Ask for what the chosen tab shows. */
export async function contents(state: State, known: Known, acts: Acts): Promise<HTMLElement[]> {
  const labels = new Map<string, number>();
  for (const { id, label } of known.around?.results[0] ?? []) if (label !== undefined) labels.set(String(id), label);
  const [first, second] = state.seeds;
  // Beside several seeds it would not be clear to which of them a row is near.
  const explain = "graph" in known.details.stages && second === undefined ? (id: string) => acts.explain(first!, id) : undefined;
  const looks: Looks = { groups: known.groups, seeds: state.seeds, labels, choose: acts.choose, explain };
  switch (state.list) {
    case "index":
      return [about(known.details)];
    case "ranking":
      return known.around ? ranking(known.around, looks) : [unseeded("The ranking as seen from it")];
    case "similar":
      return state.seeds.length ? similar(state, looks, acts) : [unseeded("What plays a like role")];
    case "community":
      return state.seeds.length ? community(state, looks) : [unseeded("The community around it")];
    case "why":
      return known.why ? [...among(state.seeds, acts), ...why(known.why, looks, acts.pointOut)] : [alone(state.seeds)];
    case "documents":
      return state.text ? documents(state, looks) : [wordless()];
  }
}

function ranking(around: Neighbourhood, looks: Looks): HTMLElement[] {
  const hits = around.results[0] ?? [];
  const bound = around.error_bound[0] ?? 0;
  const lead = el(
    "p",
    { class: "lead" },
    "What matters most, seen from there: personalised PageRank. All errors together are at most ",
    el("b", { id: "bound" }, small(bound)),
    ", of scores that sum to 1.",
  );
  return [lead, ...notes(around.notes), rows(hits, looks)];
}

async function similar(state: State, looks: Looks, acts: Acts): Promise<HTMLElement[]> {
  const asked = state.seeds.slice(0, SIMILAR_TO);
  const answer = await api.similar(state.index, asked, 20);
  const lists = asked.flatMap((seed, at) => [
    el("h2", { class: "like" }, "Like ", el("span", { class: "id" }, seed)),
    rows(answer.results[at] ?? [], {
      ...looks,
      seeds: [],
      explain: (id) => acts.explain(seed, id),
      score: (score) => score.toFixed(3),
    }),
  ]);
  const rest = state.seeds.length - asked.length;
  return [
    el("p", { class: "lead" }, "Nodes in a like position, by their embeddings."),
    ...(rest > 0 ? notes([`Shown for the first ${asked.length} of ${state.seeds.length} seeds.`]) : []),
    ...lists,
  ];
}

async function community(state: State, looks: Looks): Promise<HTMLElement[]> {
  const answer = await api.community(state.index, state.seeds, Math.max(state.k, state.seeds.length));
  const percent = (100 * answer.conductance).toFixed(0);
  const lead = el("p", { class: "lead" }, `The group that surrounds the seeds; ${percent} % of its links lead out.`);
  return [lead, ...notes(answer.notes), rows(answer.results[0] ?? [], looks)];
}

async function documents(state: State, looks: Looks): Promise<HTMLElement[]> {
  const answer = await api.search(state.index, state.text, DOCUMENTS);
  const hits = answer.results[0] ?? [];
  const lead = el("p", { class: "lead" }, "Documents that answer ", el("b", {}, `“${state.text}”`), ", word by word.");
  // Seeds get no special length of bar here: these scores have nothing to do with them.
  const score = (value: number): string => (Math.abs(value) < 1 ? small(value) : value.toFixed(2)); // fused ranks are small
  return [lead, rows(hits, { ...looks, seeds: [], explain: undefined, words: wordsOf(state.text), score, choose: await nodesOnly(state, hits, looks.choose) })];
}

// Documents are nodes where ids of both are the same; one look-up tells.
async function nodesOnly(state: State, hits: Hit[], choose: Choose | null): Promise<Choose | null> {
  if (!hits.length) return null;
  const id = String(hits[0]!.id);
  const found = await api.nodes(state.index, id, 1).catch(() => []);
  return String(found[0]?.id) === id ? choose : null;
}

// Two are explained: the first, and any other that is chosen.
function among([first, second, ...rest]: string[], { explain }: Acts): HTMLElement[] {
  if (!rest.length) return [];
  const options = rest.slice(0, 8).map((id) => el("button", { type: "button", class: "chip", onclick: () => explain(first!, id) }, id));
  return [el("p", { class: "lead others" }, `Beside ${second!}, why is ${first!} near `, ...options)];
}

function alone(seeds: string[]): HTMLElement {
  const [seed] = seeds;
  return el(
    "p",
    { class: "lead empty" },
    seed === undefined
      ? "Why two nodes are near appears here. Choose them above: a name, then another one with Shift and Enter."
      : `Why ${seed} and another node are near appears here. Press “why?” beside a node of a list, or choose a second one with Shift and Enter.`,
  );
}

function notes(texts: string[]): HTMLElement[] {
  return texts.map((text) => el("p", { class: "note" }, text));
}

function unseeded(what: string): HTMLElement {
  return el("p", { class: "lead empty" }, `${what} appears here. Type a name, or draw a lasso on the map.`);
}

function wordless(): HTMLElement {
  return el("p", { class: "lead empty" }, "Ask in words, in the box above: the documents that answer appear here.");
}

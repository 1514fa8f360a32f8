// Why two nodes are near: places in each other's lists, ways between them, neighbours and words they share.

import { count } from "./about";
import { el } from "./dom";
import { tells } from "./marks";
import { describe, rows, small, type Looks } from "./rows";
import type { Explanation, Id, Place, Way } from "./types";

const SIGNALS: Record<string, string> = { ppr: "Ranking", similar: "Similar nodes", community: "Community" };
const FIRST = 100; // of each list that the service looks through

/** Points out one of the ways in the drawing; null shows all of them again. */
export type PointOut = (way: string[] | null) => void;

export function why(found: Explanation, looks: Looks, pointOut: PointOut): HTMLElement[] {
  const [a, b] = found.nodes;
  const [one, other] = [String(a!.id), String(b!.id)];
  const shared = found.results[0] ?? [];
  return [
    el("h2", {}, `Why ${one} and ${other} are near`),
    el("ul", { class: "pair" }, ...found.nodes.map((node) => el("li", {}, el("b", {}, String(node.id)), " ", el("span", { class: "title" }, describe(node))))),
    ...places(found, one, other),
    el("h3", {}, "Ways from one to the other"),
    found.paths.length
      ? ways(found.paths, looks, pointOut)
      : nothing(`No way of one to three links leads from ${one} to ${other}.`),
    ...(found.complete ? [] : [el("p", { class: "note" }, "They have so many links that only the likeliest were followed.")]),
    el("h3", {}, "Neighbours of both"),
    shared.length ? rows(shared, { ...looks, seeds: [], score: small }) : nothing("No node is linked to both."),
    ...texts(found, one, other),
  ];
}

function places(found: Explanation, one: string, other: string): HTMLElement[] {
  const asked = Object.keys(SIGNALS).filter((signal) => found.signals[signal]);
  const { together } = found;
  const table = el(
    "table",
    { class: "places" },
    el("thead", {}, el("tr", {}, ...["List", `of ${one}`, `of ${other}`].map((name) => el("th", { scope: "col" }, name)))),
    el(
      "tbody",
      {},
      ...asked.map((signal) =>
        el("tr", {}, el("th", { scope: "row" }, SIGNALS[signal]!), ...found.signals[signal]!.map((place) => el("td", { class: "number" }, placed(place)))),
      ),
    ),
  );
  return [
    el("h3", {}, "Place in the other’s lists"),
    ...(asked.length ? [table] : []),
    ...(together ? [el("p", { class: "lead" }, `Both are in one community of ${count(together.size)} nodes.`)] : []),
  ];
}

function placed(place: Place | null): string {
  return place ? `number ${place.rank}` : `beyond ${FIRST}`;
}

function ways(paths: Way[], { choose }: Looks, pointOut: PointOut): HTMLElement {
  const step = (id: Id): HTMLElement =>
    el("button", { type: "button", class: "name", onclick: () => choose?.(String(id), false) }, String(id));
  return el(
    "ol",
    { class: "ways" },
    ...paths.map(({ ids, score }) => {
      const only = (): void => pointOut(ids.map(String));
      const all = (): void => pointOut(null);
      const steps = ids.flatMap((id, at) => (at ? [el("span", { class: "arrow", "aria-label": "to" }, "→"), step(id)] : [step(id)]));
      return el(
        "li",
        { onpointerenter: only, onpointerleave: all, onfocusin: only, onfocusout: all },
        el("span", { class: "way" }, ...steps),
        el("span", { class: "score", title: "Chance that a random walk takes exactly these steps" }, `${small(100 * score)} %`),
      );
    }),
  );
}

function texts({ documents }: Explanation, one: string, other: string): HTMLElement[] {
  if (!documents) return [];
  const tokens = documents.tokens.filter(isWord).filter(
    (match, at, all) => at === all.findIndex((first) => first.query_token === match.query_token),
  );
  const words = documents.words.filter(({ word }) => tells(word));
  const parts: HTMLElement[] = [];
  if (words.length) {
    parts.push(el("p", { class: "lead" }, "Words of both, and what each adds to BM25:"));
    parts.push(el("ul", { class: "words" }, ...words.map(({ word, score }) => pill(word, score.toFixed(1)))));
  }
  if (tokens.length) {
    parts.push(el("p", { class: "lead" }, `Tokens of ${one} and the nearest of ${other}, by their vectors:`));
    const match = ({ query_token: from, document_token: to, score }: (typeof tokens)[number]): HTMLElement =>
      pill(from === to ? from! : `${from} ~ ${to}`, score.toFixed(2));
    parts.push(el("ul", { class: "words" }, ...tokens.map(match)));
  }
  return [el("h3", {}, "Their texts"), ...(parts.length ? parts : [nothing("They have no word in common.")])];
}

// Signs and single letters match everywhere and say nothing.
function isWord({ query_token: from, document_token: to }: { query_token: string | null; document_token: string | null }): boolean {
  return [from, to].every((token) => token !== null && /[\p{L}\p{N}]{2}/u.test(token) && tells(token.toLowerCase()));
}

function pill(text: string, score: string): HTMLElement {
  return el("li", {}, el("mark", {}, text), " ", el("span", { class: "title" }, score));
}

function nothing(text: string): HTMLElement {
  return el("p", { class: "lead" }, text);
}

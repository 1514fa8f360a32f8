// A list of answers: place, id, what it is, and how much it scores.

import { colourName, type Group } from "./colours";
import { el } from "./dom";
import { marked } from "./marks";
import type { Choose } from "./drawing";
import type { Hit } from "./types";

export interface Looks {
  groups: Group[];
  seeds: string[];
  /** Community of each node of the drawing. */
  labels: Map<string, number>;
  /** Words to mark in titles. */
  words?: string[];
  /** Rows are nodes; else they are documents without one. */
  choose: Choose | null;
  /** Tells why a row is near what the list was asked for; without it there is nothing to tell. */
  explain?: ((id: string) => void) | undefined;
  score?: (score: number) => string;
}

/** An ordered list of hits; the bars compare each score with the best but the seeds'. */
export function rows(hits: Hit[], looks: Looks): HTMLOListElement {
  const seeds = new Set(looks.seeds);
  const others = hits.filter(({ id }) => !seeds.has(String(id)));
  const most = Math.max(...(others.length ? others : hits).map(({ score }) => score), 1e-12);
  const least = Math.min(0, ...hits.map(({ score }) => score));
  return el("ol", { class: "rows" }, ...hits.map((hit) => row(hit, looks, seeds, (hit.score - least) / (most - least))));
}

function row(hit: Hit, looks: Looks, seeds: Set<string>, share: number): HTMLLIElement {
  const id = String(hit.id);
  const { choose } = looks;
  const label = hit.label ?? looks.labels.get(id);
  const dot = el("span", { class: "dot", "aria-hidden": "true" });
  if (label !== undefined) dot.style.background = `var(--${colourName(looks.groups, label)})`;
  const bar = el("span", { class: "bar-of", "aria-hidden": "true" });
  bar.style.width = `${Math.min(Math.max(share, 0), 1) * 100}%`;
  const words = looks.words ?? [];
  const name = choose
    ? el("button", { type: "button", class: "name", onclick: () => choose(id, false) }, ...marked(id, words))
    : el("span", { class: "name" }, ...marked(id, words));
  const title = describe(hit);
  return el(
    "li",
    { class: seeds.has(id) ? "seed" : "" },
    dot,
    el("span", { class: "what" }, name, title && el("span", { class: "title" }, ...marked(title, words))),
    el("span", { class: "score" }, (looks.score ?? small)(hit.score), bar),
    looks.explain &&
      (seeds.has(id)
        ? el("span", { class: "why" })
        : el("button", { type: "button", class: "why", "aria-label": `Why is ${id} near?`, title: "Why is it near?", onclick: () => looks.explain!(id) }, "why?")),
    choose && !seeds.has(id)
      ? el(
          "button",
          { type: "button", class: "add", "aria-label": `Add ${id} to the seeds`, title: "Add to the seeds", onclick: () => choose(id, true) },
          "+",
        )
      : el("span", { class: "add" }),
  );
}

/** What a hit is: its title, or else the first text among its fields. */
export function describe(hit: Record<string, unknown>): string {
  if (typeof hit["title"] === "string") return hit["title"];
  const text = Object.entries(hit).find(([key, value]) => key !== "id" && typeof value === "string");
  return text ? String(text[1]) : "";
}

/** A score in three digits. */
export function small(score: number): string {
  if (score === 0) return "0";
  return Math.abs(score) < 0.001 ? score.toExponential(1).replace("e-", "e−") : score.toPrecision(3).replace("-", "−");
}

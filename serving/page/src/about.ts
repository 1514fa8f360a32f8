// What there is of an index: its versions, its sizes, and the quality measured when it was built.

import { el } from "./dom";
import type { Details } from "./types";

// Stage, what people call it, and which of its measures say how good its answers are.
const MEASURES: [string, string, string, string][] = [
  ["ann.nodes", "Similar nodes", "recall", "Share of the true nearest that are found"],
  ["powerwalk", "Ranking", "precision", "Share of the exact ranking's first that are found"],
  ["labels", "Communities", "modularity", "Links within communities, beyond chance"],
  ["ann.documents", "Documents, first pass", "recall", "Share of the true nearest that are found"],
  ["retriever", "Documents, answers", "recall_at_10", "Share of the exact first ten that are found"],
];

export function about(details: Details): HTMLElement {
  const measures = MEASURES.flatMap(([stage, title, key, meaning]) => {
    const measured = details.stages[stage]?.measured;
    const value = measured && numberIn(measured, key);
    if (value === undefined) return [];
    const error = numberIn(measured!, "standard_error");
    const asked = numberIn(measured!, "asked");
    const more = [error && `± ${error.toFixed(3)}`, asked && `asked for ${asked}`].filter(Boolean).join(", ");
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, title, el("span", { class: "title" }, meaning)),
      el("td", { class: "number" }, value.toFixed(3), el("span", { class: "title" }, more)),
    );
  });
  const nodes = details.stages["graph"]?.counts["n_nodes"];
  const links = details.stages["graph"]?.counts["n_edges"];
  const docs = details.stages["corpus"]?.counts["n_docs"];
  const sizes = [nodes && `${count(nodes)} nodes`, links && `${count(links)} links`, docs && `${count(docs)} documents`];
  return el(
    "div",
    { class: "about" },
    el("h2", {}, details.index),
    el("p", {}, sizes.filter(Boolean).join(" · ")),
    measures.length > 0 && el("h3", {}, "Measured when it was built"),
    measures.length > 0 && el("table", {}, el("tbody", {}, ...measures)),
    el("h3", {}, "Versions"),
    details.refused && el("p", { class: "note" }, `${details.refused.version} could not be opened: ${details.refused.reason}`),
    el(
      "table",
      {},
      el("thead", {}, el("tr", {}, ...["Version", "Built", "Size"].map((name) => el("th", { scope: "col" }, name)))),
      el(
        "tbody",
        {},
        ...details.versions.map(({ version, created, bytes, served }) =>
          el(
            "tr",
            {},
            el("th", { scope: "row" }, el("code", {}, version), served && el("span", { class: "badge" }, "answers now")),
            el("td", {}, el("time", { dateTime: created }, when(created))),
            el("td", { class: "number" }, size(bytes)),
          ),
        ),
      ),
    ),
  );
}

// A measure of a stage, or of the point that was kept of what it tried.
function numberIn(measured: Record<string, unknown>, key: string): number | undefined {
  const tried = measured["frontier"];
  const kept = Array.isArray(tried) ? tried.find((one) => one?.kept === true) : undefined;
  const value = measured[key] ?? kept?.[key];
  return typeof value === "number" ? value : undefined;
}

function when(created: string): string {
  return new Date(created).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}

function size(bytes: number): string {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

export function count(value: number): string {
  return value.toLocaleString("en");
}

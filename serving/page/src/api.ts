// Asking the service. Every sort of question has one place in the line: a newer one ends the one before.

import { el } from "./dom";
import type { Answer, Community, Details, Explanation, IndexSummary, Neighbourhood, Node } from "./types";

/** Why a question was not answered: a sentence for people, and the sort of problem. */
export class Problem extends Error {
  constructor(
    detail: string,
    readonly type: string,
    readonly nearest: string[] = [],
  ) {
    super(detail);
  }
}

/** The version that answered last, of each index. */
export const answered = new Map<string, string>();

const KEY = "purlieu.key";
const waiting = new Map<string, AbortController>();
let asking: Promise<string> | null = null;

export function indexes(): Promise<{ indexes: IndexSummary[] }> {
  return json("indexes", "v1/indexes");
}

export function details(index: string): Promise<Details> {
  return json("details", `v1/indexes/${encodeURIComponent(index)}`);
}

export async function nodes(index: string, prefix: string, limit: number): Promise<Node[]> {
  const query = new URLSearchParams({ prefix, limit: String(limit) });
  const answer: Answer = await json("nodes", `v1/indexes/${encodeURIComponent(index)}/nodes?${query}`);
  return answer.results[0] ?? [];
}

export function neighbourhood(index: string, seeds: string[], k: number): Promise<Neighbourhood> {
  const weights = Object.fromEntries(seeds.map((seed) => [seed, 1]));
  return ask(index, "neighbourhood", { seeds: weights, k });
}

export function similar(index: string, ids: string[], k: number): Promise<Answer> {
  return ask(index, "similar", { ids, k });
}

export function community(index: string, seeds: string[], size: number): Promise<Community> {
  return ask(index, "community", { seeds, size });
}

export function search(index: string, text: string, k: number): Promise<Answer> {
  return ask(index, "search", { texts: [text], k });
}

export function explain(index: string, a: string, b: string, k: number): Promise<Explanation> {
  return ask(index, "explain", { a, b, k });
}

export async function map(index: string): Promise<ArrayBuffer> {
  return (await request("map", `v1/indexes/${encodeURIComponent(index)}/map`)).arrayBuffer();
}

/** Whether an error only says that a newer question took this one's place. */
export function isOutdated(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

function ask<Kind>(index: string, question: string, body: unknown): Promise<Kind> {
  return json(question, `v1/indexes/${encodeURIComponent(index)}/${question}`, JSON.stringify(body));
}

async function json<Kind>(line: string, path: string, body?: string): Promise<Kind> {
  const found = await (await request(line, path, body)).json();
  if (found.index && found.version) answered.set(found.index, found.version);
  return found as Kind;
}

async function request(line: string, path: string, body?: string): Promise<Response> {
  waiting.get(line)?.abort();
  const control = new AbortController();
  waiting.set(line, control);
  const key = sessionStorage.getItem(KEY);
  const headers: Record<string, string> = { Accept: "application/json, application/octet-stream" };
  if (key) headers["Authorization"] = `Bearer ${key}`;
  const method = body === undefined ? "GET" : "POST";
  let response: Response;
  try {
    response = await fetch(path, { method, headers, body: body ?? null, signal: control.signal, cache: "no-store" });
  } catch (error) {
    if (isOutdated(error)) throw error;
    throw new Problem("The service does not answer; is it still running?", "unreachable");
  }
  if (response.status === 401) {
    asking ??= askForKey(key !== null).finally(() => (asking = null));
    sessionStorage.setItem(KEY, await asking);
    return request(line, path, body);
  }
  if (!response.ok) throw await problemIn(response);
  return response;
}

async function problemIn(response: Response): Promise<Problem> {
  try {
    const { detail, type, nearest } = await response.json();
    return new Problem(String(detail), String(type), nearest ?? []);
  } catch {
    return new Problem(`The service answered with status ${response.status}.`, "about:blank");
  }
}

// Kept for this tab alone, and sent to this service alone.
function askForKey(again: boolean): Promise<string> {
  return new Promise((resolve) => {
    const input = el("input", { type: "password", id: "key", required: true, autocomplete: "off" });
    const form = el(
      "form",
      { method: "dialog", class: "key" },
      el("h2", {}, again ? "This key is not known" : "This service wants a key"),
      el("label", { for: "key" }, "API key"),
      input,
      el("button", { type: "submit" }, "Go on"),
    );
    const dialog = el("dialog", { "aria-label": "API key" }, form);
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(input.value);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

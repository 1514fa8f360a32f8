// The likeliest ways between two nodes, laid over a neighbourhood: what the drawing lacks of them is added to it.

import type { Explanation, Hit, Link, Neighbourhood } from "./types";

/** The ids of every way, the likeliest first. */
export function waysOf(why: Explanation | null): string[][] {
  return (why?.paths ?? []).map(({ ids }) => ids.map(String));
}

/** A neighbourhood with every node and link of the ways; what is added ranks last. */
export function withWays(around: Neighbourhood, why: Explanation | null): Neighbourhood {
  if (!why) return around;
  const hits: Hit[] = [...(around.results[0] ?? [])];
  const links: Link[] = [...around.links];
  const place = new Map(hits.map(({ id }, at) => [String(id), at]));
  const described = new Map([...why.nodes, ...(why.results[0] ?? [])].map((node) => [String(node.id), node]));
  const placeOf = (id: string): number => {
    let at = place.get(id);
    if (at === undefined) {
      at = hits.push({ id, ...described.get(id), score: 0 }) - 1;
      place.set(id, at);
    }
    return at;
  };
  for (const { ids, weights } of why.paths)
    for (let step = 0; step < weights.length; step++)
      links.push({ source: placeOf(String(ids[step])), target: placeOf(String(ids[step + 1])), weight: weights[step]! });
  return { ...around, results: [hits], links };
}

/** The steps of ways, as a set to ask whether a link is one of them, in either direction. */
export class Steps {
  private readonly steps = new Set<string>();
  readonly nodes = new Set<string>();

  constructor(ways: string[][]) {
    for (const way of ways)
      way.forEach((id, at) => {
        this.nodes.add(id);
        if (at) this.steps.add(JSON.stringify([way[at - 1], id].sort()));
      });
  }

  has(one: string, other: string): boolean {
    return this.steps.has(JSON.stringify([one, other].sort()));
  }
}

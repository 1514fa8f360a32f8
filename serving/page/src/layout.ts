// Where the nodes of a neighbourhood are drawn: the same place for the same answer.

import type Graph from "graphology";
import forceAtlas2 from "graphology-layout-forceatlas2";

/** Gives every node an x and a y, from where it was (`before`) or from a spiral by rank, seeds in the middle. */
export function layOut(graph: Graph, before: Map<string, { x: number; y: number }>): void {
  const turn = Math.PI * (3 - Math.sqrt(5)); // the golden angle: no two nodes in one direction
  graph.forEachNode((node, { place }) => {
    const radius = Math.sqrt(place);
    const start = before.get(node) ?? { x: radius * Math.cos(place * turn), y: radius * Math.sin(place * turn) };
    graph.mergeNodeAttributes(node, start);
  });
  if (graph.order < 2) return;
  forceAtlas2.assign(graph, {
    iterations: graph.order > 120 ? 250 : 500,
    settings: {
      strongGravityMode: true, // what has no link here stays at hand
      gravity: 0.08,
      scalingRatio: 12,
      slowDown: 3,
      barnesHutOptimize: graph.order > 150,
      edgeWeightInfluence: 0,
    },
  });
  spread(graph);
}

// Room for every node and its name: distances from the middle are evened out, then what is too close moves apart.
function spread(graph: Graph): void {
  const nodes = graph.nodes();
  const at = nodes.map((node) => graph.getNodeAttributes(node) as { x: number; y: number });
  const middle = (key: "x" | "y"): number => at.reduce((sum, one) => sum + one[key], 0) / at.length;
  const [mx, my] = [middle("x"), middle("y")];
  const places = at.map(({ x, y }) => {
    const far = Math.hypot(x - mx, y - my) || 1e-9;
    const near = far ** 0.6 / far;
    return { x: (x - mx) * near, y: (y - my) * near };
  });
  const wide = Math.max(...places.map(({ x, y }) => Math.hypot(x, y)));
  const [aside, above] = [(1.5 * wide) / Math.sqrt(nodes.length), (0.8 * wide) / Math.sqrt(nodes.length)];
  for (let pass = 0; pass < 60; pass++)
    for (let one = 0; one < places.length; one++)
      for (let other = 0; other < one; other++) {
        const [a, b] = [places[one]!, places[other]!];
        // Names are wide, so nodes need more room beside them than above.
        const [x, y] = [(a.x - b.x) / aside, (a.y - b.y) / above];
        const apart = Math.hypot(x, y) || 1e-3;
        if (apart >= 1) continue;
        const push = (0.25 * (1 - apart)) / apart;
        const [right, up] = [(x || 1e-3) * aside * push, (y || 1e-3) * above * push];
        [a.x, a.y, b.x, b.y] = [a.x + right, a.y + up, b.x - right, b.y - up];
      }
  nodes.forEach((node, place) => graph.mergeNodeAttributes(node, places[place]!));
}

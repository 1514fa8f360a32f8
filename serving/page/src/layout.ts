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
    iterations: graph.order > 120 ? 200 : 400,
    getEdgeWeight: "pull",
    settings: {
      gravity: 0.6,
      scalingRatio: 14,
      slowDown: 4,
      linLogMode: false,
      outboundAttractionDistribution: true, // hubs do not gather everything in one lump
      barnesHutOptimize: graph.order > 150,
      edgeWeightInfluence: 0.5,
    },
  });
}

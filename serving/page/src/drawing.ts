// The neighbourhood as a drawing: nodes by rank and community, the links among them, mouse and keyboard.

import Graph from "graphology";
import Sigma from "sigma";
import type { NodeDisplayData, PartialButFor } from "sigma/types";
import { colour, colourName, type Group } from "./colours";
import { el, say } from "./dom";
import { layOut } from "./layout";
import type { Neighbourhood } from "./types";
import { Steps } from "./ways";

type Labelled = PartialButFor<NodeDisplayData, "x" | "y" | "size" | "label" | "color"> & { seed?: boolean };
export type Choose = (id: string, add: boolean) => void;

const FONT = 'system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
const TOWARDS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export class Drawing {
  private graph = new Graph({ type: "undirected" });
  private sigma: Sigma | null = null;
  private marked: string | null = null;
  private ways: string[][] = [];
  private steps = new Steps([]);
  private shown: { answer: Neighbourhood; seeds: Set<string>; groups: Group[] } | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly choose: Choose,
    private readonly explain: (id: string) => void,
  ) {
    host.addEventListener("keydown", (event) => this.key(event));
    host.addEventListener("blur", () => this.mark(null));
  }

  /** Draw an answer, nodes that were there before near where they were; where there are `ways`, those stand out. */
  show(answer: Neighbourhood, seeds: string[], groups: Group[], ways: string[][]): void {
    this.ways = ways;
    this.steps = new Steps(ways);
    const before = new Map<string, { x: number; y: number }>();
    this.graph.forEachNode((node, { x, y }) => before.set(node, { x, y }));
    this.shown = { answer, seeds: new Set(seeds), groups };
    this.graph = graphOf(answer, this.shown.seeds, groups, this.steps);
    layOut(this.graph, before);
    this.paint();
    const count = this.graph.order;
    this.host.setAttribute(
      "aria-label",
      `Drawing of ${count} nodes around ${seeds.join(", ")}. Arrow keys go from node to node, Enter looks from ` +
        `the marked one, Shift and Enter adds it, W tells why it is near, plus and minus zoom, 0 shows all. The ranking lists the same nodes.`,
    );
  }

  /** Make one way stand out, or all of them again. */
  pointOut(way: string[] | null): void {
    this.steps = new Steps(way ? [way] : this.ways);
    this.marked = null;
    this.sigma?.refresh({ skipIndexation: true });
  }

  /** Take the room there is: the window may have changed while the drawing was hidden. */
  fit(): void {
    this.sigma?.resize();
    this.sigma?.refresh({ skipIndexation: true });
  }

  /** Draw again, after the colours changed. */
  repaint(): void {
    if (!this.shown) return;
    const { answer, groups } = this.shown;
    for (const hit of answer.results[0] ?? [])
      this.graph.setNodeAttribute(String(hit.id), "color", colour(colourName(groups, hit.label)));
    this.paint();
  }

  /** Where a node is on the screen, for scripts that drive the page. */
  placeOf(id: string): { x: number; y: number } | null {
    if (!this.sigma || !this.graph.hasNode(id)) return null;
    const box = this.host.getBoundingClientRect();
    const { x, y } = this.sigma.graphToViewport(this.graph.getNodeAttributes(id) as { x: number; y: number });
    return { x: box.left + x, y: box.top + y };
  }

  private paint(): void {
    if (this.host.clientWidth === 0) return; // hidden: it is drawn when it is shown
    this.marked = null;
    this.sigma?.kill();
    this.sigma = null;
    try {
      this.sigma = new Sigma(this.graph, this.host, {
        labelFont: FONT,
        labelSize: 13,
        labelColor: { color: colour("text") },
        labelDensity: 0.9,
        labelGridCellSize: 90,
        labelRenderedSizeThreshold: 5,
        stagePadding: this.host.clientWidth < 500 ? 36 : 60,
        allowInvalidContainer: true, // the window may change while the drawing is hidden
        minCameraRatio: 0.1,
        maxCameraRatio: 3,
        zIndex: true,
        defaultDrawNodeLabel: label,
        defaultDrawNodeHover: label,
        nodeReducer: (node, data) => this.nodeLooks(node, data),
        edgeReducer: (edge, data) => this.edgeLooks(edge, data),
      });
    } catch {
      this.host.replaceChildren(
        el("p", { class: "note" }, "This browser cannot draw with WebGL; the lists have the same nodes."),
      );
      return;
    }
    this.sigma.on("beforeRender", () => {
      taken = [...(this.shown?.seeds ?? [])].slice(0, 5).flatMap((seed) => {
        if (!this.sigma || !this.graph.hasNode(seed)) return [];
        const { x, y } = this.sigma.graphToViewport(this.graph.getNodeAttributes(seed) as { x: number; y: number });
        return [{ left: x - 16, right: x + 24 + 9 * seed.length, y }];
      });
    });
    this.sigma.on("clickNode", ({ node, event }) => this.choose(node, (event.original as MouseEvent).shiftKey));
    this.sigma.on("enterNode", ({ node }) => this.mark(node, false));
    this.sigma.on("leaveNode", () => this.mark(null));
  }

  private nodeLooks(node: string, data: Record<string, unknown>): Record<string, unknown> {
    if (this.marked === null) {
      if (!this.steps.nodes.size || data["seed"]) return data;
      if (this.steps.nodes.has(node)) return { ...data, forceLabel: true, zIndex: 2 };
      return { ...data, color: colour("faint"), label: "", forceLabel: false, zIndex: 0 };
    }
    if (node === this.marked) return { ...data, highlighted: true, forceLabel: true, zIndex: 3 };
    if (this.graph.areNeighbors(node, this.marked)) return { ...data, zIndex: 2 };
    return { ...data, color: colour("faint"), label: "", forceLabel: false, zIndex: 0 };
  }

  private edgeLooks(edge: string, data: Record<string, unknown>): Record<string, unknown> {
    if (this.marked === null && this.steps.nodes.size) {
      const way = this.steps.has(...this.graph.extremities(edge));
      return { ...data, color: colour(way ? "accent" : "faint"), size: way ? 3.5 : 1, zIndex: way ? 1 : 0 };
    }
    const lit = this.marked !== null && this.graph.hasExtremity(edge, this.marked);
    return { ...data, color: colour(lit ? "lit" : "link"), hidden: this.marked !== null && !lit };
  }

  private mark(node: string | null, aloud = false): void {
    if (node === this.marked) return;
    this.marked = node;
    this.host.classList.toggle("pointing", node !== null);
    this.sigma?.refresh({ skipIndexation: true });
    if (aloud && node !== null) say(`${node}, number ${Number(this.graph.getNodeAttribute(node, "place")) + 1}`);
  }

  private key(event: KeyboardEvent): void {
    if (!this.sigma || event.ctrlKey || event.metaKey || event.altKey) return;
    const towards = TOWARDS[event.key];
    const camera = this.sigma.getCamera();
    if (towards) this.mark(this.nearest(towards), true);
    else if (event.key === "Enter" && this.marked !== null) this.choose(this.marked, event.shiftKey);
    else if (event.key === "w" && this.marked !== null) this.explain(this.marked);
    else if (event.key === "Escape") this.mark(null);
    else if (event.key === "+" || event.key === "=") camera.setState({ ratio: camera.ratio / 1.3 });
    else if (event.key === "-") camera.setState({ ratio: camera.ratio * 1.3 });
    else if (event.key === "0") camera.setState({ x: 0.5, y: 0.5, ratio: 1 });
    else return;
    event.preventDefault();
  }

  // The next node in a direction: near, and not far off to the side.
  private nearest([right, down]: [number, number]): string {
    const from = this.marked ?? [...(this.shown?.seeds ?? [])][0] ?? "";
    if (this.marked === null && this.graph.hasNode(from)) return from;
    const here = this.placeOf(from);
    let [best, least] = [from, Infinity];
    if (here)
      this.graph.forEachNode((node) => {
        const there = this.placeOf(node)!;
        const [x, y] = [there.x - here.x, there.y - here.y];
        const along = x * right + y * down;
        const aside = Math.abs(x * down) + Math.abs(y * right);
        if (along > 1 && along + 2 * aside < least) [best, least] = [node, along + 2 * aside];
      });
    return best;
  }
}

function graphOf(answer: Neighbourhood, seeds: Set<string>, groups: Group[], steps: Steps): Graph {
  const graph = new Graph({ type: "undirected" });
  const hits = answer.results[0] ?? [];
  const ids = hits.map((hit) => String(hit.id));
  // Beside a seed, which holds much of its own rank, all others would be dots.
  const most = Math.max(...hits.filter((hit) => !seeds.has(String(hit.id))).map((hit) => hit.score), 1e-12);
  hits.forEach((hit, place) => {
    const id = ids[place]!;
    const seed = seeds.has(id);
    graph.mergeNode(id, {
      place,
      label: id,
      seed,
      size: seed
        ? seeds.size > 5 ? 8 : 13
        : Math.max(3 + 9 * Math.sqrt(Math.min(hit.score / most, 1)), steps.nodes.has(id) ? 6 : 0),
      color: colour(colourName(groups, hit.label)),
      forceLabel: seed || place < 8,
      zIndex: seed ? 2 : 1,
    });
  });
  for (const { source, target, weight } of answer.links) {
    const [one, other] = [ids[source]!, ids[target]!];
    const pull = weight + (graph.hasEdge(one, other) ? Number(graph.getEdgeAttribute(one, other, "pull")) : 0);
    graph.mergeEdge(one, other, { pull, size: 1 });
  }
  return graph;
}

// Where names stand already in the picture being drawn; those of seeds are kept free from the start.
let taken: { left: number; right: number; y: number }[] = [];

// Beside the node, on a halo of the paper's colour; a ring around seeds and the marked node.
function label(context: CanvasRenderingContext2D, data: Labelled): void {
  const { x, y, size, seed, highlighted } = data;
  if (seed || highlighted) {
    context.beginPath();
    context.arc(x, y, size + 3, 0, 2 * Math.PI);
    context.lineWidth = 2;
    context.strokeStyle = colour("text");
    context.stroke();
  }
  if (!data.label) return;
  context.font = `${seed || highlighted ? 650 : 450} ${seed ? 15 : 13}px ${FONT}`;
  context.lineJoin = "round";
  context.lineWidth = 4;
  context.strokeStyle = colour("panel");
  context.fillStyle = colour("text");
  const gap = size + (seed || highlighted ? 7 : 4);
  const wide = context.measureText(data.label).width;
  // On the other side where it would leave the paper.
  const leaves = x + gap + wide > context.canvas.clientWidth - 4 && x - gap - wide > 0;
  const [left, line] = [leaves ? x - gap - wide : x + gap, y + 4.5];
  const own = seed || highlighted;
  if (!own && taken.some((box) => left < box.right && left + wide > box.left && Math.abs(box.y - y) < 15)) return;
  taken.push({ left, right: left + wide, y });
  context.strokeText(data.label, left, line);
  context.fillText(data.label, left, line);
}

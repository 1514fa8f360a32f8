// The map: all nodes as points. Drag to move, wheel or pinch to zoom, click to look from a point, lasso to take many.

import { colour, colourName, N_COLOURS, pixel, type Group } from "./colours";
import { el, say } from "./dom";
import type { Choose } from "./drawing";
import { Grid } from "./grid";
import { central, inside } from "./lasso";
import { Picture } from "./picture";
import type { Points } from "./points";
import type { View } from "./raster";
import { MOST_SEEDS } from "./state";
import type { Hit } from "./types";

const NEAR = 12; // pixels between a finger or the mouse and a point
const STILL = 140; // milliseconds after the last movement

export class MapView {
  private readonly canvas = el("canvas", { tabIndex: 0, role: "application" });
  private readonly tip = el("span", { class: "tip", hidden: true, "aria-hidden": "true" });
  private readonly lassoButton: HTMLButtonElement;
  private points: Points | null = null;
  private grid: Grid | null = null;
  private view: View = { x: 0, y: 0, scale: 1 };
  private whole = 1;
  private classOf = new Uint8Array(0);
  private hits: Hit[] = [];
  private groups: Group[] = [];
  private seeds: string[] = [];
  private pointers = new Map<number, { x: number; y: number }>();
  private moved = 0;
  private loop: number[] | null = null;
  private drawing = false;
  private waiting = 0;
  private pointed = -1;
  private fitted = false;
  private readonly picture = new Picture();
  private movedAt = -Infinity;
  private settling = 0;
  /** Milliseconds the last picture took. */
  took = 0;

  constructor(
    private readonly host: HTMLElement,
    tools: HTMLElement,
    private readonly choose: Choose,
    private readonly take: (ids: string[]) => void,
  ) {
    const button = (text: string, title: string, onclick: () => void): HTMLButtonElement =>
      el("button", { type: "button", class: "tool", title, "aria-label": text.length < 2 && title, onclick }, text);
    this.lassoButton = button("Lasso", "Draw a lasso around points to look from them", () => this.lasso(!this.drawing));
    this.lassoButton.setAttribute("aria-pressed", "false");
    tools.append(
      this.lassoButton,
      button("Take all in view", "Look from the points in view", () => this.takeView()),
      button("−", "Zoom out", () => this.zoom(1 / 1.5)),
      button("+", "Zoom in", () => this.zoom(1.5)),
      button("All", "Show all points", () => this.fit()),
    );
    host.append(this.canvas, this.tip);
    new ResizeObserver(() => this.resize()).observe(host);
    this.canvas.addEventListener("pointerdown", (event) => this.down(event));
    this.canvas.addEventListener("pointermove", (event) => this.move(event));
    this.canvas.addEventListener("pointerup", (event) => this.up(event));
    this.canvas.addEventListener("pointercancel", (event) => this.up(event));
    this.canvas.addEventListener("pointerleave", () => this.point(-1));
    this.canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.canvas.addEventListener("keydown", (event) => this.key(event));
  }

  /** Take the points of an index; the view starts with all of them. */
  load(points: Points): void {
    this.points = points;
    this.grid = new Grid(points.places);
    this.fitted = false;
    this.canvas.setAttribute(
      "aria-label",
      `Map of ${points.count.toLocaleString("en")} nodes. Arrow keys move it, plus and minus zoom, 0 shows all, ` +
        `Enter looks from the points in view. With a mouse: L and drag for a lasso.`,
    );
    this.fit();
    this.show(this.hits, this.seeds, this.groups);
  }

  /** Bring out a neighbourhood: its nodes, and the communities they are in. */
  show(hits: Hit[], seeds: string[], groups: Group[]): void {
    [this.hits, this.seeds, this.groups] = [hits, seeds, groups];
    const { labels, count } = this.points ?? { labels: null, count: 0 };
    this.classOf = new Uint8Array(count);
    if (labels && groups.length) {
      const place = new Map(groups.map(({ label }, at) => [label, at + 1]));
      for (let point = 0; point < count; point++) this.classOf[point] = place.get(labels[point]!) ?? 0;
    }
    this.repaint();
  }

  /** Where a node is on the screen, for scripts that drive the page. */
  placeOf(id: string): { x: number; y: number } | null {
    const point = this.points?.find(id) ?? -1;
    if (point < 0) return null;
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = this.screen(point);
    return { x: box.left + x, y: box.top + y };
  }

  /** Draw all of it again: points or colours changed. */
  repaint(): void {
    this.picture.forget();
    this.draw();
  }

  private draw(): void {
    if (!this.waiting) this.waiting = requestAnimationFrame(() => this.paint());
  }

  private paint(): void {
    this.waiting = 0;
    const context = this.canvas.getContext("2d");
    const { width, height } = this.canvas;
    if (!context || !this.points || !this.grid || width === 0 || height === 0) return;
    const started = performance.now();
    const ratio = this.ratio();
    const view = { ...this.view, scale: this.view.scale * ratio };
    const moving = started - this.movedAt < STILL;
    if (!(moving ? this.picture.serves(view, width, height, this.grid.box) : this.picture.fits(view, width, height)))
      this.paintPoints(view, width, height);
    this.picture.show(context, view, width, height);
    if (moving) {
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.draw(), STILL);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.paintHits(context);
    this.paintLoop(context);
    context.setTransform(1, 0, 0, 1, 0, 0);
    this.took = performance.now() - started;
  }

  private paintPoints(view: View, width: number, height: number): void {
    const zoomed = Math.log2(this.view.scale / this.whole);
    const size = Math.round(Math.min(Math.max(1.1 + 0.4 * zoomed, 1), 5) * this.ratio());
    const classes = Uint32Array.from({ length: N_COLOURS }, (_, at) => pixel(colour(`group-${at + 1}`)));
    const paint = { sparse: pixel(colour("sparse")), dense: pixel(colour("dense")), classes };
    this.picture.draw(this.points!.places, this.classOf, view, width, height, size, paint);
  }

  private paintHits(context: CanvasRenderingContext2D): void {
    const seeds = new Set(this.seeds);
    for (const { id, label } of [...this.hits].reverse()) {
      const point = this.points!.find(String(id));
      if (point < 0) continue;
      const [x, y] = this.screen(point);
      const seed = seeds.has(String(id));
      context.beginPath();
      context.arc(x, y, seed ? 6 : 3.5, 0, 2 * Math.PI);
      context.fillStyle = colour(colourName(this.groups, label));
      context.fill();
      context.lineWidth = seed ? 2 : 1;
      context.strokeStyle = colour(seed ? "text" : "panel");
      context.stroke();
    }
    context.font = "600 14px system-ui, sans-serif";
    context.lineWidth = 4;
    context.lineJoin = "round";
    context.strokeStyle = colour("panel");
    context.fillStyle = colour("text");
    const named: [number, number, number][] = []; // where names stand: left, right, height
    for (const id of this.seeds.slice(0, 5)) {
      const point = this.points!.find(id);
      if (point < 0) continue;
      const [x, y] = this.screen(point);
      const right = x + 10 + context.measureText(id).width;
      if (named.some(([from, to, at]) => x < to && right > from && Math.abs(at - y) < 16)) continue;
      named.push([x, right, y]);
      context.strokeText(id, x + 10, y + 5);
      context.fillText(id, x + 10, y + 5);
    }
  }

  private paintLoop(context: CanvasRenderingContext2D): void {
    if (!this.loop || this.loop.length < 4) return;
    context.beginPath();
    for (let at = 0; at < this.loop.length; at += 2) context.lineTo(this.loop[at]!, this.loop[at + 1]!);
    context.closePath();
    context.strokeStyle = context.fillStyle = colour("accent");
    context.lineWidth = 2;
    context.stroke();
    context.globalAlpha = 0.12;
    context.fill("evenodd");
    context.globalAlpha = 1;
  }

  private ratio(): number {
    return Math.min(window.devicePixelRatio || 1, 2);
  }

  private resize(): void {
    const [width, height] = [this.host.clientWidth, this.host.clientHeight];
    if (!width || !height) return;
    this.canvas.width = Math.round(width * this.ratio());
    this.canvas.height = Math.round(height * this.ratio());
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    if (!this.fitted) this.fit();
    this.draw();
  }

  private fit(): void {
    const [width, height] = [this.host.clientWidth, this.host.clientHeight];
    if (!this.grid || !width || !height) return;
    const { box } = this.grid;
    const scale = 0.92 * Math.min(width / (box.width || 1), height / (box.height || 1));
    this.whole = scale;
    this.fitted = true;
    this.view = { x: box.left + box.width / 2, y: box.low + box.height / 2, scale };
    this.draw();
  }

  private screen(point: number): [number, number] {
    const { places } = this.points!;
    return [
      this.host.clientWidth / 2 + (places[2 * point]! - this.view.x) * this.view.scale,
      this.host.clientHeight / 2 - (places[2 * point + 1]! - this.view.y) * this.view.scale,
    ];
  }

  private units(x: number, y: number): [number, number] {
    return [
      this.view.x + (x - this.host.clientWidth / 2) / this.view.scale,
      this.view.y - (y - this.host.clientHeight / 2) / this.view.scale,
    ];
  }

  // About a place of the screen, which keeps what it shows.
  private zoom(factor: number, x = this.host.clientWidth / 2, y = this.host.clientHeight / 2): void {
    const [before_x, before_y] = this.units(x, y);
    this.view.scale = Math.min(Math.max(this.view.scale * factor, this.whole / 2), this.whole * 500);
    const [after_x, after_y] = this.units(x, y);
    this.view.x += before_x - after_x;
    this.view.y += before_y - after_y;
    this.movedAt = performance.now();
    this.draw();
  }

  private pan(right: number, down: number): void {
    this.view.x -= right / this.view.scale;
    this.view.y += down / this.view.scale;
    this.movedAt = performance.now();
    this.draw();
  }

  private lasso(on: boolean): void {
    this.drawing = on;
    this.lassoButton.setAttribute("aria-pressed", String(on));
    this.canvas.classList.toggle("lasso", on);
    if (on) say("Draw around the points to look from.");
  }

  private down(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    this.moved = 0;
    this.point(-1);
    this.loop = this.drawing && this.pointers.size === 1 ? [event.offsetX, event.offsetY] : null;
  }

  private move(event: PointerEvent): void {
    const [x, y] = [event.offsetX, event.offsetY];
    const before = this.pointers.get(event.pointerId);
    if (!before) {
      this.point(this.at(x, y), x, y);
      return;
    }
    this.moved += Math.hypot(x - before.x, y - before.y);
    if (this.loop) {
      this.loop.push(x, y);
      this.draw();
    } else if (this.pointers.size === 1) this.pan(x - before.x, y - before.y);
    else {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)![1];
      const apart = Math.hypot(before.x - other.x, before.y - other.y);
      this.zoom(Math.hypot(x - other.x, y - other.y) / Math.max(apart, 1), (x + other.x) / 2, (y + other.y) / 2);
    }
    this.pointers.set(event.pointerId, { x, y });
  }

  private up(event: PointerEvent): void {
    if (!this.pointers.delete(event.pointerId)) return;
    const loop = this.loop;
    this.loop = null;
    if (loop && loop.length >= 6 && event.type === "pointerup") this.takeLoop(loop);
    else if (this.moved < 4 && event.type === "pointerup") {
      const point = this.at(event.offsetX, event.offsetY);
      if (point >= 0) this.choose(this.points!.idOf(point), event.shiftKey);
    }
    this.draw();
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), event.offsetX, event.offsetY);
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = 60;
    const moves: Record<string, () => void> = {
      ArrowLeft: () => this.pan(step, 0),
      ArrowRight: () => this.pan(-step, 0),
      ArrowUp: () => this.pan(0, step),
      ArrowDown: () => this.pan(0, -step),
      "+": () => this.zoom(1.5),
      "=": () => this.zoom(1.5),
      "-": () => this.zoom(1 / 1.5),
      "0": () => this.fit(),
      l: () => this.lasso(!this.drawing),
      Escape: () => this.lasso(false),
      Enter: () => this.takeView(),
    };
    const act = moves[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  private at(x: number, y: number): number {
    const [right, up] = this.units(x, y);
    return this.grid?.nearest(right, up, NEAR / this.view.scale) ?? -1;
  }

  private point(point: number, x = 0, y = 0): void {
    this.tip.hidden = point < 0;
    this.canvas.classList.toggle("pointing", point >= 0 && !this.drawing);
    if (point < 0) return;
    if (point !== this.pointed) this.tip.textContent = this.points!.idOf(point);
    this.pointed = point;
    this.tip.style.left = `${Math.min(x + 14, this.host.clientWidth - this.tip.offsetWidth - 4)}px`;
    this.tip.style.top = `${Math.max(y - 30, 4)}px`;
  }

  private takeView(): void {
    const [width, height] = [this.host.clientWidth, this.host.clientHeight];
    this.takeLoop([0, 0, width, 0, width, height, 0, height]);
  }

  private takeLoop(loop: number[]): void {
    if (!this.points) return;
    const corners = loop.flatMap((_, at) => (at % 2 ? [] : this.units(loop[at]!, loop[at + 1]!)));
    const found = inside(this.points.places, corners);
    const kept = central(this.points.places, found, MOST_SEEDS);
    this.lasso(false);
    if (!found.length) say("No point is in there.");
    else {
      this.take(kept.map((point) => this.points!.idOf(point)));
      const rest = found.length > kept.length ? `; seeds are the ${kept.length} nearest to their middle` : "";
      say(`${found.length.toLocaleString("en")} points taken${rest}.`);
    }
  }
}

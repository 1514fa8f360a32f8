// Which point is nearest to a place: points sorted into the squares of a grid.

const SIDE = 128;

export interface Box {
  left: number;
  low: number;
  width: number;
  height: number;
}

export class Grid {
  private readonly starts = new Uint32Array(SIDE * SIDE + 1);
  private readonly points: Uint32Array;
  private readonly step: number;

  constructor(
    private readonly places: Float32Array,
    readonly box: Box = boxOf(places),
  ) {
    this.step = Math.max(box.width, box.height, 1e-9) / SIDE;
    const count = places.length / 2;
    const cells = new Uint32Array(count);
    for (let point = 0; point < count; point++) {
      cells[point] = this.cell(places[2 * point]!, places[2 * point + 1]!);
      this.starts[cells[point]! + 1]!++;
    }
    for (let cell = 0; cell < SIDE * SIDE; cell++) this.starts[cell + 1]! += this.starts[cell]!;
    const next = this.starts.slice();
    this.points = new Uint32Array(count);
    for (let point = 0; point < count; point++) this.points[next[cells[point]!]!++] = point;
  }

  /** The nearest point no farther than `reach`, or -1. */
  nearest(x: number, y: number, reach: number): number {
    let [best, least] = [-1, reach];
    const [column, row, wide] = [this.along(x, this.box.left), this.along(y, this.box.low), Math.ceil(reach / this.step)];
    for (let r = Math.max(row - wide, 0); r <= Math.min(row + wide, SIDE - 1); r++)
      for (let c = Math.max(column - wide, 0); c <= Math.min(column + wide, SIDE - 1); c++)
        for (let at = this.starts[r * SIDE + c]!; at < this.starts[r * SIDE + c + 1]!; at++) {
          const point = this.points[at]!;
          const far = Math.hypot(this.places[2 * point]! - x, this.places[2 * point + 1]! - y);
          if (far < least) [best, least] = [point, far];
        }
    return best;
  }

  private cell(x: number, y: number): number {
    return this.along(y, this.box.low) * SIDE + this.along(x, this.box.left);
  }

  private along(value: number, from: number): number {
    return Math.min(Math.max(Math.floor((value - from) / this.step), 0), SIDE - 1);
  }
}

function boxOf(places: Float32Array): Box {
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let at = 0; at < places.length; at += 2) {
    left = Math.min(left, places[at]!);
    right = Math.max(right, places[at]!);
    low = Math.min(low, places[at + 1]!);
    high = Math.max(high, places[at + 1]!);
  }
  return places.length ? { left, low, width: right - left, height: high - low } : { left: 0, low: 0, width: 1, height: 1 };
}

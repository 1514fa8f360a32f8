// Which points a loop encloses, and which of many to keep.

/** Points inside the polygon `loop` (x and y in turn, the last joined to the first), by the even-odd rule. */
export function inside(places: Float32Array, loop: number[]): number[] {
  const xs = loop.filter((_, at) => at % 2 === 0);
  const ys = loop.filter((_, at) => at % 2 === 1);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const found: number[] = [];
  for (let at = 0; at < places.length; at += 2) {
    const x = places[at]!;
    const y = places[at + 1]!;
    if (x < left || x > right || y < low || y > high) continue;
    let odd = false;
    for (let here = 0, before = xs.length - 1; here < xs.length; before = here++) {
      const crosses = ys[here]! > y !== ys[before]! > y;
      if (crosses && x < ((xs[before]! - xs[here]!) * (y - ys[here]!)) / (ys[before]! - ys[here]!) + xs[here]!)
        odd = !odd;
    }
    if (odd) found.push(at / 2);
  }
  return found;
}

/** At most `most` of these points: those nearest to the middle of all of them. */
export function central(places: Float32Array, points: number[], most: number): number[] {
  if (points.length <= most) return points;
  const x = points.reduce((sum, point) => sum + places[2 * point]!, 0) / points.length;
  const y = points.reduce((sum, point) => sum + places[2 * point + 1]!, 0) / points.length;
  const far = (point: number): number => Math.hypot(places[2 * point]! - x, places[2 * point + 1]! - y);
  return [...points].sort((one, other) => far(one) - far(other) || one - other).slice(0, most);
}

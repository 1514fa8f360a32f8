// Points as pixels, without a graphics card: tens of thousands are redrawn in a few milliseconds on one core.
//
// Points of no class darken their pixels by how many fall there; points of a class have its colour, over the others.

export interface View {
  /** Middle of the picture, in the points' own units. */
  x: number;
  y: number;
  /** Pixels per unit. */
  scale: number;
}

export interface Paint {
  /** Colours as 0xAABBGGRR: of one point alone, of the densest pixel, and of each class. */
  sparse: number;
  dense: number;
  classes: Uint32Array;
}

const SHADES = 24;
let counts = new Uint8Array(0); // kept, because a picture follows a picture

/** Draws into an image; `classOf` is 0 for points of no class, else the place of its colour in `classes` plus one. */
export function drawPoints(
  image: ImageData,
  places: Float32Array,
  classOf: Uint8Array,
  view: View,
  size: number,
  paint: Paint,
): void {
  const { width, height } = image;
  const pixels = new Uint32Array(image.data.buffer);
  if (counts.length !== width * height) counts = new Uint8Array(width * height);
  else counts.fill(0);
  const left = width / 2 - view.x * view.scale - size / 2;
  const top = height / 2 + view.y * view.scale - size / 2;
  const classed: number[] = [];
  for (let point = 0, at = 0; at < places.length; point++, at += 2) {
    const x = Math.round(left + places[at]! * view.scale);
    const y = Math.round(top - places[at + 1]! * view.scale);
    if (x < 0 || y < 0 || x > width - size || y > height - size) continue;
    const kind = classOf[point]!;
    if (kind) {
      classed.push(y * width + x, paint.classes[kind - 1]!);
      continue;
    }
    for (let row = y * width + x, end = row + size * width; row < end; row += width)
      for (let column = 0; column < size; column++) if (counts[row + column]! < SHADES) counts[row + column]!++;
  }
  const shades = ramp(paint.sparse, paint.dense);
  for (let pixel = 0; pixel < counts.length; pixel++) pixels[pixel] = shades[counts[pixel]!]!;
  const wide = size + 1;
  for (let entry = 0; entry < classed.length; entry += 2)
    for (let row = 0; row < wide; row++) {
      const start = classed[entry]! + row * width;
      for (let column = 0; column < wide; column++) pixels[start + column] = classed[entry + 1]!;
    }
}

// From nothing over `sparse` to `dense`, by the logarithm of the count.
function ramp(sparse: number, dense: number): Uint32Array {
  const shades = new Uint32Array(SHADES + 1);
  for (let count = 1; count <= SHADES; count++) {
    const share = Math.log(count) / Math.log(SHADES);
    let colour = 0;
    for (const shift of [0, 8, 16, 24]) {
      const from = (sparse >>> shift) & 255;
      const to = (dense >>> shift) & 255;
      colour |= Math.round(from + (to - from) * share) << shift;
    }
    shades[count] = colour >>> 0;
  }
  return shades;
}

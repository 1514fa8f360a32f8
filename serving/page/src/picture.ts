// The points as one picture, larger than what is seen of it: while the map moves it is moved and stretched, which takes
// no time to speak of; when the map is still again, or shows what the picture does not have, it is drawn anew.

import type { Box } from "./grid";
import { drawPoints, type Paint, type View } from "./raster";

const MARGIN = 0.25; // of the width and the height, on every side
const STRETCH = 2.5; // beyond this it would look coarse

export class Picture {
  private readonly canvas = document.createElement("canvas");
  private readonly context = this.canvas.getContext("2d", { willReadFrequently: true });
  private image: ImageData | null = null;
  private view: View | null = null;
  private wide = 0;
  private high = 0;

  /** Points or their colours changed: nothing of it is good any more. */
  forget(): void {
    this.view = null;
  }

  /** Whether it was drawn for this view (in pixels of the screen) and this size. */
  fits(view: View, width: number, height: number): boolean {
    const drawn = this.view;
    const sized = this.wide === width && this.high === height;
    return sized && drawn?.x === view.x && drawn.y === view.y && drawn.scale === view.scale;
  }

  /** Whether all points in sight are on it, near enough to their size. */
  serves(view: View, width: number, height: number, box: Box): boolean {
    if (!this.view || this.wide !== width || this.high !== height) return false;
    const stretch = view.scale / this.view.scale;
    if (stretch > STRETCH || stretch < 1 / STRETCH) return false;
    const [half, tall] = [width / 2 / view.scale, height / 2 / view.scale];
    const [own, ownTall] = [this.canvas.width / 2 / this.view.scale, this.canvas.height / 2 / this.view.scale];
    return (
      Math.max(view.x - half, box.left) >= this.view.x - own &&
      Math.min(view.x + half, box.left + box.width) <= this.view.x + own &&
      Math.max(view.y - tall, box.low) >= this.view.y - ownTall &&
      Math.min(view.y + tall, box.low + box.height) <= this.view.y + ownTall
    );
  }

  /** Draw it for a view. */
  draw(places: Float32Array, classOf: Uint8Array, view: View, width: number, height: number, size: number, paint: Paint): void {
    if (!this.context) return;
    // Whole and even, so that the middle stays where it is.
    const [wide, high] = [width, height].map((side) => side + 2 * Math.round(side * MARGIN)) as [number, number];
    if (this.canvas.width !== wide || this.canvas.height !== high || !this.image) {
      [this.canvas.width, this.canvas.height] = [wide, high];
      this.image = this.context.createImageData(wide, high);
    }
    drawPoints(this.image, places, classOf, view, size, paint);
    this.context.putImageData(this.image, 0, 0);
    [this.view, this.wide, this.high] = [{ ...view }, width, height];
  }

  /** Put it where it belongs in a view. */
  show(context: CanvasRenderingContext2D, view: View, width: number, height: number): void {
    context.clearRect(0, 0, width, height);
    if (!this.view) return;
    const stretch = view.scale / this.view.scale;
    const left = width / 2 + (this.view.x - view.x) * view.scale - (this.canvas.width / 2) * stretch;
    const top = height / 2 - (this.view.y - view.y) * view.scale - (this.canvas.height / 2) * stretch;
    context.imageSmoothingEnabled = false;
    if (stretch === 1) context.drawImage(this.canvas, Math.round(left), Math.round(top));
    else context.drawImage(this.canvas, left, top, this.canvas.width * stretch, this.canvas.height * stretch);
  }
}

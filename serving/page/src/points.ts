// The file of the map: safetensors, which is a length, a JSON head, and arrays. See docs/http.md for their names.

export interface Points {
  index: string;
  version: string;
  nodes: number;
  count: number;
  /** How they were placed: "pca" or "pacmap". */
  method: string;
  /** Of "pca": the shares of the variance along the two axes. */
  explained: number[];
  /** x and y of every point in turn. */
  places: Float32Array;
  /** Number of the community of every point. */
  labels: Uint32Array | null;
  idOf(point: number): string;
  /** The point of an id, or -1. */
  find(id: string): number;
}

interface Tensor {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

export function pointsOf(file: ArrayBuffer): Points {
  const length = Number(new DataView(file).getBigUint64(0, true));
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, length))) as Record<string, Tensor>;
  const about = head["__metadata__"] as unknown as Record<string, string>;
  const bytes = (name: string): ArrayBuffer | null => {
    const tensor = head[name];
    // A copy, because typed arrays want to begin at a multiple of their width.
    return tensor ? file.slice(...(tensor.data_offsets.map((at) => at + 8 + length) as [number, number])) : null;
  };
  const places = new Float32Array(bytes("points") ?? new ArrayBuffer(0));
  const starts = new Uint32Array(bytes("id_starts") ?? new ArrayBuffer(4));
  const text = new Uint8Array(bytes("ids") ?? new ArrayBuffer(0));
  const labels = bytes("label");
  const decoder = new TextDecoder();
  let found: Map<string, number> | null = null;
  const idOf = (point: number): string => decoder.decode(text.subarray(starts[point], starts[point + 1]));
  return {
    index: about["index"] ?? "",
    version: about["version"] ?? "",
    nodes: Number(about["n_nodes"]),
    count: places.length / 2,
    method: about["method"] ?? "",
    explained: (about["explained"] ?? "").split(" ").map(Number),
    places,
    labels: labels && new Uint32Array(labels),
    idOf,
    find(id) {
      found ??= new Map(Array.from({ length: places.length / 2 }, (_, point) => [idOf(point), point]));
      return found.get(id) ?? -1;
    },
  };
}

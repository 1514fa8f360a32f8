// What the service answers; its /openapi.json describes the same.

export type Id = string | number;

export interface Node {
  id: Id;
  title?: string | null;
  [field: string]: unknown;
}

export interface Hit extends Node {
  score: number;
  label?: number;
  size?: number;
}

export interface Answer {
  index: string;
  version: string;
  results: Hit[][];
}

export interface Link {
  source: number;
  target: number;
  weight: number;
}

export interface Neighbourhood extends Answer {
  links: Link[];
  error_bound: number[];
  residual: number[];
  notes: string[];
}

export interface Community extends Answer {
  notes: string[];
  conductance: number;
  density: number;
}

/** A place in a list of the first hundred. */
export interface Place {
  rank: number;
  score: number;
}

export interface Way {
  ids: Id[];
  weights: number[];
  score: number;
}

/** Why two nodes are near; `results` are the neighbours they share. */
export interface Explanation extends Answer {
  nodes: Node[];
  paths: Way[];
  complete: boolean;
  /** Of each question: the second node as seen from the first, then the other way round. */
  signals: Record<string, (Place | null)[]>;
  together: { label: number; size: number; density: number | null } | null;
  documents: {
    score: number | null;
    tokens: { query_token: string | null; document_token: string | null; score: number }[];
    words: { word: string; score: number }[];
  } | null;
}

export interface IndexSummary {
  index: string;
  version: string | null;
  questions: string[];
}

export interface Stage {
  kind: string;
  bytes: number;
  params: Record<string, unknown>;
  counts: Record<string, number>;
  measured: Record<string, unknown>;
}

export interface Details {
  index: string;
  version: string;
  created: string;
  bytes: number;
  questions: string[];
  versions: { version: string; created: string; bytes: number; served: boolean }[];
  refused: { version: string; reason: string } | null;
  stages: Record<string, Stage>;
}

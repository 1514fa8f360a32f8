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

// Colours: those of the style sheet, and which community has which.

import type { Hit } from "./types";

export const N_COLOURS = 7;

const known = new Map<string, string>();

/** A colour of the style sheet by its name there. */
export function colour(name: string): string {
  let value = known.get(name);
  if (value === undefined) {
    value = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    known.set(name, value);
  }
  return value;
}

/** Ask the style sheet again: light became dark, or dark light. */
export function forgetColours(): void {
  known.clear();
}

/** A colour `#rrggbb` as 0xAABBGGRR, as pixels are stored. */
export function pixel(hex: string, alpha = 255): number {
  const value = parseInt(hex.slice(1), 16);
  return ((alpha << 24) | ((value & 255) << 16) | (value & 0xff00) | (value >> 16)) >>> 0;
}

export interface Group {
  label: number;
  /** Its node that matters most here, by which people know it. */
  name: string;
  shown: number;
  size: number;
}

/** The communities of a neighbourhood that get a colour: those with the most rank, most first. */
export function groupsOf(hits: Hit[]): Group[] {
  const groups = new Map<number, Group & { rank: number }>();
  for (const { id, label, size, score } of hits) {
    if (label === undefined) continue;
    const group = groups.get(label) ?? { label, name: String(id), shown: 0, size: size ?? 0, rank: 0 };
    group.shown += 1;
    group.rank += score;
    groups.set(label, group);
  }
  return [...groups.values()]
    .sort((one, other) => other.rank - one.rank || one.label - other.label)
    .slice(0, N_COLOURS)
    .map(({ rank: _, ...group }) => group);
}

/** The name of a node's colour in the style sheet. */
export function colourName(groups: Group[], label: number | undefined): string {
  const place = groups.findIndex((group) => group.label === label);
  return place < 0 ? "other" : `group-${place + 1}`;
}

// What is looked at, kept in the address after the `#`: who is sent the address sees the same, and the service never
// learns it from the address.

export type Picture = "neighbourhood" | "map";
export type List = "ranking" | "similar" | "community" | "why" | "documents" | "index";

export interface State {
  index: string;
  seeds: string[];
  text: string;
  picture: Picture;
  list: List;
  /** Nodes of the neighbourhood. */
  k: number;
}

export const SIZES = [25, 50, 100, 200];
export const MOST_SEEDS = 50;
const LISTS: List[] = ["ranking", "similar", "community", "why", "documents", "index"];

/** The state an address describes; what it leaves out follows from what it says. */
export function stateOf(fragment: string): State {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  const seeds = [...new Set(given.getAll("seed").filter(Boolean))].slice(0, MOST_SEEDS);
  const text = given.get("text") ?? "";
  const k = Number(given.get("k"));
  const list = given.get("list") as List;
  const picture = given.get("picture");
  const natural = naturally({ seeds, text });
  return {
    index: given.get("index") ?? "",
    seeds,
    text,
    picture: picture === "map" || picture === "neighbourhood" ? picture : natural.picture,
    list: LISTS.includes(list) ? list : natural.list,
    k: SIZES.includes(k) ? k : 50,
  };
}

/** The address of a state, as short as it can be. */
export function fragmentOf(state: State): string {
  const given = new URLSearchParams();
  const natural = naturally(state);
  if (state.index) given.set("index", state.index);
  for (const seed of state.seeds) given.append("seed", seed);
  if (state.text) given.set("text", state.text);
  if (state.picture !== natural.picture) given.set("picture", state.picture);
  if (state.list !== natural.list) given.set("list", state.list);
  if (state.k !== 50) given.set("k", String(state.k));
  return `#${given}`;
}

/** What is shown first. */
export function naturally({ seeds, text }: Pick<State, "seeds" | "text">): Pick<State, "picture" | "list"> {
  return {
    picture: seeds.length ? "neighbourhood" : "map",
    list: text ? "documents" : seeds.length ? "ranking" : "index",
  };
}

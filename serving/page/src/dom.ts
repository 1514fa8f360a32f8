// Elements, without markup in strings: what comes from an index is only ever text.

type Child = Node | string | null | undefined | false;
type Properties = Record<string, unknown>;

const ATTRIBUTES = new Set(["class", "role", "for", "spellcheck", "autocapitalize"]);

/** An element; `on…` properties are listeners, `class`, `aria-*` and some more attributes, the rest its properties. */
export function el<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === false || value === null) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value as EventListener);
    else if (ATTRIBUTES.has(key) || key.includes("-")) element.setAttribute(key, String(value));
    else (element as unknown as Properties)[key] = value;
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

/** The element of the page with this id. */
export function byId<Kind extends HTMLElement>(id: string): Kind {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as Kind;
}

/** Replace what an element contains. */
export function fill(element: HTMLElement, ...children: Child[]): void {
  element.replaceChildren(...children.filter((child): child is Node | string => Boolean(child)));
}

/** Tell people what happened: shown at the foot of the page, and read out by screen readers. */
export function say(text: string): void {
  byId("status").textContent = text;
}

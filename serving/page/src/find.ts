// One box to find by: ids as they are typed, and the same words as a question to the documents.

import * as api from "./api";
import type { Choose } from "./drawing";
import { byId, el, fill, say } from "./dom";
import { describe } from "./rows";
import type { Node } from "./types";

const WAIT = 90; // milliseconds after a key before the service is asked
const MOST = 8;

export interface Finding {
  index(): string;
  /** Whether words can be asked of documents. */
  searches(): boolean;
  choose: Choose;
  search(text: string): void;
}

interface Option {
  element: HTMLLIElement;
  take(add: boolean): void;
}

export class FindBox {
  private readonly input = el("input", {
    type: "text",
    id: "find-input",
    role: "combobox",
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
    placeholder: "Type a name, or ask in words",
    "aria-label": "Find a node, or ask in words",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": "find-options",
  });
  private readonly list = el("ul", { id: "find-options", role: "listbox", "aria-label": "Found", hidden: true });
  private options: Option[] = [];
  private active = -1;
  private timer = 0;
  private made = 0;

  constructor(private readonly finding: Finding) {
    byId("find").append(this.input, this.list);
    this.input.addEventListener("input", () => this.typed());
    this.input.addEventListener("focus", () => this.input.value && this.typed());
    this.input.addEventListener("blur", () => this.close());
    this.input.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("keydown", (event) => {
      const typing = (event.target as HTMLElement).matches?.("input, select, textarea, dialog *");
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this.input.focus();
      this.input.select();
    });
  }

  /** Put words into the box, as when an address with a question is opened. */
  write(text: string): void {
    if (document.activeElement !== this.input) this.input.value = text;
  }

  private typed(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.look(), WAIT);
  }

  private async look(): Promise<void> {
    const text = this.input.value.trim();
    if (!text) return this.close();
    let found: Node[] = [];
    try {
      found = await api.nodes(this.finding.index(), text, MOST);
    } catch (error) {
      if (api.isOutdated(error)) return;
      say((error as Error).message);
    }
    if (document.activeElement === this.input && this.input.value.trim() === text) this.open(text, found);
  }

  private open(text: string, found: Node[]): void {
    this.options = found.map((node) => {
      const id = String(node.id);
      const content = [
        el("span", { class: "name" }, el("b", {}, id.slice(0, text.length)), id.slice(text.length)),
        el("span", { class: "title" }, describe(node)),
      ];
      return this.option(content, (add) => this.finding.choose(id, add));
    });
    if (this.finding.searches())
      this.options.push(
        this.option([el("span", { class: "ask" }, "Search documents for ", el("b", {}, `“${text}”`))], () =>
          this.finding.search(text),
        ),
      );
    if (!this.options.length) {
      this.close();
      say(`No id starts with “${text}”.`);
      return;
    }
    fill(this.list, ...this.options.map(({ element }) => element));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    // An id typed to its end is what Enter means; other words are a question.
    this.activate(found.length && (String(found[0]!.id) === text || !this.finding.searches()) ? 0 : -1);
  }

  private option(content: HTMLElement[], take: (add: boolean) => void): Option {
    const element = el("li", { role: "option", id: `find-option-${++this.made}` }, ...content);
    const option = { element, take };
    element.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the box keeps the focus
      this.accept(option, event.shiftKey);
    });
    return option;
  }

  private activate(place: number): void {
    this.active = place;
    this.options.forEach(({ element }, at) => element.setAttribute("aria-selected", String(at === place)));
    const id = this.options[place]?.element.id;
    if (id) this.input.setAttribute("aria-activedescendant", id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  private key(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.options.length) {
      const length = this.options.length;
      this.activate(this.active < 0 ? (step > 0 ? 0 : length - 1) : (this.active + step + length) % length);
    } else if (event.key === "Escape") {
      if (this.list.hidden) this.input.value = "";
      this.close();
    } else if (event.key === "Enter") void this.enter(event.shiftKey);
    else return;
    event.preventDefault();
  }

  private async enter(add: boolean): Promise<void> {
    const text = this.input.value.trim();
    if (!text) return;
    const chosen = this.options[this.active];
    if (chosen) return this.accept(chosen, add);
    clearTimeout(this.timer);
    // Typed faster than the list could follow: is it an id?
    const found = await api.nodes(this.finding.index(), text, 1).catch(() => []);
    this.close();
    if (String(found[0]?.id) === text || (found[0] && !this.finding.searches()))
      this.finding.choose(String(found[0]!.id), add);
    else if (this.finding.searches()) this.finding.search(text);
    else say(`No id starts with “${text}”.`);
  }

  private accept(option: Option, add: boolean): void {
    this.close();
    option.take(add);
  }

  private close(): void {
    clearTimeout(this.timer);
    this.options = [];
    this.active = -1;
    this.list.hidden = true;
    this.list.replaceChildren();
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }
}

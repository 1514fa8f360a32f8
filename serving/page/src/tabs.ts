// A row of tabs, as the ARIA authoring practices have them: one is in the tab order, arrows go to the others.

import { el, fill } from "./dom";

export interface Tab<Name extends string> {
  name: Name;
  title: string;
}

/** Fill `host` with tabs for `panel`, or for one panel a tab, named like it; `choose` is called when one is chosen. */
export function showTabs<Name extends string>(
  host: HTMLElement,
  tabs: Tab<Name>[],
  chosen: Name,
  panelOf: (name: Name) => HTMLElement,
  choose: (name: Name) => void,
): void {
  const had = host.contains(document.activeElement);
  host.setAttribute("role", "tablist");
  host.setAttribute("aria-label", host.closest("section")?.getAttribute("aria-label") ?? "");
  const go = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const at = tabs.findIndex(({ name }) => name === chosen);
    const next = event.key === "Home" ? 0 : event.key === "End" ? tabs.length - 1 : step ? at + step : -1;
    if (next < 0 && !step) return;
    event.preventDefault();
    choose(tabs[(next + tabs.length) % tabs.length]!.name);
  };
  const buttons = tabs.map(({ name, title }) =>
    el(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${name}`,
        "aria-selected": String(name === chosen),
        "aria-controls": panelOf(name).id,
        tabIndex: name === chosen ? 0 : -1,
        onclick: () => choose(name),
        onkeydown: go,
      },
      title,
    ),
  );
  fill(host, ...buttons);
  // Where not all fit, the chosen one is in the middle.
  const shown = buttons.find((button) => button.tabIndex === 0);
  if (shown) host.scrollLeft = shown.offsetLeft - host.offsetLeft - (host.clientWidth - shown.offsetWidth) / 2;
  const panel = panelOf(chosen);
  panel.setAttribute("role", "tabpanel");
  panel.setAttribute("aria-labelledby", `tab-${chosen}`);
  if (had) shown?.focus();
}

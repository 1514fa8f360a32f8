// Light or dark: as the system has it, until somebody chooses.

import { forgetColours } from "./colours";
import { byId } from "./dom";

const KEPT = "purlieu.theme";

/** Make the button work; `changed` is called after the colours changed. */
export function setUpTheme(changed: () => void): void {
  const button = byId<HTMLButtonElement>("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const show = (): void => {
    const kept = localStorage.getItem(KEPT);
    const dark = kept ? kept === "dark" : system.matches;
    document.documentElement.dataset["theme"] = dark ? "dark" : "light";
    button.textContent = dark ? "Light" : "Dark";
    button.setAttribute("aria-label", dark ? "Light colours" : "Dark colours");
    forgetColours();
  };
  button.addEventListener("click", () => {
    const next = document.documentElement.dataset["theme"] === "dark" ? "light" : "dark";
    if (system.matches === (next === "dark")) localStorage.removeItem(KEPT);
    else localStorage.setItem(KEPT, next);
    show();
    changed();
  });
  system.addEventListener("change", () => {
    show();
    changed();
  });
  show();
}

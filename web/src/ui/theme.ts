// Light, dark, or what the system says.

import { Observable, remember, remembered } from "./store.ts";

export type Theme = "system" | "light" | "dark";

const ORDER: readonly Theme[] = ["system", "light", "dark"];

class Choice extends Observable {
  theme: Theme = "system";

  set(theme: Theme): void {
    this.theme = theme;
    remember("theme", theme === "system" ? null : theme);
    applyTheme();
    this.changed();
  }

  /** First to the opposite of what is on the screen, so that one press is seen to do something. */
  turn(): void {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const order: readonly Theme[] = dark ? ["system", "light", "dark"] : ["system", "dark", "light"];
    this.set(order[(order.indexOf(this.theme) + 1) % order.length] ?? "system");
  }
}

export const choice = new Choice();

export function applyTheme(): void {
  const kept = remembered("theme");
  choice.theme = ORDER.find((theme) => theme === kept) ?? "system";
  if (choice.theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = choice.theme;
}

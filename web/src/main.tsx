// Where the page begins: the theme before the first paint, the rest when there is a body to put it in.

import { render } from "preact";

import { App } from "./ui/app.tsx";
import { applyTheme } from "./ui/theme.ts";

applyTheme();

document.addEventListener("DOMContentLoaded", () => {
  const root = document.getElementById("app");
  if (root !== null) render(<App />, root);
});

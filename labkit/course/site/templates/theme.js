// Runs before anything is drawn, so that no page flashes in the other theme.
"use strict";
const THEME = "labkit-theme";
let theme = null;  // "light" or "dark"; none: as the system has it
try {
  theme = localStorage.getItem(THEME);
} catch {}  // a browser that keeps nothing
if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;

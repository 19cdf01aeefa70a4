// Dark or light: as the system says, unless the reader chose; kept for the next visit.
import { computed, effect, signal } from "@preact/signals";

export type Theme = "dark" | "light";

const KEY = "backfleet.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

const systemTheme = signal<Theme>(system.matches ? "dark" : "light");
const chosen = signal<Theme | null>(stored());

/** The theme in force. */
export const theme = computed<Theme>(() => chosen.value ?? systemTheme.value);

function stored(): Theme | null {
  try {
    const text = localStorage.getItem(KEY);
    return text === "dark" || text === "light" ? text : null;
  } catch {
    return null;
  }
}

/** The other theme; going back to the system's forgets the choice. */
export function toggleTheme(): void {
  const next: Theme = theme.peek() === "dark" ? "light" : "dark";
  chosen.value = next === systemTheme.peek() ? null : next;
  try {
    if (chosen.value === null) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

/** Puts the theme on the page; called once, by its entry. */
export function startTheme(): void {
  system.addEventListener("change", (event) => (systemTheme.value = event.matches ? "dark" : "light"));
  effect(() => {
    document.documentElement.dataset["theme"] = theme.value;
  });
}

/** The value of a colour token, for canvases; read it again when `theme` changes. */
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// The keyboard: views register what their keys do; the youngest registration is asked first.
import { useEffect, useRef } from "preact/hooks";

/** Key -> what it does. A handler that answers false leaves the key to others. */
export type Keys = Record<string, (event: KeyboardEvent) => boolean | void>;

const stack: { current: Keys }[] = [];

/** Whether typing goes into the focused element. */
function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** Follows the keyboard; called once, by the entry of the page. */
export function startKeys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return;
    if (typing(event.target) && event.key !== "Escape") return;
    if (event.key === "Escape" && typing(event.target)) return (event.target as HTMLElement).blur();
    // Enter on a link or button is the browser's.
    const own = event.target instanceof Element && event.target.closest("a, button, summary, [role=application]");
    if (own && (event.key === "Enter" || event.key === " ")) return;
    for (const keys of [...stack].reverse()) {
      const handler = keys.current[event.key];
      if (handler && handler(event) !== false) return event.preventDefault();
    }
  });
}

/** Registers `keys` while the component is on the page. */
export function useKeys(keys: Keys): void {
  const held = useRef(keys);
  held.current = keys;
  useEffect(() => {
    stack.push(held);
    return () => void stack.splice(stack.indexOf(held), 1);
  }, []);
}

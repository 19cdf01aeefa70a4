// A signal that ticks once a second, for ages such as "14 s old". It stops while the page is hidden.
import { signal } from "@preact/signals";

/** Milliseconds since the epoch, at most about a second old. */
export const now = signal(Date.now());

let timer: ReturnType<typeof setInterval> | undefined;

function tick(): void {
  now.value = Date.now();
}

/** Starts the clock; called once, by the entry of the page. */
export function startClock(): void {
  const turn = () => {
    clearInterval(timer);
    timer = undefined;
    if (document.hidden) return;
    tick();
    timer = setInterval(tick, 1000);
  };
  document.addEventListener("visibilitychange", turn);
  turn();
}

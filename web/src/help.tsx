// The help dialog: what the keys do.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { Icon } from "./ui/icon";

/** Whether the dialog is open. */
export const helpOpen = signal(false);

const KEYS: readonly (readonly [readonly string[], string])[] = [
  [["/"], "search or filter"],
  [["j", "k"], "next and previous row"],
  [["Enter"], "open the row or the cell"],
  [["c"], "pick the row or the cell for comparison"],
  [["←", "→", "↑", "↓"], "move in the heat-map and in the months of a series (Home and End: first and last of the row)"],
  [["Esc"], "leave a field"],
  [["?"], "this help"],
];

export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = helpOpen.value;
  useEffect(() => {
    if (open && !dialog.current?.open) dialog.current?.showModal();
    if (!open) dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} class="card" aria-labelledby="help-title" onClose={() => (helpOpen.value = false)}>
      <header>
        <h2 id="help-title">Keyboard</h2>
        <button type="button" class="button quiet icon" aria-label="close" onClick={() => (helpOpen.value = false)}>
          <Icon name="close" />
        </button>
      </header>
      <div class="body stack">
        <dl class="shortcuts">
          {KEYS.map(([keys, what]) => (
            <>
              <dt key={`${what}-keys`} class="row">
                {keys.map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </dt>
              <dd key={what}>{what}</dd>
            </>
          ))}
        </dl>
        <p class="muted">
          The page uses the public API and nothing else: <a href="/docs" data-outside>every address of it</a>. The same
          answers come from <code>backfleet bundle list</code> and its neighbours.
        </p>
      </div>
    </dialog>
  );
}

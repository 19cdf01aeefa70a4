// Asks for an API key where the server refuses without one.
import { useState } from "preact/hooks";

import { setApiKey } from "../api/key";
import { refresh } from "../live/resource";

export function KeyForm({ known }: { known: boolean }) {
  const [text, setText] = useState("");
  const use = () => {
    setApiKey(text.trim());
    refresh("/");
  };
  return (
    <form
      class="row key-form"
      onSubmit={(event) => {
        event.preventDefault();
        use();
      }}
    >
      <label class="field">
        <span class="label">{known ? "A key that may do this" : "API key"}</span>
        <input type="password" autocomplete="off" placeholder="bf_…" value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <button type="submit" class="button" disabled={text.trim() === ""}>
        Use it in this tab
      </button>
      <span class="muted">
        An administrator makes one with <code>backfleet key create</code>.
      </span>
    </form>
  );
}

// A link to a file of the API. Links carry no key: with one, the page fetches the file itself.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import { apiKey, keyHeaders } from "../api/key";

export function Download({ href, name, children }: { href: string; name: string; children: ComponentChildren }) {
  const [failed, setFailed] = useState(false);
  if (apiKey.value === null) {
    return (
      <a class="button small" href={href} download={name}>
        {children}
      </a>
    );
  }
  const fetchFile = async () => {
    const answer = await fetch(href, { headers: keyHeaders() });
    setFailed(!answer.ok);
    if (!answer.ok) return;
    const address = URL.createObjectURL(await answer.blob());
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
    URL.revokeObjectURL(address);
  };
  return (
    <button type="button" class="button small" onClick={() => void fetchFile().catch(() => setFailed(true))}>
      {failed ? "Export failed: try again" : children}
    </button>
  );
}

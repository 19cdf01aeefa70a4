// What a reader can do to a bundle: cancel, pause, resume, retry; each is asked once more.
import { useState } from "preact/hooks";

import { asApiError, post, type ApiError } from "../api/client";
import { paths } from "../api/paths";
import type { Status } from "../api/shapes";
import { refresh } from "../live/resource";
import { final } from "../live/status";
import { ErrorNote } from "../ui/states";

type Command = "cancel" | "pause" | "resume" | "retry";

export function CommandButton({ bundle, command, title, ask }: { bundle: string; command: Command; title: string; ask?: string }) {
  const [asked, setAsked] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const press = async () => {
    if (ask !== undefined && !asked) return setAsked(true);
    setAsked(false);
    setBusy(true);
    setError(null);
    try {
      await post(paths.command(bundle, command));
    } catch (thrown) {
      setError(asApiError(thrown));
    }
    setBusy(false);
    refresh(paths.bundle(bundle));
  };
  return (
    <>
      <button type="button" class="button small" disabled={busy} onClick={() => void press()} onBlur={() => setAsked(false)}>
        {asked ? ask : title}
      </button>
      {error && <ErrorNote error={error} what={title} />}
    </>
  );
}

export function Commands({ status }: { status: Status }) {
  if (final(status)) return null;
  const bundle = status.bundleRequestId;
  return (
    <>
      {status.status === "Paused" ? (
        <CommandButton bundle={bundle} command="resume" title="Resume" />
      ) : (
        <CommandButton bundle={bundle} command="pause" title="Pause" />
      )}
      <CommandButton bundle={bundle} command="cancel" title="Cancel" ask="Really cancel the rest" />
    </>
  );
}

// The states of a view: skeleton, empty, partial, stale, error. Never blank, never a bare spinner.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import type { ApiError } from "../api/client";
import { shortest } from "../format/time";
import { now } from "../live/clock";
import type { Known } from "../live/resource";
import { Icon } from "./icon";
import { KeyForm } from "./key_form";

/** Lines in the place of text that is on its way. */
export function Skeleton({ lines = 4 }: { lines?: number }) {
  return (
    <div class="stack" role="status" aria-label="loading">
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} class="skeleton" style={{ width: `${[92, 64, 78, 51][index % 4]}%` }} />
      ))}
    </div>
  );
}

/** Nothing is there yet: what would be, and the command that makes it. */
export function Empty({ title, command, children }: { title: string; command?: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <strong>{title}</strong>
      {children}
      {command && <Command text={command} />}
    </div>
  );
}

/** A command to copy. */
export function Command({ text }: { text: string }) {
  return (
    <div class="command">
      <code>{text}</code>
      <Copy text={text} what="command" />
    </div>
  );
}

export function Copy({ text, what }: { text: string; what: string }) {
  const [copied, setCopied] = useState(false);
  // Browsers have no clipboard for pages over plain http from another machine.
  if (!navigator.clipboard) return null;
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return (
    <button type="button" class="button quiet small" onClick={() => void copy()} aria-label={`copy the ${what}`}>
      <Icon name={copied ? "done" : "copy"} />
      <span class={copied ? undefined : "unseen"} aria-live="polite">
        {copied ? "copied" : ""}
      </span>
    </button>
  );
}

/** What is wrong, what to do, and the id to quote. */
export function ErrorNote({ error, what, retry }: { error: ApiError; what?: string; retry?: () => void }) {
  return (
    <div class="note error" role="alert">
      <div>
        <strong>{what ? `${what}: ${lower(error.title)}` : error.title}</strong>
        <div>{error.message}</div>
        {error.faults.length > 0 && (
          <ul>
            {error.faults.map((fault, index) => (
              <li key={index}>
                <code>{fault.pointer || "/"}</code> {fault.message}
                {fault.hint ? `; ${fault.hint}` : ""}
              </li>
            ))}
          </ul>
        )}
        {error.forbidden && <KeyForm known={error.status === 403} />}
        <div class="muted">
          {error.status > 0 && error.code !== "unreachable" && (
            <a href={`/errors/${error.code}`} data-outside>
              {error.code}
            </a>
          )}
          {error.requestId && (
            <>
              {" · request "}
              <span class="hash">{error.requestId}</span>
            </>
          )}
          {error.passing && !retry && "trying again by itself"}
        </div>
      </div>
      {retry && (
        <button type="button" class="button small" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

function lower(title: string): string {
  return title.charAt(0).toLowerCase() + title.slice(1);
}

/** Data that could not be confirmed: how old it is. */
export function Stale({ known }: { known: Known<unknown> }) {
  if (!known.error || known.data === undefined) return null;
  const seconds = Math.max(0, (now.value - known.confirmedAt) / 1000);
  return (
    <div class="note warning" role="status">
      <div>
        <strong>{shortest(seconds)} old, retrying.</strong> {known.error.message}
      </div>
    </div>
  );
}

/** Draws `children` with the data, or the state that stands in for it. */
export function Show<T>(props: {
  known: Known<T>;
  what: string;
  lines?: number;
  children: (data: T) => ComponentChildren;
}) {
  const { known, what, lines, children } = props;
  if (known.data === undefined) {
    return known.error ? <ErrorNote error={known.error} what={what} /> : <Skeleton lines={lines ?? 4} />;
  }
  return (
    <>
      <Stale known={known} />
      {children(known.data)}
    </>
  );
}

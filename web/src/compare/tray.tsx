// The tray: jobs that the reader picked for comparison, kept for this tab.
import { signal } from "@preact/signals";

import { links } from "../routing/routes";
import { Icon } from "../ui/icon";

const KEY = "backfleet.compare";
/** Most jobs of one comparison. */
export const MOST = 6;

/** Ids of the picked jobs. */
export const picked = signal<readonly string[]>(stored());

function stored(): string[] {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    return Array.isArray(value) ? value.filter((id): id is string => typeof id === "string").slice(0, MOST) : [];
  } catch {
    return [];
  }
}

function keep(jobs: readonly string[]): void {
  picked.value = jobs;
  try {
    sessionStorage.setItem(KEY, JSON.stringify(jobs));
  } catch {
    // Without storage the tray lasts as long as the page.
  }
}

/** Picks the job, or drops it; a seventh takes the place of the oldest. */
export function toggle(jobs: readonly string[], job: string): readonly string[] {
  if (jobs.includes(job)) return jobs.filter((each) => each !== job);
  return [...jobs, job].slice(-MOST);
}

export function toggleJob(job: string): void {
  keep(toggle(picked.peek(), job));
}

/** A box that picks a job. */
export function PickBox({ job, name }: { job: string; name: string }) {
  return (
    <input
      type="checkbox"
      aria-label={`compare ${name}`}
      checked={picked.value.includes(job)}
      onChange={() => toggleJob(job)}
    />
  );
}

/** The bar at the foot of the page while jobs are picked. */
export function Tray() {
  const jobs = picked.value;
  if (jobs.length === 0) return null;
  return (
    <aside class="tray" aria-label="comparison">
      <span class="number">{jobs.length === 1 ? "1 job picked" : `${jobs.length} jobs picked`}</span>
      {jobs.length > 1 ? (
        <a class="button primary small" href={links.compare(jobs)}>
          Compare
        </a>
      ) : (
        <span class="muted">pick one more</span>
      )}
      <button type="button" class="button quiet small icon" aria-label="drop the picked jobs" onClick={() => keep([])}>
        <Icon name="close" />
      </button>
    </aside>
  );
}

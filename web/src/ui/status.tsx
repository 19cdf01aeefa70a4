// Where a thing stands: a shape, a word and a colour; and the bar of a bundle.
import type { BundleStatusName, JobStatusName, Status, Worker } from "../api/shapes";
import { count, decimal } from "../format/number";
import { Icon, type IconName } from "./icon";

type Word = BundleStatusName | JobStatusName | Worker["status"];

const ICONS: Record<Word, IconName> = {
  Queued: "pending",
  Pending: "pending",
  Running: "running",
  Paused: "paused",
  Completed: "done",
  Failed: "failed",
  Cancelled: "cancelled",
  active: "done",
  draining: "paused",
  lost: "failed",
};

export function StatusWord({ of: word }: { of: Word }) {
  return (
    <span class={`status ${word}`}>
      <Icon name={ICONS[word]} />
      {word}
    </span>
  );
}

/** The counts of a bundle that its bar shows. */
export type Counts = Pick<Status, "completed" | "failed" | "cancelled" | "running" | "pending" | "total" | "progress">;

/** Widths of the parts of a bar, percents of the whole. */
export function parts(counts: Counts): { completed: number; failed: number; cancelled: number; part: number } {
  const share = (of: number) => (counts.total > 0 ? (100 * of) / counts.total : 0);
  const completed = share(counts.completed);
  const failed = share(counts.failed);
  const cancelled = share(counts.cancelled);
  const part = Math.max(0, Math.min(100, counts.progress) - completed - failed - cancelled);
  return { completed, failed, cancelled, part };
}

export function Progress({ of: counts, tall, label }: { of: Counts; tall?: boolean; label: string }) {
  const widths = parts(counts);
  const done = counts.completed + counts.failed + counts.cancelled;
  return (
    <div
      class={tall ? "progress tall" : "progress"}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.floor(counts.progress)}
      aria-valuetext={`${count(done)} of ${count(counts.total)} jobs, ${decimal(counts.progress, 1)} %`}
    >
      {(["completed", "failed", "cancelled", "part"] as const).map((name) => (
        <i key={name} class={name} style={{ width: `${widths[name]}%` }} />
      ))}
    </div>
  );
}

export function ProgressLegend({ of: counts }: { of: Counts }) {
  const shown = (["completed", "running", "pending", "failed", "cancelled"] as const).filter(
    (name) => counts[name] > 0 || name === "completed",
  );
  return (
    <div class="legend number">
      {shown.map((name) => (
        <span key={name}>
          <i class={name} /> {count(counts[name])} {name}
        </span>
      ))}
    </div>
  );
}

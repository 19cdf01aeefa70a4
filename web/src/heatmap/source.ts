// Where the points of a map come from: one function, `update`, that reads what has changed.
//
// Today it walks the pages of jobs. Pages whose jobs are all final are kept, so that watching a
// bundle costs the pages that still move.
import { query, read } from "../api/client";
import { paths } from "../api/paths";
import type { Job, JobStatusName } from "../api/shapes";
import type { Point } from "./cells";

const PAGE = 1_000;
/** Most jobs on a map that is gathered from pages of jobs. */
export const MOST_JOBS = 5_000;

const FINAL: ReadonlySet<JobStatusName> = new Set(["Completed", "Failed", "Cancelled"]);

interface Kept {
  jobs: readonly Job[];
  next: string | null;
  settled: boolean;
}

/** The jobs of one bundle, as far as they were read. */
export class JobSource {
  private readonly pages: Kept[] = [];
  private reading: Promise<void> | null = null;

  constructor(private readonly bundle: string) {}

  /**
   * Reads what may have changed and calls `arrived` after each page, so that the map is there after
   * the first.
   */
  update(arrived: () => void): Promise<void> {
    this.reading ??= this.walk(arrived).finally(() => (this.reading = null));
    return this.reading;
  }

  /** How many jobs were read. */
  get size(): number {
    return this.pages.reduce((sum, { jobs }) => sum + jobs.length, 0);
  }

  /** The jobs as points with the value of `metric`. */
  points(metric: string): Point[] {
    return this.pages.flatMap(({ jobs }) =>
      jobs.map((job) => ({ jobId: job.jobId, seq: job.seq, status: job.status, value: job.metrics?.[metric] ?? null })),
    );
  }

  private async walk(arrived: () => void): Promise<void> {
    let cursor: string | null = null;
    for (let index = 0; index < MOST_JOBS / PAGE; index += 1) {
      let page = this.pages[index];
      if (!page?.settled) {
        const path = `${paths.jobs(this.bundle)}${query({ limit: PAGE, cursor })}`;
        const answer: { items: Job[]; next?: string | null } = await read(path);
        const whole = answer.items.every((job) => FINAL.has(job.status));
        page = { jobs: answer.items, next: answer.next ?? null, settled: whole };
        this.pages[index] = page;
        arrived();
      }
      cursor = page.next;
      if (cursor === null) return;
    }
  }
}

// Failed jobs by their cause, with what the server said and what to do.
import { query } from "../api/client";
import { paths } from "../api/paths";
import type { Bundle, Job, Status } from "../api/shapes";
import { count, percent } from "../format/number";
import { variantLine } from "../format/variant";
import { once, useResource } from "../live/resource";
import { links } from "../routing/routes";
import { Card } from "../ui/parts";
import { Empty, Show } from "../ui/states";
import { CommandButton } from "./commands";

const SAMPLES = 5;

export function FailuresPanel({ bundle, status }: { bundle: Bundle; status: Status }) {
  const causes = Object.entries(bundle.failures).sort(([, a], [, b]) => b - a);
  if (status.failed === 0) {
    return (
      <Card title="Failures">
        <Empty title="No job failed">{status.completed} of {status.total} jobs are completed.</Empty>
      </Card>
    );
  }
  return (
    <div class="stack">
      {status.failed * 2 > status.total && (
        <div class="note warning">
          <div>
            <strong>More than half of the variants failed.</strong> What is left says little about the strategy.
          </div>
        </div>
      )}
      <Card
        title={`${count(status.failed)} of ${count(status.total)} jobs failed`}
        actions={<CommandButton bundle={bundle.bundleRequestId} command="retry" title="Run the failed jobs again" />}
        bare
      >
        {causes.map(([code, failed]) => (
          <Cause key={code} bundle={bundle} code={code} failed={failed} total={status.total} />
        ))}
      </Card>
    </div>
  );
}

function Cause({ bundle, code, failed, total }: { bundle: Bundle; code: string; failed: number; total: number }) {
  const id = bundle.bundleRequestId;
  const sample = useResource<{ items: Job[] }>(`${paths.jobs(id)}${query({ status: "Failed", errorCode: code, limit: SAMPLES })}`, once);
  return (
    <section class="failure stack">
      <div class="row">
        <h3>
          <code>{code}</code>
        </h3>
        <strong class="number">{count(failed)}</strong>
        <span class="muted number">{percent(failed / total, 1)} of all</span>
        <a href={`/errors/${code}`} data-outside>
          What it means
        </a>
        <a href={`${links.bundle(id)}?tab=table&status=Failed&errorCode=${encodeURIComponent(code)}`}>All {count(failed)} jobs</a>
      </div>
      <Show known={sample} what="Examples" lines={2}>
        {({ items }) => (
          <ul class="stack">
            {byMessage(items).map(([message, jobs]) => (
              <li key={message}>
                <div>{message}</div>
                <ul class="muted">
                  {jobs.map((job) => (
                    <li key={job.jobId}>
                      <a href={links.job(job.jobId)}>#{job.seq}</a> {variantLine(job.variant, bundle.axes)}
                    </li>
                  ))}
                </ul>
              </li>
            ))}
          </ul>
        )}
      </Show>
    </section>
  );
}

/** The jobs of each message, in the order in which the messages come. */
function byMessage(jobs: readonly Job[]): [string, Job[]][] {
  const groups = new Map<string, Job[]>();
  for (const job of jobs) {
    const message = job.error?.message ?? "";
    groups.set(message, [...(groups.get(message) ?? []), job]);
  }
  return [...groups];
}

// Enqueues and drains JOBS no-op jobs with graphile-worker in its fastest mode; prints one JSON line.
// Run by bench/queue in a folder where the package is installed.
import { run, runMigrations } from "graphile-worker";
import pg from "pg";

const [connectionString, count] = [process.env.DATABASE_URL, Number(process.env.JOBS)];
const pool = new pg.Pool({ connectionString });
await runMigrations({ connectionString });

const seconds = (since) => Number(process.hrtime.bigint() - since) / 1e9;
let started = process.hrtime.bigint();
await pool.query(
  `SELECT count(*) FROM graphile_worker.add_jobs(array(
     SELECT json_populate_record(NULL::graphile_worker.job_spec,
       json_build_object('identifier', 'tiny', 'payload', json_build_object('id', n)))
     FROM generate_series(1, $1::int) n))`,
  [count],
);
const enqueue = seconds(started);

let done = 0;
let all;
const finished = new Promise((resolve) => (all = resolve));
started = process.hrtime.bigint();
const runner = await run({
  taskList: { tiny: () => { if (++done === count) all(); } },
  noHandleSignals: true,
  logger: undefined,
  preset: {
    worker: {
      connectionString,
      concurrentJobs: 24,
      maxPoolSize: 24,
      localQueue: { size: 500 },
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0,
    },
  },
});
await finished;
// The end of a runner waits for the completions that are on their way.
await runner.stop();
const drain = seconds(started);
const left = await pool.query("SELECT count(*)::int AS left FROM graphile_worker.jobs");
await pool.end();
if (left.rows[0].left !== 0) throw new Error(`${left.rows[0].left} jobs are left`);
console.log(JSON.stringify({ enqueue, drain }));

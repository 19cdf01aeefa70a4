// Bundles as rows.
import type { BundleItem } from "../api/shapes";
import { count, decimal } from "../format/number";
import { ago, duration, minute } from "../format/time";
import { now } from "../live/clock";
import { links } from "../routing/routes";
import { Table, type Column } from "../ui/table";
import { Progress, StatusWord } from "../ui/status";

/** Its name, or the end of its id. */
export function bundleName(bundle: Pick<BundleItem, "name" | "bundleRequestId">): string {
  return bundle.name || `bundle …${bundle.bundleRequestId.slice(-8)}`;
}

/** Seconds from the first claim to the end, or until now. */
export function elapsed(bundle: Pick<BundleItem, "startedAt" | "completedAt">, at: number): number | null {
  if (!bundle.startedAt) return null;
  const end = bundle.completedAt ? new Date(bundle.completedAt).getTime() : at;
  return Math.max(0, (end - new Date(bundle.startedAt).getTime()) / 1000);
}

const COLUMNS: readonly Column<BundleItem>[] = [
  {
    key: "name",
    title: "Bundle",
    cell: (bundle) => (
      <a class="name" href={links.bundle(bundle.bundleRequestId)} title={bundle.name}>
        {bundleName(bundle)}
      </a>
    ),
  },
  { key: "status", title: "Status", cell: (bundle) => <StatusWord of={bundle.status} /> },
  {
    key: "progress",
    title: "Progress",
    class: "bar",
    cell: (bundle) => <Progress of={bundle} label={`progress of ${bundleName(bundle)}`} />,
  },
  { key: "percent", title: "", right: true, cell: (bundle) => `${decimal(bundle.progress, bundle.progress === 100 ? 0 : 1)} %` },
  { key: "total", title: "Jobs", right: true, cell: (bundle) => count(bundle.total) },
  {
    key: "failed",
    title: "Failed",
    right: true,
    cell: (bundle) => (bundle.failed > 0 ? <span class="loss">{count(bundle.failed)}</span> : "0"),
  },
  { key: "cached", title: "Cached", right: true, cell: (bundle) => count(bundle.cached) },
  { key: "took", title: "Took", right: true, cell: (bundle) => duration(elapsed(bundle, now.value)) },
  {
    key: "created",
    title: "Submitted",
    right: true,
    cell: (bundle) => <span title={`${minute(bundle.createdAt)} UTC`}>{ago(bundle.createdAt, now.value)}</span>,
  },
];

const TAGS: Column<BundleItem> = {
  key: "tags",
  title: "Tags",
  cell: (bundle) => (
    <span class="row">
      {Object.entries(bundle.tags).map(([key, value]) => (
        <a key={key} class="chip" href={`/bundles?tag=${encodeURIComponent(`${key}:${value}`)}`}>
          {key}: {value}
        </a>
      ))}
    </span>
  ),
};

export function BundleTable(props: { rows: readonly BundleItem[]; label: string; tall?: boolean; more?: (() => void) | undefined }) {
  return (
    <Table
      label={props.label}
      columns={props.tall ? [...COLUMNS, TAGS] : COLUMNS}
      rows={props.rows}
      rowKey={(bundle) => bundle.bundleRequestId}
      href={(bundle) => links.bundle(bundle.bundleRequestId)}
      tall={props.tall ?? false}
      more={props.more}
    />
  );
}

// Bundles: all of them, newest first, by name, status and tag.
import { useEffect } from "preact/hooks";

import { query } from "../api/client";
import { paths } from "../api/paths";
import type { BundleItem } from "../api/shapes";
import { count } from "../format/number";
import { usePages } from "../live/pages";
import { param, setQuery } from "../routing/location";
import { Card, Head, Picker } from "../ui/parts";
import { SearchField } from "../ui/search_field";
import { Empty, ErrorNote, Skeleton } from "../ui/states";
import { BundleTable } from "./bundle_table";

const STATUSES = ["Queued", "Running", "Paused", "Completed", "Failed", "Cancelled"];
const REFRESH_MS = 4_000;
const ROWS = 200;

export function Bundles() {
  const [name, status, tag] = [param("name"), param("status"), param("tag")];
  const pages = usePages<BundleItem>(`${paths.bundles}${query({ name, status, tag, limit: ROWS })}`, (bundle) => bundle.bundleRequestId);
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && pages.reload(), REFRESH_MS);
    return () => clearInterval(timer);
  }, [pages.reload]);
  const filtered = name !== "" || status !== "" || tag !== "";
  return (
    <>
      <Head title="Bundles">
        <a class="button primary" href="/submit">
          Submit a bundle
        </a>
      </Head>
      <div class="stack">
        <div class="toolbar">
          <SearchField name="name" label="Part of the name" />
          <Picker
            label="Status"
            value={status}
            options={[["", "any"], ...STATUSES.map((word) => [word, word] as const)]}
            choose={(value) => setQuery({ status: value })}
          />
          {tag !== "" && (
            <button type="button" class="chip" onClick={() => setQuery({ tag: null })} aria-label={`drop the tag ${tag}`}>
              {tag} ✕
            </button>
          )}
        </div>
        {pages.error && <ErrorNote error={pages.error} what="Bundles" retry={pages.reload} />}
        {!pages.ready ? (
          !pages.error && <Skeleton lines={10} />
        ) : (
          <Card title={`${count(pages.items.length)}${pages.more ? "+" : ""} bundles`} bare>
            {pages.items.length > 0 ? (
              <BundleTable rows={pages.items} label="bundles" tall more={pages.more} />
            ) : filtered ? (
              <Empty title="No bundle fits">
                <a href="/bundles">Drop the filters</a>
              </Empty>
            ) : (
              <Empty title="No bundle was submitted yet" command="backfleet bundle submit examples/btc-dual-ema.json --watch">
                Submit one from <a href="/submit">the form</a>, or with
              </Empty>
            )}
          </Card>
        )}
      </div>
    </>
  );
}

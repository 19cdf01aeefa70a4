// Submit: a form from the strategy language, the same as raw JSON, the estimate, and the luck bar.
import { useEffect, useMemo, useState } from "preact/hooks";

import { asApiError, post, read, type ApiError } from "../api/client";
import { paths } from "../api/paths";
import type { Bundle, Json, JsonObject, Language, SeriesPage } from "../api/shapes";
import { once, useResource } from "../live/resource";
import { choice, navigate, param, setQuery } from "../routing/location";
import { links } from "../routing/routes";
import { BundleForm } from "../submit/bundle_form";
import { firstDraft, isObject } from "../submit/draft";
import { EstimateCard } from "../submit/estimate_card";
import { useEstimate } from "../submit/use_estimate";
import { Card, Head, Segments } from "../ui/parts";
import { Empty, ErrorNote, Show, Skeleton } from "../ui/states";

const KEY = "backfleet.draft";

export function Submit() {
  const language = useResource<Language>(paths.strategies, once);
  const series = useResource<SeriesPage>(paths.series, once);
  const [text, setText] = useState<string | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const from = param("from");

  // A draft begins as a copy of a bundle, as it was left, or anew from the stored series.
  useEffect(() => {
    if (from !== "") {
      read<Bundle>(paths.bundle(from)).then(
        (bundle) => setText(written(bundle.request as unknown as JsonObject)),
        (thrown: unknown) => setError(asApiError(thrown)),
      );
      return;
    }
    if (text !== null) return;
    const left = stored();
    if (left !== null) setText(left);
    else if (series.data) setText(written(firstDraft(series.data.items)));
  }, [from, series.data]);

  return (
    <>
      <Head
        title="Submit a bundle"
        facts={<span>One base and the axes that vary it. Nothing is stored before you press Submit.</span>}
      />
      {error && <ErrorNote error={error} what="The bundle to copy" />}
      {series.data?.items.length === 0 && text === null ? (
        <Card title="Candles first">
          <Empty title="No candles are stored yet" command="backfleet candles import examples/candles">
            A bundle needs candles to run on.
          </Empty>
        </Card>
      ) : text === null ? (
        series.error ? <ErrorNote error={series.error} what="Series" /> : !error && <Skeleton lines={10} />
      ) : (
        <Show known={language} what="Strategies" lines={10}>
          {(data) => <Editor text={text} setText={setText} language={data} series={series.data?.items ?? []} />}
        </Show>
      )}
    </>
  );
}

function Editor(props: { text: string; setText: (text: string) => void; language: Language; series: SeriesPage["items"] }) {
  const { text, setText, language, series } = props;
  const mode = choice("mode", ["form", "json"]);
  const parsed = useMemo(() => parse(text), [text]);
  // The key of one content: pressing twice, or again after a broken connection, stores one bundle.
  const key = useMemo(randomKey, [text]);
  const estimated = useEstimate(parsed.draft ? text : null);
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const edit = (next: string) => {
    setText(next);
    setFailed(null);
    keep(next);
  };
  const submit = async () => {
    setBusy(true);
    setFailed(null);
    try {
      const accepted = await post<{ bundleRequestId: string }>(paths.bundles, text, { "idempotency-key": key });
      keep(null);
      if (accepted) navigate(links.bundle(accepted.bundleRequestId));
    } catch (thrown) {
      setFailed(asApiError(thrown));
      setBusy(false);
    }
  };
  const reset = () => {
    setQuery({ from: null });
    edit(written(firstDraft(series)));
  };
  return (
    <div class="columns wide">
      <div class="stack">
        <div class="row">
          <Segments label="how to edit" options={[["form", "Form"], ["json", "JSON"]]} value={mode} choose={(value) => setQuery({ mode: value === "form" ? null : value })} />
          <button type="button" class="button quiet small" onClick={reset}>
            Begin anew
          </button>
        </div>
        {mode === "json" ? (
          <Card title="Request">
            <textarea class="code" rows={30} spellcheck={false} aria-label="bundle request as JSON" aria-invalid={parsed.draft === null} value={text} onInput={(event) => edit(event.currentTarget.value)} />
          </Card>
        ) : parsed.draft ? (
          <BundleForm draft={parsed.draft} change={(draft) => edit(written(draft))} series={series} language={language} />
        ) : (
          <Card title="Form">
            <Empty title="The draft is no JSON object">Mend it under JSON, or begin anew.</Empty>
          </Card>
        )}
      </div>
      <EstimateCard estimated={estimated} unreadable={parsed.draft ? null : parsed.reason} busy={busy} failed={failed} submit={() => void submit()} />
    </div>
  );
}

function parse(text: string): { draft: JsonObject | null; reason: string } {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? { draft: value, reason: "" } : { draft: null, reason: "It must be one object." };
  } catch (error) {
    return { draft: null, reason: error instanceof Error ? error.message : String(error) };
  }
}

function written(draft: JsonObject): string {
  return JSON.stringify(draft, null, 2);
}

function randomKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function stored(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function keep(text: string | null): void {
  try {
    if (text === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, text);
  } catch {
    // Without storage the draft lasts as long as the page.
  }
}

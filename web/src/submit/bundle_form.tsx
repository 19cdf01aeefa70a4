// The form: data, strategy, exits and costs; all of it writes the one draft.
import type { JsonObject, Language, Series } from "../api/shapes";
import { timeframesOf } from "../format/series";
import { Icon } from "../ui/icon";
import { Card } from "../ui/parts";
import { at, axisOf, isObject, put, withAxis } from "./draft";
import { Chips, DayField, Field, NumberField, NumberInput, TextField, type Editing } from "./fields";
import { StrategyForm } from "./strategy_form";

const TICKER = ["universalConfig", "ticker"];
const TIMEFRAME = ["universalConfig", "timeframe"];
const MONEY = ["universalConfig", "moneyManagement"];
export function BundleForm({ draft, change, series, language }: Editing & { series: readonly Series[]; language: Language }) {
  return (
    <div class="stack">
      <Card title="Data">
        <DataPart draft={draft} change={change} series={series} />
      </Card>
      <Card title="Strategy">
        <StrategyForm draft={draft} change={change} language={language} />
      </Card>
      <Card title="Money management and costs">
        <MoneyPart draft={draft} change={change} />
      </Card>
    </div>
  );
}

function DataPart({ draft, change, series }: Editing & { series: readonly Series[] }) {
  const exchanges = [...new Set(series.map((each) => each.exchange))];
  const exchange = String(at(draft, ["universalConfig", "exchange"]) ?? "");
  const tickers = axisOf(draft, TICKER, "tickerVariants");
  const known = [...new Set(series.filter((each) => each.exchange === exchange).map((each) => each.ticker))];
  const chooseExchange = (next: string) => {
    const first = series.find((each) => each.exchange === next);
    let changed = put(draft, ["universalConfig", "exchange"], next) as JsonObject;
    if (first) {
      changed = withAxis(changed, TICKER, "tickerVariants", [first.ticker]);
      changed = withAxis(changed, TIMEFRAME, "timeframeVariants", [first.timeframe]);
      const day = (time: number) => `${new Date(time).toISOString().slice(0, 10)}T00:00:00Z`;
      changed = put(changed, ["dateTimeRanges"], [{ start: day(Date.parse(first.first) + 86_399_999), end: day(Date.parse(first.last)) }]) as JsonObject;
    }
    change(changed);
  };
  const ranges = at(draft, ["dateTimeRanges"]);
  const list = Array.isArray(ranges) ? ranges : [];
  return (
    <div class="form">
      <TextField draft={draft} change={change} label="Name of the bundle" path={["name"]} />
      <Field label="Exchange">
        {(id) => (
          <select id={id} value={exchange} onChange={(event) => chooseExchange(event.currentTarget.value)}>
            {[...new Set([...exchanges, exchange])].map((each) => (
              <option key={each} value={each} selected={each === exchange}>
                {each}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Chips label="Tickers" options={[...new Set([...known, ...tickers.map(String)])]} values={tickers} set={(values) => change(withAxis(draft, TICKER, "tickerVariants", values))} />
      <Chips
        label="Timeframes"
        options={[...new Set([...timeframesOf(series, exchange, tickers), ...axisOf(draft, TIMEFRAME, "timeframeVariants").map(String)])]}
        values={axisOf(draft, TIMEFRAME, "timeframeVariants")}
        set={(values) => change(withAxis(draft, TIMEFRAME, "timeframeVariants", values))}
      />
      {list.map((_, index) => (
        <div key={index} class="full row range">
          <DayField draft={draft} change={change} label={list.length > 1 ? `From (range ${index + 1})` : "From"} path={["dateTimeRanges", index, "start"]} />
          <DayField draft={draft} change={change} label="To (not included)" path={["dateTimeRanges", index, "end"]} />
          {list.length > 1 && (
            <button type="button" class="button quiet small icon" aria-label={`take range ${index + 1} out`} onClick={() => change(put(draft, ["dateTimeRanges", index], undefined) as JsonObject)}>
              <Icon name="close" />
            </button>
          )}
          {index === list.length - 1 && (
            <button type="button" class="button small" onClick={() => change(put(draft, ["dateTimeRanges"], [...list, list[index] ?? {}]) as JsonObject)}>
              <Icon name="plus" /> Range
            </button>
          )}
        </div>
      ))}
    </div>
  );
}

const EXITS = [
  ["stopLossPct", "Stop loss, %"],
  ["takeProfitPct", "Take profit, %"],
] as const;

function MoneyPart({ draft, change }: Editing) {
  const rows = axisOf(draft, MONEY, "moneyManagementVariants").filter(isObject);
  const variants = rows.length > 0 ? rows : [{}];
  const write = (next: readonly JsonObject[]) => {
    const base = at(draft, MONEY);
    const many = next.length > 1;
    const changed = put(draft, MONEY, many ? base : next[0]) as JsonObject;
    change(put(changed, ["moneyManagementVariants"], many ? [...next] : undefined) as JsonObject);
  };
  return (
    <div class="stack">
      <div class="form">
        <NumberField draft={draft} change={change} label="Starting cash" path={["universalConfig", "balance"]} />
        <NumberField draft={draft} change={change} label="Fee of a fill, %" path={["universalConfig", "costs", "feePct"]} placeholder="0" />
        <NumberField draft={draft} change={change} label="Slippage, basis points" path={["universalConfig", "costs", "slippageBps"]} placeholder="0" />
      </div>
      {variants.map((row, index) => (
        <div key={index} class="row range">
          {EXITS.map(([name, label]) => (
            <Field key={name} label={variants.length > 1 ? `${label} (variant ${index + 1})` : label}>
              {(id) => {
                const value = row[name];
                return (
                  <NumberInput
                    id={id}
                    value={typeof value === "number" ? value : null}
                    placeholder="none"
                    set={(next) => write(variants.map((each, place) => (place === index ? (put(each, [name], next ?? undefined) as JsonObject) : each)))}
                  />
                );
              }}
            </Field>
          ))}
          {variants.length > 1 && (
            <button type="button" class="button quiet small icon" aria-label={`take variant ${index + 1} out`} onClick={() => write(variants.filter((_, place) => place !== index))}>
              <Icon name="close" />
            </button>
          )}
          {index === variants.length - 1 && (
            <button type="button" class="button small" onClick={() => write([...variants, { ...row }])}>
              <Icon name="plus" /> Variant
            </button>
          )}
        </div>
      ))}
    </div>
  );
}

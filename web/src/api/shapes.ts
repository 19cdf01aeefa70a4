// The shapes of the API by the words of the project; all of them come from the OpenAPI document.
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Axis = Schemas["AxisBody"];
export type Bundle = Schemas["BundleBody"];
export type BundleItem = Schemas["BundleItem"];
export type BundlePage = Schemas["BundlePage"];
export type BundleStatusName = Schemas["BundleStatusName"];
export type CellColumns = Schemas["CellColumns"];
export type Coverage = Schemas["CoverageBody"];
export type Estimate = Schemas["Estimate"];
export type Fault = Schemas["FaultBody"];
export type HeatMap = Schemas["HeatMap"];
export type Honesty = Schemas["HonestyBody"];
export type HonestyPanelBody = Schemas["PanelBody"];
export type JobDetail = Schemas["JobDetailBody"];
export type JobPage = Schemas["JobPage"];
export type JobStatusName = Schemas["JobStatusName"];
export type Language = Schemas["LanguageBody"];
export type Luck = Schemas["LuckBody"];
export type ProblemBody = Schemas["ProblemBody"];
export type ResultPage = Schemas["ResultPage"];
export type Series = Schemas["SeriesBody"];
export type SeriesPage = Schemas["SeriesPage"];
export type Signal = Schemas["SignalBody"];
export type Status = Schemas["StatusBody"];
export type Trade = Schemas["TradeBody"];
export type Month = Schemas["MonthBody"];
export type OpenTrade = Schemas["OpenTradeBody"];
export type Worker = Schemas["WorkerBody"];
export type WorkerPage = Schemas["WorkerPage"];

/** Metric id -> number; an undefined metric is absent or null. */
export type Metrics = Record<string, number | null>;

/** A job row whose free-form parts are given the shape that the API promises in words. */
export type Job = Omit<Schemas["JobBody"], "metrics" | "variant"> & {
  metrics?: Metrics | null;
  variant: Variant;
};

/** What makes a job differ from the other jobs of its bundle. */
export type Variant = Omit<Schemas["VariantBody"], "moneyManagement" | "parameters"> & {
  moneyManagement: Record<string, unknown>;
  parameters: Record<string, number>;
};

/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A JSON object. */
export type JsonObject = { [key: string]: Json };

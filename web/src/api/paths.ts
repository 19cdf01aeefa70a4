// Addresses of the API, in one place.
const id = encodeURIComponent;

export const paths = {
  bundles: "/api/backtest/bundle",
  estimate: "/api/backtest/bundle/estimate",
  bundle: (bundle: string) => `/api/backtest/bundle/${id(bundle)}`,
  status: (bundle: string) => `/api/backtest/bundle/${id(bundle)}/status`,
  events: (bundle: string) => `/api/backtest/bundle/${id(bundle)}/events`,
  jobs: (bundle: string) => `/api/backtest/bundle/${id(bundle)}/jobs`,
  results: (bundle: string) => `/api/backtest/bundle/${id(bundle)}/results`,
  heatmap: (bundle: string) => `/api/backtest/bundle/${id(bundle)}/heatmap`,
  honesty: (bundle: string) => `/api/backtest/bundle/${id(bundle)}/honesty`,
  command: (bundle: string, command: "cancel" | "pause" | "resume" | "retry") =>
    `/api/backtest/bundle/${id(bundle)}/${command}`,
  job: (job: string) => `/api/backtest/job/${id(job)}`,
  equity: (job: string) => `/api/backtest/job/${id(job)}/equity`,
  candles: (job: string) => `/api/backtest/job/${id(job)}/candles`,
  verify: (job: string) => `/api/backtest/job/${id(job)}/verify`,
  series: "/api/candles/series",
  coverage: (exchange: string, ticker: string, timeframe: string) =>
    `/api/candles/series/${id(exchange)}/${id(ticker)}/${id(timeframe)}`,
  strategies: "/api/strategies",
  workers: "/api/workers",
  drain: (worker: number) => `/api/workers/${worker}/drain`,
  openapi: "/api/openapi.json",
};

/** Addresses that a server of an earlier release may lack, as its OpenAPI document writes them. */
export const optional = {
  events: "/api/backtest/bundle/{id}/events",
  heatmap: "/api/backtest/bundle/{id}/heatmap",
  honesty: "/api/backtest/bundle/{id}/honesty",
  pause: "/api/backtest/bundle/{id}/pause",
  resume: "/api/backtest/bundle/{id}/resume",
  retry: "/api/backtest/bundle/{id}/retry",
  equity: "/api/backtest/job/{id}/equity",
  candles: "/api/backtest/job/{id}/candles",
  verify: "/api/backtest/job/{id}/verify",
} as const;

export type Optional = keyof typeof optional;

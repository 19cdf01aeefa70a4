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
  /** The same without its trades, which may be many. */
  jobFacts: (job: string) => `/api/backtest/job/${id(job)}?omit=trades`,
  trades: (job: string) => `/api/backtest/job/${id(job)}/trades`,
  equity: (job: string) => `/api/backtest/job/${id(job)}/equity`,
  candles: (job: string) => `/api/backtest/job/${id(job)}/candles`,
  verify: (job: string) => `/api/backtest/job/${id(job)}/verify`,
  series: "/api/candles/series",
  coverage: (exchange: string, ticker: string, timeframe: string) =>
    `/api/candles/series/${id(exchange)}/${id(ticker)}/${id(timeframe)}`,
  strategies: "/api/strategies",
  workers: "/api/workers",
  drain: (worker: number) => `/api/workers/${worker}/drain`,
};

// Trades of a job as rows.
import type { Trade } from "../api/shapes";
import { decimal, plain, price, signed } from "../format/number";
import { duration, minute } from "../format/time";
import { Table, type Column } from "../ui/table";

/** The exit reason in words. */
export function reasonWord(code: string): string {
  return code.replaceAll("_", " ");
}

const COLUMNS: readonly Column<{ trade: Trade; index: number }>[] = [
  { key: "index", title: "#", right: true, cell: ({ index }) => String(index + 1) },
  { key: "side", title: "Side", cell: ({ trade }) => trade.side },
  { key: "entry", title: "Entry (UTC)", cell: ({ trade }) => minute(trade.entryTime) },
  { key: "entryPrice", title: "Entry price", right: true, cell: ({ trade }) => price(trade.entryPrice) },
  { key: "exit", title: "Exit (UTC)", cell: ({ trade }) => minute(trade.exitTime) },
  { key: "exitPrice", title: "Exit price", right: true, cell: ({ trade }) => price(trade.exitPrice) },
  { key: "held", title: "Held", right: true, cell: ({ trade }) => duration((Date.parse(trade.exitTime) - Date.parse(trade.entryTime)) / 1000) },
  { key: "quantity", title: "Quantity", right: true, cell: ({ trade }) => plain(Number(trade.quantity.toPrecision(6))) },
  { key: "fees", title: "Fees", right: true, cell: ({ trade }) => decimal(trade.fees, 2) },
  {
    key: "pnl",
    title: "Result",
    about: "Net of fees and funding, in quote",
    right: true,
    cell: ({ trade }) => <span class={trade.pnl > 0 ? "gain" : trade.pnl < 0 ? "loss" : undefined}>{signed(decimal(trade.pnl, 2), trade.pnl)}</span>,
  },
  { key: "return", title: "Return", about: "Percent of the initial margin", right: true, cell: ({ trade }) => `${signed(decimal(trade.returnPct, 2), trade.returnPct)} %` },
  { key: "reason", title: "Exit by", cell: ({ trade }) => reasonWord(trade.exitReason) },
];

export function TradesTable({ trades }: { trades: readonly Trade[] }) {
  const rows = trades.map((trade, index) => ({ trade, index }));
  return <Table label="trades" columns={COLUMNS} rows={rows} rowKey={({ index }) => String(index)} tall />;
}

#!/usr/bin/env python3
"""Writes crates/candles/tests/it/fixtures/forms: files as pyarrow and pandas write them.

Needs pyarrow and pandas from PyPI. The candles are made up: minute i opens at 100 + i / 8.
"""
import datetime as dt
import decimal
import pathlib
import sys

import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "crates/candles/tests/it/fixtures/forms")
start = dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)
count = 400
times = [start + dt.timedelta(minutes=i) for i in range(count)]
opens = [100 + i / 8 for i in range(count)]
columns = {
    "open": opens,
    "high": [o + 0.5 for o in opens],
    "low": [o - 0.5 for o in opens],
    "close": [o + 0.25 for o in opens],
    "volume": [float(i % 7) for i in range(count)],
}


def table(time, **changed):
    return pa.table({"date": time, **columns, **changed})


def utc(unit):
    return pa.array(times, pa.timestamp(unit, "UTC"))


ns = table(utc("ns"))
feather.write_feather(ns, folder / "BTC_USDT-1m.feather", compression="lz4", compression_level=9)
feather.write_feather(table(utc("ms")), folder / "zstd_ms.feather", compression="zstd", chunksize=150)
feather.write_feather(
    pa.table({"symbol": ["BTC"] * count, "flag": [None, True] * (count // 2), "Date": utc("us"),
              **{name.capitalize(): values for name, values in columns.items()}}),
    folder / "plain_text_before.feather", compression="uncompressed")
holes = [None if i == 5 else value for i, value in enumerate(columns["close"])]
feather.write_feather(table(utc("s"), close=pa.array(holes)), folder / "null_close.feather", compression="lz4")
naive = pa.array([t.replace(tzinfo=None) for t in times], pa.timestamp("us"))
feather.write_feather(table(naive), folder / "naive.feather", compression="lz4")

pq.write_table(ns, folder / "ns_utc.parquet", compression="zstd")
pq.write_table(table(naive), folder / "naive.parquet", compression="gzip")
two = decimal.Decimal("0.001")
odd = pa.table({
    "TS": pa.array([int(t.timestamp()) for t in times], pa.int64()),
    "O": pa.array(columns["open"], pa.float32()),
    "H": pa.array([decimal.Decimal(v).quantize(two) for v in columns["high"]], pa.decimal128(12, 3)),
    "L": pa.array([decimal.Decimal(v).quantize(two) for v in columns["low"]], pa.decimal128(30, 3)),
    "C": pa.array(columns["close"], pa.float64()),
    "V": pa.array([int(v) for v in columns["volume"]], pa.int32()),
})
pq.write_table(odd, folder / "odd_types.parquet", compression="none", row_group_size=130)
pq.write_table(table(utc("ms"), close=pa.array(holes)), folder / "null_close.parquet", compression="zstd")
frame = pd.DataFrame(columns, index=pd.DatetimeIndex(times, name=None))
frame.to_parquet(folder / "pandas_index.parquet")  # snappy, as pandas does
days = pa.array([dt.date(2024, 1, 1) + dt.timedelta(days=i) for i in range(30)], pa.date32())
pq.write_table(pa.table({"day": range(30), "date": days, **{n: v[:30] for n, v in columns.items()}}),
               folder / "date32.parquet", compression="zstd")

"""Opens exported candle files with polars and duckdb and compares every value with Python's csv.

    candle_files.py FOLDER      holds x.parquet, x.arrow, x.feather, x.csv and x.csv.gz
"""

import csv
import sys
from pathlib import Path

import duckdb
import polars

COLUMNS = ["timestamp", "open", "high", "low", "close", "volume"]


def expected(folder):
    with open(folder / "x.csv", newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return [(int(row["timestamp"]), *(float(row[name]) for name in COLUMNS[1:])) for row in rows]


def polars_rows(frame):
    if frame.schema["timestamp"] != polars.Int64:
        assert frame.schema["timestamp"] == polars.Datetime("ms", "UTC"), frame.schema
        frame = frame.with_columns(polars.col("timestamp").dt.epoch("ms"))
    return frame.select(COLUMNS).rows()


def duckdb_rows(source):
    kind = duckdb.sql(f"SELECT typeof(timestamp) FROM {source} LIMIT 1").fetchall()[0][0]
    time = "timestamp" if kind == "BIGINT" else "epoch_ms(timestamp)"
    return duckdb.sql(f"SELECT {time}, open, high, low, close, volume FROM {source}").fetchall()


def main(folder):
    folder = Path(folder)
    want = expected(folder)
    readers = {
        "polars x.parquet": lambda: polars_rows(polars.read_parquet(folder / "x.parquet")),
        "polars x.arrow": lambda: polars_rows(polars.read_ipc(folder / "x.arrow")),
        "polars x.feather lazily": lambda: polars_rows(polars.scan_ipc(folder / "x.feather").collect()),
        "polars x.csv": lambda: polars_rows(polars.read_csv(folder / "x.csv", infer_schema_length=None)),
        "polars x.csv.gz": lambda: polars_rows(polars.read_csv(folder / "x.csv.gz", infer_schema_length=None)),
        "duckdb x.parquet": lambda: duckdb_rows(f"read_parquet('{folder / 'x.parquet'}')"),
        "duckdb x.csv": lambda: duckdb_rows(f"read_csv('{folder / 'x.csv'}')"),
        "duckdb x.csv.gz": lambda: duckdb_rows(f"read_csv('{folder / 'x.csv.gz'}')"),
    }
    failed = False
    for name, read in readers.items():
        rows = read()
        equal = rows == want
        failed |= not equal
        print(f"{name:26} {len(rows):>7,} candles  {'equal' if equal else 'DIFFERENT'}")
    print(f"polars {polars.__version__}, duckdb {duckdb.__version__}")
    sys.exit(failed)


main(sys.argv[1])

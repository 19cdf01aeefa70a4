import json, os, random, subprocess, sys, tempfile
from datetime import datetime, timezone
from concurrent.futures import ThreadPoolExecutor
import drawn, outcome
from strategy import Series
from walk import Walk

BIN = os.environ.get("BACKFLEET", "/tmp/backfleet_ref")

def iso(ms):
    t = datetime.fromtimestamp(ms / 1000, timezone.utc)
    return t.strftime("%Y-%m-%dT%H:%M:%SZ")

def csv(path, candles):
    with open(path, "w") as f:
        f.write("timestamp,open,high,low,close,volume\n")
        for c in candles:
            f.write(f"{c.time},{c.open!r},{c.high!r},{c.low!r},{c.close!r},{c.volume!r}\n")

def engine(request, candles, folder):
    csv(f"{folder}/c.csv", candles)
    json.dump(request, open(f"{folder}/r.json", "w"))
    out = subprocess.run([BIN, "run", f"{folder}/r.json", "--candles", f"{folder}/c.csv", "--json"], capture_output=True, text=True)
    if out.returncode:
        return None, out.stderr
    return json.loads(out.stdout), out.stderr

def make(seed, tier):
    rng = random.Random(f"{tier}-{seed}")
    timeframe = rng.choice(["1h", "1h", "4h", "15m"])
    minutes = {"1h": 60, "4h": 240, "15m": 15}[timeframe]
    count = rng.choice([60, 150, 400] if tier < 5 else [900])
    candles = drawn.candles(rng, count, minutes)
    request = drawn.request(rng, tier, timeframe)
    start = rng.choice([0, 0, len(candles) // 3])
    end = len(candles) if rng.random() < 0.8 else len(candles) - 5
    request["dateTimeRanges"] = [{"start": iso(candles[start].time), "end": iso(candles[end - 1].time + minutes * 60000)}]
    return request, candles, start, end

def reference(request, candles, start, end, warmup):
    w = Walk(request, candles[:end], start, warmup).run()
    return outcome.document(w)

def fragile(ours, request, candles, start, end, warmup):
    """Whether the result hangs on the last bits of an indicator: then nobody is right."""
    Series.noise = random.Random(7)
    try:
        return any(
            differ(ours, {**again, "equity": {"final": again["equity"]}, "undefined": {}})
            for again in (reference(request, candles, start, end, warmup) for _ in range(4))
        )
    finally:
        Series.noise = None

def close(a, b, tol=1e-9):
    if isinstance(a, (int, float)) and isinstance(b, (int, float)) and not isinstance(a, bool):
        return abs(a - b) <= tol * max(1.0, abs(a), abs(b))
    return a == b

def differ(ours, theirs):
    """First differences as text."""
    out = []
    for i, (a, b) in enumerate(zip(ours["trades"], theirs["trades"])):
        bad = [k for k in a if not close(a[k], b.get(k))]
        if bad:
            out.append(f"trade {i} {bad}\n   ref {json.dumps(a)}\n   eng {json.dumps(b)}")
            break
    if len(ours["trades"]) != len(theirs["trades"]) and not out:
        i = min(len(ours["trades"]), len(theirs["trades"]))
        out.append(f"trades {len(ours['trades'])} vs {len(theirs['trades'])}; next ref {ours['trades'][i:i+1]} eng {theirs['trades'][i:i+1]}")
    a, b = ours["openPosition"], theirs["openPosition"]
    if (a is None) != (b is None) or a and any(not close(a[k], b[k]) for k in a):
        out.append(f"open ref {a}\n   eng {b}")
    for k, v in ours["counts"].items():
        if theirs["counts"][k] != v:
            out.append(f"counts.{k} ref {v} eng {theirs['counts'][k]}")
    if not close(ours["equity"], theirs["equity"]["final"]):
        out.append(f"equity ref {ours['equity']} eng {theirs['equity']['final']}")
    a, b = ours["dailyReturns"], theirs["dailyReturns"]
    if len(a) != len(b) or any(not close(x, y) for x, y in zip(a, b)):
        out.append(f"daily ref {len(a)} {a[:4]} eng {len(b)} {b[:4]}")
    if not out:
        for k, v in ours["metrics"].items():
            if k in ("cagr", "calmar") and abs(ours["equity"]) < 1e-5: continue
            e = theirs["metrics"].get(k)
            if not (v is None and e is None) and (v is None or e is None or not close(v, e, 1e-8)):
                out.append(f"metric {k} ref {v} eng {e} {theirs['undefined'].get(k)}")
    return out

def one(args):
    seed, tier = args
    request, candles, start, end = make(seed, tier)
    with tempfile.TemporaryDirectory() as folder:
        doc, err = engine(request, candles, folder)
    if doc is None:
        return seed, "refused", err.strip().splitlines()
    try:
        ours = reference(request, candles, start, end, doc["warmup"]["asked"])
    except Exception as e:
        import traceback
        return seed, "crash", traceback.format_exc().splitlines()[-6:]
    out = differ(ours, doc)
    if out and fragile(ours, request, candles, start, end, doc["warmup"]["asked"]):
        return seed, "fragile", []
    return seed, len(doc["trades"]), out

if __name__ == "__main__":
    tier, first, count = map(int, sys.argv[1:4])
    show = int(sys.argv[4]) if len(sys.argv) > 4 else 6
    from collections import Counter
    from concurrent.futures import ProcessPoolExecutor
    kinds, trades, shown = Counter(), 0, 0
    with ProcessPoolExecutor(2) as pool:
        for seed, n, out in pool.map(one, [(s, tier) for s in range(first, first + count)], chunksize=4):
            if n in ("refused", "crash", "fragile"):
                kinds[n] += 1
            elif out:
                kinds["different"] += 1
                kinds[out[0].split(" ref")[0].split(" eng")[0][:40] if not out[0].startswith("trade ") else "trade"] += 1
            else:
                kinds["same"] += 1
                trades += n
            if out and shown < show:
                shown += 1
                print("==", tier, seed, n)
                print("\n".join(out[:5]))
    print(kinds, "trades compared", trades)

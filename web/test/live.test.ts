import { describe, expect, it } from "vitest";

import { refusal } from "../src/api/client";
import type { Status } from "../src/api/shapes";
import { merge } from "../src/live/events";
import { join } from "../src/live/pages";
import { backOff } from "../src/live/resource";

const STATUS = { bundleRequestId: "b", status: "Running", total: 10, completed: 3, version: 7 } as Status;

describe("events", () => {
  it("begins with a snapshot and merges deltas", () => {
    expect(merge(null, STATUS)).toEqual(STATUS);
    expect(merge(STATUS, { completed: 4, version: 8 })).toMatchObject({ completed: 4, version: 8, total: 10 });
  });

  it("ignores what is older, partial at first, or no object", () => {
    expect(merge(STATUS, { completed: 1, version: 6 })).toBeNull();
    expect(merge(null, { completed: 1 })).toBeNull();
    expect(merge(STATUS, [1])).toBeNull();
    expect(merge(STATUS, null)).toBeNull();
  });
});

describe("failures", () => {
  it("waits longer each time, with jitter and a limit", () => {
    expect([1, 2, 3, 10].map((failures) => backOff(failures, () => 0.5))).toEqual([1, 2, 4, 20]);
    expect(backOff(1, () => 0)).toBe(0.75);
  });

  it("reads a problem document", () => {
    const body = { type: "/errors/invalid_bundle", title: "The bundle request is not valid", status: 422, code: "invalid_bundle", detail: "3 faults", requestId: "r1", errors: [{ pointer: "/name", code: "wrong_type", message: "no" }] };
    expect(refusal(422, JSON.stringify(body), null)).toMatchObject({ code: "invalid_bundle", message: "3 faults", requestId: "r1", passing: false, faults: [{ pointer: "/name" }] });
  });

  it("knows when a key is wanted", () => {
    expect([401, 403, 404].map((status) => refusal(status, "", "r").forbidden)).toEqual([true, true, false]);
  });

  it("knows a proxy's words from the server's", () => {
    expect(refusal(502, "<html>", null)).toMatchObject({ code: "unreachable", passing: true });
    expect(refusal(418, "", "r2")).toMatchObject({ code: "unexpected", requestId: "r2", passing: false });
  });
});

it("joins pages without doubles", () => {
  expect(join([{ id: "b" }, { id: "c" }], [{ id: "a" }, { id: "c" }], (item) => item.id)).toEqual([{ id: "b" }, { id: "c" }, { id: "a" }]);
});

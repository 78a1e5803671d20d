import assert from "node:assert/strict";
import { BackOff } from "../../nodes/common/back-off";
import { ConnectorError, errorText, goingOn, isConnectorError, needsAHand, toConnectorError } from "../../nodes/common/errors";
import { outcomeOf } from "../../nodes/delivery/outcome";
import { delayAfter, retryDelays } from "../../nodes/delivery/retry-policy";

describe("an error", () => {
  it("knows from its code whose fault it is and whether a retry can help", () => {
    assert.equal(outcomeOf(new ConnectorError("DATABASE_UNAVAILABLE", "away")), "release");
    assert.equal(outcomeOf(new ConnectorError("DATABASE_BUSY", "deadlock")), "retry");
    assert.equal(outcomeOf(new ConnectorError("ROW_REFUSED", "null")), "dead-letter");
  });

  it("knows whether somebody has to repair it", () => {
    const needs = (["QUEUE_UNAVAILABLE", "EXCHANGE_UNAVAILABLE", "DATABASE_REFUSED", "ORG_OBJECT_UNKNOWN", "ROW_REFUSED", "STORE_UNAVAILABLE"] as const).filter((code) => !needsAHand(new ConnectorError(code, "")));
    const passes = (["BROKER_UNAVAILABLE", "DATABASE_UNAVAILABLE", "DATABASE_BUSY", "ORG_LIMIT", "ORG_BUSY"] as const).filter((code) => needsAHand(new ConnectorError(code, "")));
    assert.deepEqual([needs, passes], [[], []]);
  });

  it("of a store in a database passes as the database's own errors do", () => {
    const store = (code: "DATABASE_UNAVAILABLE" | "DATABASE_REFUSED"): ConnectorError => new ConnectorError("STORE_UNAVAILABLE", "", { cause: new ConnectorError(code, "") });
    assert.deepEqual([needsAHand(store("DATABASE_UNAVAILABLE")), needsAHand(store("DATABASE_REFUSED"))], [false, true]);
  });

  it("of somebody else's node is a fault of the message that may pass", () => {
    const error = toConnectorError(new TypeError("x is not a function"));
    assert.deepEqual([error.code, error.message, outcomeOf(error)], ["FLOW_ERROR", "x is not a function", "retry"]);
  });

  it("is known across two copies of the package, and shows its code first", () => {
    const error = new ConnectorError("FORMAT_INVALID", "Not JSON");
    assert.ok(isConnectorError(Object.assign(Object.create(null), { [Symbol.for("surewire.ConnectorError")]: true })));
    assert.equal(String(error), "FORMAT_INVALID: Not JSON");
    assert.equal(toConnectorError(error), error);
  });

  it("has a readable text, whatever was thrown", () => {
    assert.deepEqual(["text", new Error("message"), { message: "shaped" }, 7].map(errorText), ["text", "message", "shaped", "7"]);
  });
});

describe("a text that goes on", () => {
  it("does so behind a semicolon, whether a server closed it with a stop or not", () => {
    assert.deepEqual(["It is away", "It is away. "].map((text) => goingOn(text, "1 message waits")), ["It is away; 1 message waits", "It is away; 1 message waits"]);
  });
});

describe("retries", () => {
  const policy = { retries: 4, retryDelay: 1000, retryMaxDelay: 3000 };

  it("double their delay up to the largest", () => {
    assert.deepEqual(retryDelays(policy), [1000, 2000, 3000, 3000]);
  });

  it("end after the last", () => {
    assert.deepEqual([1, 4, 5].map((attempt) => delayAfter(policy, attempt)), [1000, 3000, undefined]);
  });
});

describe("the text of what was thrown", () => {
  it("is that of the first error when all addresses of a host failed", () => {
    assert.equal(errorText(new AggregateError([new Error("connect ECONNREFUSED ::1:5672"), new Error("connect ECONNREFUSED 127.0.0.1:5672")])), "connect ECONNREFUSED ::1:5672");
  });

  it("is some text, whatever was thrown", () => {
    assert.equal(errorText(Object.create(null)), "an error without text");
    assert.equal(errorText(undefined), "undefined");
  });
});

describe("back-off", () => {
  it("grows with each failure, stays under its cap, and starts small again after a success", () => {
    const backOff = new BackOff({ initial: 100, max: 1000, random: () => 0.999_999 });
    assert.deepEqual([1, 2, 3, 4, 5].map(() => backOff.next()), [100, 200, 400, 800, 1000]);
    backOff.reset();
    assert.equal(backOff.next(), 100);
  });

  it("never spins: a tenth of the cap is the least it waits", () => {
    assert.equal(new BackOff({ initial: 100, random: () => 0 }).next(), 10);
  });
});

import assert from "node:assert/strict";
import { ConnectorError } from "../../nodes/common/errors";
import { TroubleLog } from "../../nodes/common/trouble-log";

function recorded(calm?: number): { log: TroubleLog; lines: string[] } {
  const lines: string[] = [];
  const log = new TroubleLog({ warn: (text) => lines.push(`warn ${text}`), error: (text) => lines.push(`error ${text}`) }, calm);
  return { log, lines };
}

const away = (): ConnectorError => new ConnectorError("ORG_UNAVAILABLE", "503");
const missing = (): ConnectorError => new ConnectorError("QUEUE_UNAVAILABLE", "no queue");

describe("A log of trouble", () => {
  it("logs each problem once, and again only if all was well in between", () => {
    const { log, lines } = recorded();
    for (const error of [away(), away(), undefined, undefined, away()]) log.told(error);
    assert.deepEqual(lines, ["warn ORG_UNAVAILABLE: 503", "warn ORG_UNAVAILABLE: 503"]);
  });

  it("logs a problem only once if it merely pauses", () => {
    const { log, lines } = recorded(60_000);
    for (const error of [away(), undefined, away(), undefined, missing(), undefined, missing()]) log.told(error);
    assert.deepEqual(lines, ["warn ORG_UNAVAILABLE: 503", "error QUEUE_UNAVAILABLE: no queue"]);
  });

  it("logs another problem at once, as an error if somebody has to repair it", () => {
    const { log, lines } = recorded();
    for (const error of [away(), missing(), missing()]) log.told(error);
    assert.deepEqual(lines, ["warn ORG_UNAVAILABLE: 503", "error QUEUE_UNAVAILABLE: no queue"]);
  });
});

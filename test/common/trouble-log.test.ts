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
  it("tells each trouble once, and again only when all was well meanwhile", () => {
    const { log, lines } = recorded();
    for (const error of [away(), away(), undefined, undefined, away()]) log.told(error);
    assert.deepEqual(lines, ["warn ORG_UNAVAILABLE: 503", "warn ORG_UNAVAILABLE: 503"]);
  });

  it("tells a trouble once that only pauses", () => {
    const { log, lines } = recorded(60_000);
    for (const error of [away(), undefined, away(), undefined, missing(), undefined, missing()]) log.told(error);
    assert.deepEqual(lines, ["warn ORG_UNAVAILABLE: 503", "error QUEUE_UNAVAILABLE: no queue"]);
  });

  it("tells of another trouble at once, as an error when somebody has to mend it", () => {
    const { log, lines } = recorded();
    for (const error of [away(), missing(), missing()]) log.told(error);
    assert.deepEqual(lines, ["warn ORG_UNAVAILABLE: 503", "error QUEUE_UNAVAILABLE: no queue"]);
  });
});

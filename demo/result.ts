import type { DemoBroker } from "./broker";
import type { EmulatorService } from "../test/services/emulator-service";
import { type DeviceMessage, EXPECTED } from "./messages";
import type { ReadingsFile } from "./readings-file";

/** One line of the summary. */
export interface Finding {
  what: string;
  /** Who counted it. */
  by: string;
  expected: string | number;
  found: string | number;
}

/** The demo's outcome, counted by RabbitMQ, by the org's query API and by SQL; none of the numbers is our own. */
export async function countResult(broker: DemoBroker, org: EmulatorService, file: ReadingsFile, sent: DeviceMessage[]): Promise<Finding[]> {
  const cases = await org.query<{ Device_Event_Id__c: string }>("SELECT Device_Event_Id__c FROM Case WHERE Device_Event_Id__c != null");
  const stored = new Set(cases.map((row) => row.Device_Event_Id__c));
  const missing = sent.filter(({ id, fault }) => fault === undefined && !stored.has(id)).length;
  const letters = await broker.deadLetters("devices.dlq");
  const { rows, ids } = file.count();
  const notJson = letters.filter(({ code }) => code === "FORMAT_INVALID").length;
  const named = letters.filter(({ code, reason }) => code !== "" && reason !== "").length;
  return [
    { what: "cases", by: "the org's query API", expected: EXPECTED.cases, found: cases.length },
    { what: "different external ids", by: "the org's query API", expected: EXPECTED.cases, found: stored.size },
    { what: "sent, but no case", by: "the org's query API", expected: 0, found: missing },
    { what: "dead letters", by: "RabbitMQ", expected: EXPECTED.deadLetters, found: await broker.count("devices.dlq") },
    { what: "  with code and reason in the headers", by: "RabbitMQ", expected: EXPECTED.deadLetters, found: named },
    { what: "  of them not JSON", by: "RabbitMQ", expected: EXPECTED.deadLetters / 2, found: notJson },
    { what: "left in the queues", by: "RabbitMQ", expected: 0, found: await broker.leftOver(["devices", "readings"]) },
    { what: "rows", by: "SQL", expected: EXPECTED.rows, found: rows },
    { what: "different ids in them", by: "SQL", expected: EXPECTED.rows, found: ids },
    { what: "dead letters of the readings", by: "RabbitMQ", expected: 0, found: await broker.count("readings.dlq") },
  ];
}

/** True when every number is right. */
export const isRight = (findings: Finding[]): boolean => findings.every(({ expected, found }) => expected === found);

/** The summary as a table. */
export function table(findings: Finding[]): string {
  const lines = findings.map(({ what, by, expected, found }) => {
    const mark = expected === found ? "ok   " : "WRONG";
    const wanted = expected === found ? "" : ` (expected ${expected})`;
    return `  ${mark} ${String(found).padStart(7)}  ${what.padEnd(40)} counted by ${by}${wanted}`;
  });
  return lines.join("\n");
}

import assert from "node:assert/strict";
import type { Emulator } from "../../../../emulator/src/index";
import { type CaseItem, type CaseOutcome, type CaseResult, CaseWriter, type CaseWriterOptions } from "../../../../nodes/salesforce/client/cases/case-writer";
import { clientCredentials, EXTERNAL_ID, type Orgs } from "../../support";

/** A case for an event. */
export const item = (id: string, fields: Record<string, unknown> = {}, more: Partial<CaseItem> = {}): CaseItem => ({
  externalId: id,
  fields: { Subject: `event ${id}`, ...fields },
  ...more,
});

export const items = (count: number, more: (index: number) => Partial<CaseItem> = () => ({})): CaseItem[] =>
  Array.from({ length: count }, (_, index) => item(`e${index}`, {}, more(index)));

/** A writer to an emulator, by its external id field unless the options say otherwise. */
export const writerFor = (orgs: Orgs, org: Emulator, options: CaseWriterOptions = {}): CaseWriter =>
  new CaseWriter(orgs.client(clientCredentials(org)).rest, { externalIdField: EXTERNAL_ID, ...options });

/** Results of a batch in which all went well. */
export function values(outcomes: CaseOutcome[]): CaseResult[] {
  return outcomes.map((outcome) => {
    assert.ok(outcome.ok, outcome.ok ? "" : outcome.error.message);
    return outcome.value;
  });
}

/** The error of the only outcome. */
export function errorOf([outcome]: CaseOutcome[]): Extract<CaseOutcome, { ok: false }>["error"] {
  assert.ok(outcome && !outcome.ok);
  return outcome.error;
}

/** Writes until nothing of the system stands in the way, as a sink does; at most ten times. */
export async function persist(writer: CaseWriter, batch: CaseItem[]): Promise<CaseOutcome[]> {
  for (let tries = 0; ; tries += 1) {
    try {
      const outcomes = await writer.write(batch);
      if (tries >= 10 || !outcomes.some((one) => !one.ok && (one.error.scope === "system" || one.error.retryable))) return outcomes;
    } catch (error) {
      if (tries >= 10) throw error;
    }
  }
}

/** Calls of the REST API by kind, without logins. */
export const calls = (org: Emulator): Record<string, number> => org.control.stats().byKind;
export const callCount = (org: Emulator): number => org.control.stats().apiCalls;

import type { ConnectorError } from "../../common/errors";
import type { Fields, RecordResult } from "./collections";
import { RecordWriter } from "./record-writer";
import type { RestClient } from "./rest";

/** One case to store. */
export interface CaseItem {
  fields: Fields;
  /** Value of the external id field; only when the writer upserts. */
  externalId?: string | number;
  /** The division that took the message; absent without divisions. */
  division?: string;
}

/** `msg.salesforce` after a case was stored. */
export interface CaseResult {
  /** 18 characters. */
  id: string;
  success: true;
  /** False when an existing case was updated. */
  created: boolean;
  errors: [];
  division?: string;
}

/** As the delivery core's, spelled here so that the client stands alone. */
export type CaseOutcome = { ok: true; value: CaseResult } | { ok: false; error: ConnectorError };

/** How cases are stored. */
export interface CaseWriterOptions {
  /** API name of the external id field; absent: every message makes a case. */
  externalIdField?: string;
  /** Which assignment rule runs: the org's `default` one, none (`off`), or the one with this id. Default `default`. */
  assignment?: string;
  /** Tries for records that are locked, when creating; ms between them double from 50. Default 3. */
  lockRetries?: number;
}

/** Stores batches of cases in one org, each case by its own result. */
export class CaseWriter {
  private readonly records: RecordWriter;

  constructor(
    rest: RestClient,
    private readonly options: CaseWriterOptions = {},
  ) {
    this.records = new RecordWriter(rest, { what: "case", lockRetries: options.lockRetries });
  }

  /** What orders cases: the external id as the org compares it, without regard to case and blanks around it. */
  static keyOf(item: CaseItem): string | undefined {
    return item.externalId === undefined ? undefined : String(item.externalId).trim().toLowerCase();
  }

  /**
   * Stores up to 200 cases. With an external id no two may share a {@link keyOf}.
   *
   * @throws ConnectorError of scope `system` when none could be stored and all may be sent again
   */
  async write(items: CaseItem[]): Promise<CaseOutcome[]> {
    const [first] = items;
    if (!first) return [];
    const { externalIdField } = this.options;
    const request = { object: "Case", headers: assignmentHeader(this.options.assignment) };
    const results = externalIdField
      ? await this.records.upsert({ ...request, externalIdField, records: items.map((item) => withField(item.fields, externalIdField, item.externalId)) }, first)
      : await this.records.create({ ...request, records: items.map(({ fields }) => fields) });
    return results.map((result, index) => toOutcome(result, items[index]?.division));
  }
}

function toOutcome(result: RecordResult, division: string | undefined): CaseOutcome {
  if (!result.ok) return result;
  const { id, created } = result;
  return { ok: true, value: { id, success: true, created, errors: [], ...(division === undefined ? {} : { division }) } };
}

/** `fields` with `name` set; a field of the same name in other case gives way. */
function withField(fields: Fields, name: string, value: unknown): Fields {
  const others = Object.entries(fields).filter(([field]) => field.toLowerCase() !== name.toLowerCase());
  return { ...Object.fromEntries(others), [name]: value };
}

/** `Sforce-Auto-Assign`: absent, the org runs its default rule on cases. */
function assignmentHeader(assignment = "default"): Record<string, string> {
  const rule = assignment.trim();
  if (rule === "" || rule === "default") return {};
  return { "sforce-auto-assign": rule === "off" ? "FALSE" : rule };
}

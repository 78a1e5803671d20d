import { retrieveRecords } from "../records/collections";
import type { Rider } from "./composite-call";
import type { RestClient, RestRequest } from "../rest";
import { type Row, type SelectIn, valueIn } from "./select-in";

/** Numbers kept until they are taken: those of calls that failed later on stay behind. */
const BOUND = 10_000;

/** Brings the numbers of cases along with the call that stores them, and fetches those that did not come. */
export class CaseNumbers implements Rider {
  private readonly byId = new Map<string, string>();

  constructor(
    private readonly rest: RestClient,
    private readonly select: SelectIn,
    private readonly externalIdField: string | undefined,
  ) {}

  queries({ body }: RestRequest): string[] {
    const { records = [] } = JSON.parse(String(body)) as { records?: Row[] };
    const fields = ["Id", "CaseNumber"];
    const field = this.externalIdField;
    if (field !== undefined) {
      const values = records.map((record) => valueIn(record, field) as string | number);
      return this.select.queries({ object: "Case", fields, field, values });
    }
    const ids = records.map((_, index) => `'@{main[${index}].id}'`);
    return [`SELECT ${fields.join(", ")} FROM Case WHERE Id IN (${ids.join(",")})`];
  }

  rows(records: Row[]): void {
    for (const { Id, CaseNumber } of records) if (typeof Id === "string" && typeof CaseNumber === "string") this.byId.set(Id, CaseNumber);
    for (const oldest of this.byId.keys()) {
      if (this.byId.size <= BOUND) break;
      this.byId.delete(oldest);
    }
  }

  /** The numbers of these cases; one that cannot be had is missing, for the case is stored all the same. */
  async take(ids: readonly string[]): Promise<Map<string, string>> {
    const missing = ids.filter((id) => !this.byId.has(id));
    if (missing.length > 0) {
      const fetched = await retrieveRecords(this.rest, { object: "Case", ids: missing, fields: ["Id", "CaseNumber"] }).catch((): (Row | null)[] => []);
      this.rows(fetched.filter((row) => row !== null));
    }
    const found = new Map<string, string>();
    for (const id of ids) {
      const number = this.byId.get(id);
      if (number !== undefined) found.set(id, number);
      this.byId.delete(id);
    }
    return found;
  }
}

import { retrieveRecords, valueIn } from "../records/collections";
import type { Rider } from "./composite-call";
import type { RestClient, RestRequest } from "../rest";
import type { Row, SelectIn } from "../query/select-in";

/** Most case numbers that are kept. Those of calls that failed afterwards are never taken; the oldest are dropped. */
const BOUND = 10_000;

/** Reads case numbers in the same call that stores the cases, and fetches by another call those that did not come with it. */
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

  /** Returns the numbers of these cases by id, and forgets them. A number that cannot be read is left out without an error, since the case itself is stored. */
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

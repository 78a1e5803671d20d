import { ConnectorError, toConnectorError } from "../../../common/errors";
import { InTurn } from "../../../common/in-turn";
import { NO_ASSIGNMENT } from "../assignment";
import { type MapFields } from "../cases/mapping";
import { SelectIn, valueIn } from "../cases/select-in";
import type { Fields } from "../records/collections";
import { isLostAnswer } from "../records/lost-answer";
import { RecordWriter } from "../records/record-writer";
import type { RestClient } from "../rest";

/** How a case is marked as processed. */
export interface MarkOptions {
  /** API name of what is updated: `Case`, or an object with records about cases. */
  object: string;
  /** The field of that object that holds the case's id; not looked at for `Case`. */
  caseField: string;
  /** The fields and their values, for a message with `routing`; undefined: nothing is marked. */
  map: MapFields | undefined;
}

/** A case to be marked. */
export interface Mark {
  caseId: string;
  /** What the values are taken from. */
  msg: object;
}

/** Marks cases as processed, in as few calls as they fit. */
export class CaseMarker {
  private readonly select: SelectIn;
  private readonly records: RecordWriter;
  private readonly turns = new InTurn();

  constructor(
    rest: RestClient,
    private readonly options: MarkOptions,
  ) {
    this.select = new SelectIn(rest);
    this.records = new RecordWriter(rest, { what: "mark" });
  }

  /** An error for each that is not marked. Those of scope `system` may be given again, as the same objects. */
  async mark(marks: readonly Mark[]): Promise<(ConnectorError | undefined)[]> {
    const { map, object } = this.options;
    if (!map || marks.length === 0) return marks.map(() => undefined);
    // Two who look at once would both find no record of another object, and make one each.
    return isCase(object) ? this.markNow(marks, map) : this.turns.run(object, () => this.markNow(marks, map));
  }

  private async markNow(marks: readonly Mark[], map: MapFields): Promise<(ConnectorError | undefined)[]> {
    const { object } = this.options;
    const errors: (ConnectorError | undefined)[] = marks.map(() => undefined);
    try {
      const targets = isCase(object) ? undefined : await this.targets(marks);
      const updates: { place: number; record: Fields }[] = [];
      const inserts: typeof updates = [];
      const marksOf = (some: typeof updates): Mark[] => some.map(({ place }) => marks[place] as Mark);
      for (const [place, { caseId, msg }] of marks.entries()) {
        try {
          const fields = await map(msg);
          const id = targets ? targets.get(caseId) : caseId;
          if (id !== undefined) updates.push({ place, record: { ...fields, Id: id } });
          else inserts.push({ place, record: { ...fields, [this.options.caseField]: caseId } });
        } catch (error) {
          errors[place] = toConnectorError(error, "INPUT_INVALID");
        }
      }
      await this.save(updates, errors, (records) => this.records.update({ object, records, headers: NO_ASSIGNMENT }, marksOf(updates)));
      await this.save(inserts, errors, (records) => this.records.create({ object, records, headers: NO_ASSIGNMENT }, marksOf(inserts)));
    } catch (error) {
      const away = toConnectorError(error);
      return errors.map((own) => own ?? away);
    }
    return errors;
  }

  private async save(some: { place: number; record: Fields }[], errors: (ConnectorError | undefined)[], write: (records: Fields[]) => ReturnType<RecordWriter["create"]>): Promise<void> {
    if (some.length === 0) return;
    const results = await write(some.map(({ record }) => record));
    some.forEach(({ place }, index) => {
      const result = results[index];
      if (result && !result.ok) errors[place] = repeatable(result.error);
    });
  }

  /** The records about these cases that are there. */
  private async targets(marks: readonly Mark[]): Promise<Map<string, string>> {
    const { object, caseField } = this.options;
    const rows = await this.select.rows({ object, fields: ["Id", caseField], field: caseField, values: marks.map(({ caseId }) => caseId) });
    return new Map(rows.map((row) => [String(valueIn(row, caseField)), String(row["Id"])]));
  }
}

const isCase = (object: string): boolean => object.toLowerCase() === "case";

/** Whether a record whose answer was lost is there is found out when it is marked again. */
function repeatable(error: ConnectorError): ConnectorError {
  return isLostAnswer(error) ? new ConnectorError("ORG_UNAVAILABLE", error.message, { details: error.details, cause: error }) : error;
}

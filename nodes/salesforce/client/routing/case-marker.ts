import { ConnectorError, toConnectorError } from "../../../common/errors";
import { InTurn } from "../../../common/in-turn";
import { NO_ASSIGNMENT } from "../assignment";
import { type MapFields } from "../mapping";
import { SelectIn } from "../query/select-in";
import { type Fields, valueIn } from "../records/collections";
import { isLostAnswer } from "../records/lost-answer";
import { RecordWriter } from "../records/record-writer";
import type { RestClient } from "../rest";

/** How cases are marked as processed. */
export interface MarkOptions {
  /** API name of the object that is updated: `Case`, or one with records about cases. */
  object: string;
  /** The field of that object that holds the case's id; not used for `Case`. */
  caseField: string;
  /** Gives the fields and their values for a message that has `routing`. `undefined`: cases are not marked. */
  map: MapFields | undefined;
}

/** A case to be marked. */
export interface Mark {
  caseId: string;
  /** The message from which the values are taken. */
  msg: object;
}

/** Marks cases as processed, in as few calls as possible. */
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

  /** Marks cases. @returns for each, the error if it was not marked. After an error of scope `system`, the same objects may be given again */
  async mark(marks: readonly Mark[]): Promise<(ConnectorError | undefined)[]> {
    const { map, object } = this.options;
    if (!map || marks.length === 0) return marks.map(() => undefined);
    // one at a time, as two at once could both find no record of another object, and both create one
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

  /** The existing records about these cases: their ids by the case's id. */
  private async targets(marks: readonly Mark[]): Promise<Map<string, string>> {
    const { object, caseField } = this.options;
    const rows = await this.select.rows({ object, fields: ["Id", caseField], field: caseField, values: marks.map(({ caseId }) => caseId) });
    return new Map(rows.map((row) => [String(valueIn(row, caseField)), String(row["Id"])]));
  }
}

const isCase = (object: string): boolean => object.toLowerCase() === "case";

/** Makes a lost answer an error that is tried again: the next try looks whether the record is there. */
function repeatable(error: ConnectorError): ConnectorError {
  return isLostAnswer(error) ? new ConnectorError("ORG_UNAVAILABLE", error.message, { details: error.details, cause: error }) : error;
}

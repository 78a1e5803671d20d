import { isConnectorError } from "../../../common/errors";
import { type DescribedField, Describes } from "../records/describes";
import type { RestClient } from "../rest";

/** A column for a field of a parent: `Account.Number__c`, or `User:Owner.Badge__c` if the relationship may lead to several objects. */
const PARENT = /^(?:(\w+):)?(\w+)\.(\w+)$/;

/**
 * Spells the columns of an upload as the org does. The org also stores columns in other upper and lower case, but leaves them out of a job's results ("Results only
 * include columns that are a match", Bulk API 2.0, Prepare CSV Files), so that it would not be known to which row a result belongs.
 */
export class ColumnNames {
  private readonly describes: Describes;

  constructor(rest: Pick<RestClient, "request">) {
    this.describes = new Describes(rest);
  }

  /** Returns the columns in the same order. A column that the org does not have, or does not show to this user, stays as it is. @throws ConnectorError of scope `system` when the org cannot be reached */
  async spelled(object: string, columns: readonly string[]): Promise<readonly string[]> {
    if (columns.every((name) => name === "Id")) return columns;
    return Promise.all(columns.map((name) => this.one(object, name)));
  }

  private async one(object: string, column: string): Promise<string> {
    const fields = await this.fieldsOf(object);
    const own = named(fields, column);
    if (own !== undefined) return own.name;
    const [, type, way = "", name = ""] = PARENT.exec(column) ?? [];
    const { relationshipName, referenceTo = [] } = fields.find((field) => isSame(field.relationshipName ?? "", way)) ?? {};
    const parent = type === undefined ? referenceTo[0] : referenceTo.find((one) => isSame(one, type));
    const inner = parent === undefined ? undefined : named(await this.fieldsOf(parent), name);
    return inner === undefined ? column : `${type === undefined ? "" : `${parent}:`}${relationshipName}.${inner.name}`;
  }

  /** The fields of an object; none when the org refuses to tell them: it reports an error of the job's own object when the job is created. */
  private fieldsOf(object: string): Promise<DescribedField[]> {
    return this.describes.fieldsOf(object).catch((error: unknown) => {
      if (isConnectorError(error) && error.scope === "system" && error.code !== "ORG_OBJECT_UNKNOWN") throw error;
      return [];
    });
  }
}

function named<T extends { name: string }>(fields: readonly T[], name: string): T | undefined {
  return fields.find((field) => isSame(field.name, name));
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

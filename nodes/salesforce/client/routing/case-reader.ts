import { SelectIn, type Row } from "../query/select-in";
import { QueryClient } from "../query/query-client";
import { soqlString } from "../query/soql-literal";
import { valueIn } from "../records/collections";
import type { RestClient } from "../rest";
import { isPerson } from "./interaction";

/** A case as the org has it now. */
export interface CaseSnapshot {
  id: string;
  number: string;
  subject: string | null;
  status: string | null;
  priority: string | null;
  origin: string | null;
  ownerId: string;
  isClosed: boolean;
  createdDate: string;
  lastModifiedDate: string;
}

/** A case, and facts about it that the flow does not get. */
export interface CaseRead {
  snapshot: CaseSnapshot;
  /** Value of the skills field; null without such a field. */
  skills: unknown;
  /** Id of the user. */
  lastModifiedBy: string;
  /** Whether one of the mark fields has a value. */
  marked: boolean;
}

/** The person who owns a case. */
export interface Agent {
  id: string;
  name: string;
  username: string;
  email: string;
}

/** A comment or an e-mail: the case it is on, the id of its author, and whether it came from the customer (e-mails only; else false). */
export interface ChildRead {
  caseId: string;
  by: string;
  incoming: boolean;
}

/** What a {@link CaseReader} reads in addition to the fixed fields. */
export interface CaseReaderOptions {
  /** API name of the field with the skills; "" for none. */
  skillsField: string;
  /** API names of the case's fields that are set when it is processed. */
  markFields: readonly string[];
}

const FIELDS = ["Id", "CaseNumber", "Subject", "Status", "Priority", "Origin", "OwnerId", "IsClosed", "CreatedDate", "LastModifiedDate", "LastModifiedById"];

/** Reads cases, their comments and e-mails, and their owners, with one query for many. */
export class CaseReader {
  private readonly select: SelectIn;
  private readonly queries: QueryClient;
  private readonly fields: string[];

  constructor(
    rest: RestClient,
    private readonly options: CaseReaderOptions,
  ) {
    this.select = new SelectIn(rest);
    this.queries = new QueryClient(rest, rest.version);
    const more = [options.skillsField, ...options.markFields].filter((name) => name !== "");
    const known = new Set(FIELDS.map((name) => name.toLowerCase()));
    this.fields = [...FIELDS, ...new Map(more.map((name) => [name.toLowerCase(), name])).values()].filter((name, index) => index < FIELDS.length || !known.has(name.toLowerCase()));
  }

  /** Reads cases. @returns those that the org has, by id */
  async cases(ids: readonly string[]): Promise<Map<string, CaseRead>> {
    if (ids.length === 0) return new Map();
    const rows = await this.select.rows({ object: "Case", fields: this.fields, field: "Id", values: ids });
    return new Map(rows.map((row) => [String(row["Id"]), this.toCase(row)]));
  }

  /** The open cases of these owners, page by page, oldest first. */
  async *openCases(owners: readonly string[]): AsyncGenerator<CaseRead[]> {
    if (owners.length === 0) return;
    const text = `SELECT ${this.fields.join(", ")} FROM Case WHERE IsClosed = false AND OwnerId IN (${owners.map(soqlString).join(",")}) ORDER BY CreatedDate, Id`;
    const pages = await this.queries.open({ language: "soql", text });
    for (let page = await pages.next(); page; page = await pages.next()) yield page.map((row) => this.toCase(row));
  }

  /** Reads comments (`CaseComment`) or e-mails (`EmailMessage`). @returns those that the org has, by id */
  async children(object: "CaseComment" | "EmailMessage", ids: readonly string[]): Promise<Map<string, ChildRead>> {
    if (ids.length === 0) return new Map();
    const fields = object === "EmailMessage" ? ["Id", "ParentId", "CreatedById", "Incoming"] : ["Id", "ParentId", "CreatedById"];
    const rows = await this.select.rows({ object, fields, field: "Id", values: ids });
    const read = (row: Row): ChildRead => ({ caseId: String(row["ParentId"] ?? ""), by: String(row["CreatedById"] ?? ""), incoming: row["Incoming"] === true });
    return new Map(rows.map((row) => [String(row["Id"]), read(row)]));
  }

  /** Reads the users among these owners; queues are left out. @returns those that the org has, by id */
  async agents(owners: readonly string[]): Promise<Map<string, Agent>> {
    const people = owners.filter(isPerson);
    if (people.length === 0) return new Map();
    const rows = await this.select.rows({ object: "User", fields: ["Id", "Name", "Username", "Email"], field: "Id", values: people });
    return new Map(rows.map((row) => [String(row["Id"]), { id: String(row["Id"]), name: String(row["Name"]), username: String(row["Username"]), email: String(row["Email"]) }]));
  }

  private toCase(row: Row): CaseRead {
    const { skillsField, markFields } = this.options;
    const text = (field: string): string | null => (row[field] === null || row[field] === undefined ? null : String(row[field] as string));
    const snapshot: CaseSnapshot = {
      id: String(row["Id"]),
      number: String(row["CaseNumber"]),
      subject: text("Subject"),
      status: text("Status"),
      priority: text("Priority"),
      origin: text("Origin"),
      ownerId: String(row["OwnerId"]),
      isClosed: row["IsClosed"] === true,
      createdDate: String(row["CreatedDate"]),
      lastModifiedDate: String(row["LastModifiedDate"]),
    };
    const isSet = (field: string): boolean => ![null, undefined, "", false].includes(valueIn(row, field) as null);
    return { snapshot, skills: skillsField ? valueIn(row, skillsField) : null, lastModifiedBy: String(row["LastModifiedById"] ?? ""), marked: markFields.some(isSet) };
  }
}

import { ConnectorError, isConnectorError } from "../../../common/errors";
import { soqlString } from "../query/soql-literal";
import type { RestCalls } from "../rest";

/** The changes of records that a PushTopic can tell of. */
export type TopicOperation = "create" | "update" | "delete" | "undelete";

/** Which fields an update must change for the PushTopic to tell of it: any, those in SELECT or WHERE, those in SELECT, or those in WHERE. */
export type TopicFields = "All" | "Referenced" | "Select" | "Where";

/** How a PushTopic should be. */
export interface PushTopicDeclaration {
  /** The part of the channel's name behind `/topic/`: at most 25 characters, case-sensitive. */
  name: string;
  /** SOQL over one object that selects Id; at most 1300 characters. */
  query: string;
  operations: readonly TopicOperation[];
  fields: TopicFields;
  /** `66.0` */
  apiVersion: string;
}

/** The fields of a PushTopic's record that a declaration sets. */
type TopicRecord = Record<"Query" | "NotifyForFields", string> & { ApiVersion: number; IsActive: boolean } & Record<(typeof SWITCHES)[TopicOperation], boolean>;

/** By operation: the field that says whether the PushTopic tells of it. */
const SWITCHES = {
  create: "NotifyForOperationCreate",
  update: "NotifyForOperationUpdate",
  delete: "NotifyForOperationDelete",
  undelete: "NotifyForOperationUndelete",
} as const;

/** Limits of the org (Object Reference, PushTopic). */
const MAX_NAME = 25;
const MAX_QUERY = 1300;

/**
 * Makes sure that the org has a PushTopic as declared: creates it, or changes what differs, or leaves it alone when nothing does.
 *
 * @throws ConnectorError `NOT_CONFIGURED` when the declaration can never work; with the org's words where the org refuses it
 */
export async function declarePushTopic(rest: RestCalls, declaration: PushTopicDeclaration): Promise<"created" | "updated" | "unchanged"> {
  const { name } = declaration;
  const wanted = recordOf(declaration);
  try {
    const found = await find(rest, name);
    if (found) return await change(rest, found, wanted);
    await rest.request({ method: "POST", path: "/sobjects/PushTopic", body: { Name: name, ...wanted } });
    return "created";
  } catch (error) {
    if (!isConnectorError(error)) throw error;
    if (error.details.errorCode !== "DUPLICATE_VALUE") throw explained(error, name);
  }
  // another instance created it meanwhile
  const found = await find(rest, name);
  if (!found) throw new ConnectorError("NOT_CONFIGURED", `There is a PushTopic ${name} in the org that this user does not see`);
  return change(rest, found, wanted);
}

function recordOf({ name, query, operations, fields, apiVersion }: PushTopicDeclaration): TopicRecord {
  const text = inOneLine(query);
  if (!name) throw new ConnectorError("NOT_CONFIGURED", "The PushTopic has no name");
  if (name.length > MAX_NAME) throw new ConnectorError("NOT_CONFIGURED", `The name of a PushTopic has at most ${MAX_NAME} characters; "${name}" has ${name.length}`);
  if (!text) throw new ConnectorError("NOT_CONFIGURED", `The PushTopic ${name} has no query`);
  if (text.length > MAX_QUERY) throw new ConnectorError("NOT_CONFIGURED", `The query of a PushTopic has at most ${MAX_QUERY} characters; that of ${name} has ${text.length}`);
  if (operations.length === 0) throw new ConnectorError("NOT_CONFIGURED", `The PushTopic ${name} would tell of nothing: choose at least one operation`);
  return {
    Query: text,
    ApiVersion: Number(apiVersion),
    NotifyForOperationCreate: operations.includes("create"),
    NotifyForOperationUpdate: operations.includes("update"),
    NotifyForOperationDelete: operations.includes("delete"),
    NotifyForOperationUndelete: operations.includes("undelete"),
    NotifyForFields: fields,
    IsActive: true,
  };
}

async function find(rest: RestCalls, name: string): Promise<(TopicRecord & { Id: string }) | undefined> {
  const fields = ["Id", "Name", "Query", "ApiVersion", ...Object.values(SWITCHES), "NotifyForFields", "IsActive"];
  const query = `SELECT ${fields.join(", ")} FROM PushTopic WHERE Name = ${soqlString(name)}`;
  const { body } = await rest.request<{ records?: (TopicRecord & { Id: string; Name: string })[] }>({ method: "GET", path: `/query?q=${encodeURIComponent(query)}` });
  const [found] = body.records ?? [];
  // SOQL ignores the case of names, while channels respect it
  if (found && found.Name !== name) throw new ConnectorError("NOT_CONFIGURED", `The org has a PushTopic ${found.Name}, and names that differ only in case are one: listen to /topic/${found.Name}`);
  return found;
}

async function change(rest: RestCalls, found: TopicRecord & { Id: string }, wanted: TopicRecord): Promise<"updated" | "unchanged"> {
  const kept = { ...found, Query: inOneLine(found.Query) };
  const differing = Object.entries(wanted).filter(([property, value]) => kept[property as keyof TopicRecord] !== value);
  if (differing.length === 0) return "unchanged";
  await rest.request({ method: "PATCH", path: `/sobjects/PushTopic/${found.Id}`, body: Object.fromEntries(differing) });
  return "updated";
}

/** A query with each run of white space made one space, except within string literals. */
function inOneLine(query: string): string {
  return query.replace(/'(?:\\.|[^'\\])*'|\s+/gs, (piece) => (piece.startsWith("'") ? piece : " ")).trim();
}

/** Explains an error of the org. What the org refuses comes from the node's settings, so it becomes `NOT_CONFIGURED`: waiting does not fix it. */
function explained(error: ConnectorError, name: string): ConnectorError {
  if (error.code === "ORG_REFUSED") return new ConnectorError("NOT_CONFIGURED", `The org refuses the PushTopic ${name}: ${error.message}`, { details: error.details, cause: error });
  if (error.code !== "ORG_OBJECT_UNKNOWN") return error;
  return new ConnectorError("ORG_OBJECT_UNKNOWN", `The org has no PushTopics for this user: ${error.message}`, { details: error.details, cause: error });
}

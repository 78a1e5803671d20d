import { textIn, withValue } from "../../common/environment";
import { wholeNumber } from "../../common/whole-number";
import { autoAssign } from "../client/assignment";
import type { CaseWriterOptions } from "../client/cases/case-writer";
import { compileDivisions, type Condition } from "../client/cases/division";
import { type Compile, compileFields, type FieldRow } from "../client/mapping";
import type { OrgClient } from "../client/org";
import type { CaseTarget, CaseValues, CaseWorkerOptions } from "./case-worker";

/** One row of the list of divisions, as flows store it. */
export interface DivisionRow {
  /** The name in `msg.salesforce.division`. Blank: `when`, or `default` if that is blank too. */
  name?: string;
  /** Default: `topic`. */
  whenType?: "topic" | "property" | "jsonata";
  /** Pattern, text or expression. Blank: the division takes every message that is left. */
  when: string;
  /** Path in the message; only for `whenType` `property`. */
  property?: string;
  /** Id of the division's org node. Blank: the org of the case node. */
  org: string;
  owner?: string;
  recordType?: string;
  defaults: FieldRow[];
}

/** The saved properties of a case node. Optional ones were added in later versions. */
export interface CaseDef {
  org: string;
  divisions: DivisionRow[];
  mapping: FieldRow[];
  defaults: FieldRow[];
  externalIdField: string;
  externalId: string;
  externalIdType: string;
  /** `default`, `off` or the id of an assignment rule. */
  assignment: string;
  duplicateRule?: "block" | "allow";
  onRepeat?: "update" | "leave" | "comment";
  reopen?: boolean;
  reopenStatus?: string;
  caseNumber?: boolean;
  contactBy?: "none" | "externalId" | "email" | "name";
  contactField?: string;
  contact?: string;
  contactType?: string;
  contactMissing?: "leave" | "error";
  accountBy?: "none" | "externalId" | "name";
  accountField?: string;
  account?: string;
  accountType?: string;
  accountMissing?: "leave" | "error";
  comment?: string;
  commentType?: string;
  attachments?: string;
  attachmentsType?: string;
  batchSize: number | string;
  linger: number | string;
}

/** The fields for kinds of look-ups for which the form does not ask for a field. */
const LOOK_UP_FIELDS: Record<string, string> = { email: "Email", name: "Name" };

/**
 * Reads the saved properties of a case node.
 *
 * @param orgOf returns the org for the id of a config node
 * @throws ConnectorError `NOT_CONFIGURED` when a property is missing or wrong
 */
export function readCaseConfig(config: CaseDef, compile: Compile, orgOf: (id: string) => OrgClient): Omit<CaseWorkerOptions, "onState" | "warn"> {
  const { mapping = [], defaults = [], divisions = [] } = config;
  const target = (org: string, own: FieldRow[] = []): CaseTarget => ({ org: orgOf(org || config.org), map: compileFields([defaults, own, mapping], compile) });
  const entries = divisions.map((row) => ({
    condition: conditionOf(row, compile),
    entry: { ...target(row.org, row.defaults), division: nameOf(row), owner: textIn(row.owner), recordType: textIn(row.recordType) },
  }));
  const only = divisions.length === 0 ? target(config.org) : undefined;
  return {
    pick: only ? () => only : compileDivisions<CaseTarget>(entries),
    orgs: only ? [only.org] : entries.map(({ entry }) => entry.org),
    values: readValues(config, compile),
    writer: readWriter(config),
    batchSize: wholeNumber(config.batchSize, "Batch size", { fallback: 200, min: 1, max: 200 }),
    linger: wholeNumber(config.linger, "Linger", { fallback: 50, max: 60_000 }),
  };
}

function conditionOf({ whenType = "topic", property = "", ...row }: DivisionRow, compile: Compile): Condition {
  const when = whenType === "jsonata" ? String(row.when ?? "") : withValue(row.when);
  if (when.trim() === "") return { type: "always" };
  if (whenType === "property") return { type: "property", valueOf: compile(property, "msg", "property of a division"), text: when };
  if (whenType === "jsonata") return { type: "jsonata", holds: compile(when, "jsonata", "condition of a division") };
  return { type: "topic", pattern: when };
}

function nameOf({ name, when = "" }: DivisionRow): string {
  return textIn(name) || String(when).trim() || "default";
}

function readValues(config: CaseDef, compile: Compile): CaseValues {
  const { contactBy = "none", accountBy = "none" } = config;
  const value = (text: string | undefined, type: string | undefined, label: string): CaseValues["comment"] =>
    text === undefined || String(text).trim() === "" ? undefined : compile(text, type || "msg", label);
  return {
    ...(textIn(config.externalIdField) ? { externalId: compile(config.externalId ?? "", config.externalIdType || "msg", "external id") } : {}),
    ...(contactBy === "none" ? {} : { contact: value(config.contact, config.contactType, "contact") }),
    ...(accountBy === "none" ? {} : { account: value(config.account, config.accountType, "account") }),
    comment: value(config.comment, config.commentType, "comment"),
    attachments: value(config.attachments, config.attachmentsType, "attachments"),
  };
}

/** Checks the assignment rule now, so that an error shows before the first message. */
function checked(assignment = "default"): string {
  autoAssign(assignment);
  return assignment;
}

function readWriter(config: CaseDef): CaseWriterOptions {
  const { contactBy = "none", accountBy = "none", contactMissing = "leave", accountMissing = "leave" } = config;
  const fieldOf = (by: string, own: string | undefined): string => LOOK_UP_FIELDS[by] ?? (textIn(own) || "Id");
  return {
    externalIdField: textIn(config.externalIdField) || undefined,
    assignment: checked(config.assignment),
    duplicateRule: config.duplicateRule ?? "block",
    onRepeat: config.onRepeat ?? "update",
    reopenStatus: config.reopen ? textIn(config.reopenStatus) : "",
    caseNumber: config.caseNumber ?? true,
    ...(contactBy === "none" ? {} : { contact: { field: fieldOf(contactBy, config.contactField), missing: contactMissing } }),
    ...(accountBy === "none" ? {} : { account: { field: fieldOf(accountBy, config.accountField), missing: accountMissing } }),
  };
}

import { ApiError } from "../api-error";
import type { Org } from "../org";
import { CONVERTED_LEAD_STATUSES } from "../schema/sales-objects";
import type { Scalar } from "../schema/types";
import { namedRecord } from "./named-record";
import { readRecord } from "./reader";
import type { Writer } from "./writer";

/** A lead to convert, as in a request of `convertLead`. */
export interface LeadConvert {
  leadId: string;
  /** A status of converted leads. */
  convertedStatus: string;
  /** Existing records to convert into. Default: new ones are created. */
  accountId?: string;
  contactId?: string;
  opportunityId?: string;
  opportunityName?: string;
  doNotCreateOpportunity?: boolean;
  ownerId?: string;
  overwriteLeadSource?: boolean;
}

/** The records that a conversion has created or used. */
export interface Converted {
  leadId: string;
  accountId: string;
  contactId: string;
  opportunityId: string | null;
}

const DAY = 86_400_000;

/** Converts a lead into an account, a contact and, unless the request says otherwise, an opportunity. */
export function convertLead(org: Org, writer: Writer, request: LeadConvert): Converted {
  const lead = namedRecord(org, "Lead", request.leadId);
  if (lead["IsConverted"] === true) throw new ApiError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", []);
  if (!CONVERTED_LEAD_STATUSES.has(request.convertedStatus)) throw new ApiError("INVALID_STATUS", `invalid convertedStatus: ${request.convertedStatus}`, []);
  if (request.contactId && !request.accountId) throw new ApiError("REQUIRED_FIELD_MISSING", "accountId is required with contactId", []);

  const create = (name: string, fields: Record<string, Scalar>): string => {
    const object = org.schema.object(name)!;
    const set = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
    return writer.create(object, readRecord(org.schema, object, set));
  };
  const value = (field: string): Scalar => lead[field] ?? null;
  const owner = { OwnerId: request.ownerId ?? value("OwnerId") };
  const accountId = request.accountId
    ? namedRecord(org, "Account", request.accountId).Id
    : create("Account", { ...owner, Name: value("Company"), Phone: value("Phone"), Industry: value("Industry") });
  const person = { FirstName: value("FirstName"), LastName: value("LastName"), Email: value("Email"), Phone: value("Phone"), Title: value("Title") };
  const contactId = request.contactId ? namedRecord(org, "Contact", request.contactId).Id : create("Contact", { ...owner, ...person, AccountId: accountId });
  const opportunityId = opportunityOf(org, request, (closeDate) =>
    create("Opportunity", { ...owner, Name: request.opportunityName ?? value("Company"), AccountId: accountId, StageName: "Prospecting", CloseDate: closeDate }),
  );
  writer.change(lead, {
    Status: request.convertedStatus,
    IsConverted: true,
    ConvertedDate: dateOf(org.now()),
    ConvertedAccountId: accountId,
    ConvertedContactId: contactId,
    ConvertedOpportunityId: opportunityId,
  });
  return { leadId: lead.Id, accountId, contactId, opportunityId };
}

function opportunityOf(org: Org, request: LeadConvert, create: (closeDate: string) => string): string | null {
  if (request.opportunityId) return namedRecord(org, "Opportunity", request.opportunityId).Id;
  return request.doNotCreateOpportunity ? null : create(dateOf(org.now() + 90 * DAY));
}

function dateOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

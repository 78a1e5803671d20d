import type { FieldDefinition, ObjectDefinition } from "./types";

const readOnly = (field: FieldDefinition): FieldDefinition => ({ ...field, createable: false, updateable: false });
const OWNER: FieldDefinition = { name: "OwnerId", type: "reference", label: "Owner ID", referenceTo: ["User", "Group"] };

/** The statuses that a lead can have after a conversion. */
export const CONVERTED_LEAD_STATUSES: ReadonlySet<string> = new Set(["Closed - Converted"]);

const LEAD: ObjectDefinition = {
  name: "Lead",
  keyPrefix: "00Q",
  fields: [
    OWNER,
    { name: "LastName", type: "string", label: "Last Name", length: 80, required: true },
    { name: "FirstName", type: "string", label: "First Name", length: 40 },
    readOnly({ name: "Name", type: "string", label: "Full Name", length: 121 }),
    { name: "Company", type: "string", length: 255, required: true },
    { name: "Title", type: "string", length: 128 },
    { name: "Email", type: "email" },
    { name: "Phone", type: "phone" },
    {
      name: "Status",
      type: "picklist",
      restrictedPicklist: true,
      picklistValues: [{ value: "Open - Not Contacted", defaultValue: true }, "Working - Contacted", "Closed - Converted", "Closed - Not Converted"],
    },
    { name: "LeadSource", type: "picklist", label: "Lead Source", picklistValues: ["Web", "Phone Inquiry", "Partner Referral", "Other"] },
    { name: "Industry", type: "picklist", picklistValues: ["Electronics", "Energy", "Manufacturing", "Transportation", "Utilities", "Other"] },
    { name: "Description", type: "textarea", length: 32_000 },
    readOnly({ name: "IsConverted", type: "boolean", label: "Converted" }),
    readOnly({ name: "ConvertedDate", type: "date", label: "Converted Date" }),
    readOnly({ name: "ConvertedAccountId", type: "reference", label: "Converted Account ID", referenceTo: ["Account"] }),
    readOnly({ name: "ConvertedContactId", type: "reference", label: "Converted Contact ID", referenceTo: ["Contact"] }),
    readOnly({ name: "ConvertedOpportunityId", type: "reference", label: "Converted Opportunity ID", referenceTo: ["Opportunity"] }),
  ],
};

const OPPORTUNITY: ObjectDefinition = {
  name: "Opportunity",
  labelPlural: "Opportunities",
  keyPrefix: "006",
  fields: [
    OWNER,
    { name: "Name", type: "string", length: 120, required: true },
    { name: "AccountId", type: "reference", label: "Account ID", referenceTo: ["Account"], childRelationshipName: "Opportunities" },
    {
      name: "StageName",
      type: "picklist",
      label: "Stage",
      required: true,
      picklistValues: ["Prospecting", "Qualification", "Negotiation/Review", "Closed Won", "Closed Lost"],
    },
    { name: "CloseDate", type: "date", label: "Close Date", required: true },
    { name: "Amount", type: "currency", precision: 18, scale: 2 },
    { name: "Description", type: "textarea", length: 32_000 },
  ],
};

/** The objects whose records can be approved. A real org allows all objects for which there is an approval process. */
const APPROVABLE = ["Case", "Account", "Contact", "Lead", "Opportunity"];

const PROCESS_INSTANCE: ObjectDefinition = {
  name: "ProcessInstance",
  keyPrefix: "04g",
  fields: [
    readOnly({ name: "TargetObjectId", type: "reference", label: "Target Object ID", referenceTo: APPROVABLE }),
    readOnly({ name: "Status", type: "picklist", picklistValues: ["Pending", "Approved", "Rejected", "Removed"] }),
    readOnly({ name: "SubmittedById", type: "reference", label: "Submitted By ID", referenceTo: ["User"] }),
  ],
};

const PROCESS_INSTANCE_WORKITEM: ObjectDefinition = {
  name: "ProcessInstanceWorkitem",
  keyPrefix: "04i",
  fields: [
    readOnly({ name: "ProcessInstanceId", type: "reference", label: "Process Instance ID", referenceTo: ["ProcessInstance"], childRelationshipName: "Workitems" }),
    readOnly({ name: "ActorId", type: "reference", label: "Actor ID", referenceTo: ["User", "Group"] }),
  ],
};

/** Leads, opportunities, and the records of approvals. */
export const SALES_OBJECTS: readonly ObjectDefinition[] = [LEAD, OPPORTUNITY, PROCESS_INSTANCE, PROCESS_INSTANCE_WORKITEM];

import { CASE_OBJECTS } from "./case-objects";
import { SALES_OBJECTS } from "./sales-objects";
import { INSIGHTS_OBJECTS } from "./insights";
import { ORGANIZATION } from "./organization";
import { STREAMING_OBJECTS } from "./streaming-objects";
import type { FieldDefinition, ObjectDefinition } from "./types";

/** Makes a field one that the org fills and nobody may write. */
const readOnly = (field: FieldDefinition): FieldDefinition => ({ ...field, createable: false, updateable: false });

/** The fields of all objects except platform events. */
export const SYSTEM_FIELDS: readonly FieldDefinition[] = [
  readOnly({ name: "Id", type: "id" }),
  readOnly({ name: "IsDeleted", type: "boolean", label: "Deleted" }),
  readOnly({ name: "CreatedDate", type: "datetime", label: "Created Date" }),
  readOnly({ name: "CreatedById", type: "reference", label: "Created By ID", referenceTo: ["User"] }),
  readOnly({ name: "LastModifiedDate", type: "datetime", label: "Last Modified Date" }),
  readOnly({ name: "LastModifiedById", type: "reference", label: "Last Modified By ID", referenceTo: ["User"] }),
  readOnly({ name: "SystemModstamp", type: "datetime", label: "System Modstamp" }),
];

/** The fields of all platform events. They have no id. */
export const EVENT_FIELDS: readonly FieldDefinition[] = [
  readOnly({ name: "ReplayId", type: "string", label: "Replay ID" }),
  readOnly({ name: "EventUuid", type: "string", label: "Event UUID" }),
  readOnly({ name: "CreatedDate", type: "datetime", label: "Created Date" }),
  readOnly({ name: "CreatedById", type: "reference", label: "Created By ID", referenceTo: ["User"] }),
];

const OWNER: FieldDefinition = { name: "OwnerId", type: "reference", label: "Owner ID", referenceTo: ["User", "Group"] };

/** The statuses of closed cases. */
export const CLOSED_CASE_STATUSES: ReadonlySet<string> = new Set(["Closed"]);

const CASE: ObjectDefinition = {
  name: "Case",
  keyPrefix: "500",
  fields: [
    readOnly({ name: "CaseNumber", type: "string", label: "Case Number", length: 30 }),
    OWNER,
    { name: "RecordTypeId", type: "reference", label: "Record Type ID", referenceTo: ["RecordType"] },
    { name: "AccountId", type: "reference", label: "Account ID", referenceTo: ["Account"], childRelationshipName: "Cases" },
    { name: "ContactId", type: "reference", label: "Contact ID", referenceTo: ["Contact"], childRelationshipName: "Cases" },
    { name: "ParentId", type: "reference", label: "Parent Case ID", referenceTo: ["Case"], childRelationshipName: "Cases" },
    { name: "Subject", type: "string", length: 255 },
    { name: "Description", type: "textarea", length: 32_000 },
    {
      name: "Status",
      type: "picklist",
      restrictedPicklist: true,
      picklistValues: [{ value: "New", defaultValue: true }, "Working", "Escalated", "Closed"],
    },
    // "Device" is not in a new org. It is what an admin adds first when devices open cases.
    {
      name: "Origin",
      type: "picklist",
      label: "Case Origin",
      restrictedPicklist: true,
      picklistValues: ["Phone", "Email", "Web", "Device"],
    },
    {
      name: "Priority",
      type: "picklist",
      restrictedPicklist: true,
      picklistValues: ["High", { value: "Medium", defaultValue: true }, "Low"],
    },
    {
      name: "Type",
      type: "picklist",
      label: "Case Type",
      picklistValues: ["Mechanical", "Electrical", "Electronic", "Structural", "Other"],
    },
    {
      name: "Reason",
      type: "picklist",
      label: "Case Reason",
      picklistValues: ["Installation", "Equipment Complexity", "Performance", "Breakdown", "Equipment Design", "Feedback", "Other"],
    },
    { name: "IsEscalated", type: "boolean", label: "Escalated" },
    readOnly({ name: "IsClosed", type: "boolean", label: "Closed" }),
    readOnly({ name: "ClosedDate", type: "datetime", label: "Closed Date" }),
    { name: "SuppliedName", type: "string", label: "Name", length: 80 },
    { name: "SuppliedEmail", type: "email", label: "Email Address" },
    { name: "SuppliedPhone", type: "string", label: "Phone", length: 40 },
    { name: "SuppliedCompany", type: "string", label: "Company", length: 80 },
    { name: "Device_Event_Id__c", type: "string", label: "Device Event Id", length: 255, externalId: true, unique: true },
  ],
};

const ACCOUNT: ObjectDefinition = {
  name: "Account",
  keyPrefix: "001",
  fields: [
    OWNER,
    { name: "Name", type: "string", label: "Account Name", length: 255, required: true },
    { name: "ParentId", type: "reference", label: "Parent Account ID", referenceTo: ["Account"], childRelationshipName: "ChildAccounts" },
    { name: "AccountNumber", type: "string", label: "Account Number", length: 40 },
    {
      name: "Type",
      type: "picklist",
      label: "Account Type",
      picklistValues: ["Prospect", "Customer - Direct", "Customer - Channel", "Other"],
    },
    {
      name: "Industry",
      type: "picklist",
      picklistValues: ["Electronics", "Energy", "Manufacturing", "Transportation", "Utilities", "Other"],
    },
    { name: "Phone", type: "phone", label: "Account Phone" },
    { name: "Website", type: "url" },
    { name: "Description", type: "textarea", label: "Account Description", length: 32_000 },
    { name: "AnnualRevenue", type: "currency", label: "Annual Revenue", precision: 18, scale: 0 },
    { name: "NumberOfEmployees", type: "int", label: "Employees", precision: 8 },
    { name: "BillingStreet", type: "textarea", label: "Billing Street", length: 255 },
    { name: "BillingCity", type: "string", label: "Billing City", length: 40 },
    { name: "BillingPostalCode", type: "string", label: "Billing Zip/Postal Code", length: 20 },
    { name: "BillingCountry", type: "string", label: "Billing Country", length: 80 },
  ],
};

const CONTACT: ObjectDefinition = {
  name: "Contact",
  keyPrefix: "003",
  fields: [
    OWNER,
    { name: "AccountId", type: "reference", label: "Account ID", referenceTo: ["Account"], childRelationshipName: "Contacts" },
    { name: "LastName", type: "string", label: "Last Name", length: 80, required: true },
    { name: "FirstName", type: "string", label: "First Name", length: 40 },
    readOnly({ name: "Name", type: "string", label: "Full Name", length: 121 }),
    { name: "Email", type: "email" },
    { name: "Phone", type: "phone", label: "Business Phone" },
    { name: "MobilePhone", type: "phone", label: "Mobile Phone" },
    { name: "Title", type: "string", length: 128 },
    { name: "Birthdate", type: "date" },
    { name: "Description", type: "textarea", label: "Contact Description", length: 32_000 },
    { name: "DoNotCall", type: "boolean", label: "Do Not Call" },
  ],
};

const USER: ObjectDefinition = {
  name: "User",
  keyPrefix: "005",
  fields: [
    { name: "Username", type: "string", length: 80, required: true, unique: true },
    { name: "LastName", type: "string", label: "Last Name", length: 80, required: true },
    { name: "FirstName", type: "string", label: "First Name", length: 40 },
    readOnly({ name: "Name", type: "string", label: "Full Name", length: 121 }),
    { name: "Email", type: "email", required: true },
    { name: "IsActive", type: "boolean", label: "Active", defaultValue: true },
  ],
};

/** Queues and public groups. */
const GROUP: ObjectDefinition = {
  name: "Group",
  keyPrefix: "00G",
  fields: [
    { name: "Name", type: "string", length: 40, required: true },
    { name: "DeveloperName", type: "string", label: "Developer Name", length: 80 },
    { name: "Type", type: "picklist", restrictedPicklist: true, picklistValues: [{ value: "Regular", defaultValue: true }, "Queue"] },
  ],
};

/** The objects of an org without a schema file. */
export const STANDARD_OBJECTS: readonly ObjectDefinition[] = [CASE, ACCOUNT, CONTACT, USER, GROUP, ...CASE_OBJECTS, ...INSIGHTS_OBJECTS, ...SALES_OBJECTS, ORGANIZATION, ...STREAMING_OBJECTS];

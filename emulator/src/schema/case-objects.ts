import type { FieldDefinition, ObjectDefinition } from "./types";

/** Makes a field one that the org fills and nobody may write. */
const readOnly = (field: FieldDefinition): FieldDefinition => ({ ...field, createable: false, updateable: false });

const RECORD_TYPE: ObjectDefinition = {
  name: "RecordType",
  label: "Record Type",
  keyPrefix: "012",
  fields: [
    { name: "Name", type: "string", length: 80, required: true },
    { name: "DeveloperName", type: "string", label: "Record Type Name", length: 80, required: true },
    { name: "SobjectType", type: "picklist", label: "SObject Type Name", required: true, updateable: false },
    { name: "IsActive", type: "boolean", label: "Active", defaultValue: true },
    { name: "Description", type: "string", length: 255 },
  ],
};

/** An object whose records a queue can own. */
const QUEUE_SOBJECT: ObjectDefinition = {
  name: "QueueSobject",
  label: "Queue SObject",
  keyPrefix: "03g",
  fields: [
    { name: "QueueId", type: "reference", label: "Group ID", referenceTo: ["Group"], childRelationshipName: "QueueSobjects", required: true, updateable: false },
    { name: "SobjectType", type: "picklist", label: "SObject Type", required: true, updateable: false },
  ],
};

/** A member of a group. The members of a queue work on its records. */
const GROUP_MEMBER: ObjectDefinition = {
  name: "GroupMember",
  label: "Group Member",
  keyPrefix: "011",
  fields: [
    { name: "GroupId", type: "reference", label: "Group ID", referenceTo: ["Group"], childRelationshipName: "GroupMembers", required: true, updateable: false },
    { name: "UserOrGroupId", type: "reference", label: "User/Group ID", referenceTo: ["User", "Group"], required: true, updateable: false },
  ],
};

/** The API can only read these records. They are created by an admin, and in an emulator by `addAssignmentRule`. */
const ASSIGNMENT_RULE: ObjectDefinition = {
  name: "AssignmentRule",
  label: "Assignment Rule",
  keyPrefix: "01Q",
  createable: false,
  fields: [
    readOnly({ name: "Name", type: "string", length: 120 }),
    readOnly({ name: "SobjectType", type: "picklist", label: "SObject Type" }),
    readOnly({ name: "Active", type: "boolean" }),
  ],
};

const CASE_COMMENT: ObjectDefinition = {
  name: "CaseComment",
  label: "Case Comment",
  keyPrefix: "00a",
  fields: [
    { name: "ParentId", type: "reference", label: "Parent ID", referenceTo: ["Case"], childRelationshipName: "CaseComments", required: true, updateable: false },
    { name: "CommentBody", type: "textarea", label: "Body", length: 4000 },
    { name: "IsPublished", type: "boolean", label: "Published" },
  ],
};

/** An e-mail of a case that was received or sent. */
const EMAIL_MESSAGE: ObjectDefinition = {
  name: "EmailMessage",
  label: "Email Message",
  keyPrefix: "02s",
  fields: [
    { name: "ParentId", type: "reference", label: "Case ID", referenceTo: ["Case"], childRelationshipName: "EmailMessages" },
    { name: "Incoming", type: "boolean", label: "Is Incoming", updateable: false },
    {
      name: "Status",
      type: "picklist",
      restrictedPicklist: true,
      picklistValues: [
        ...[{ value: "0", label: "New", defaultValue: true }, { value: "1", label: "Read" }, { value: "2", label: "Replied" }],
        ...[{ value: "3", label: "Sent" }, { value: "4", label: "Forwarded" }, { value: "5", label: "Draft" }],
      ],
    },
    { name: "FromAddress", type: "email", label: "From Address" },
    { name: "FromName", type: "string", label: "From Name", length: 1000 },
    { name: "ToAddress", type: "string", label: "To Address", length: 4000 },
    { name: "CcAddress", type: "string", label: "CC Address", length: 4000 },
    { name: "BccAddress", type: "string", label: "BCC Address", length: 4000 },
    { name: "Subject", type: "string", length: 3000 },
    { name: "TextBody", type: "textarea", label: "Text Body", length: 32_000 },
    { name: "HtmlBody", type: "textarea", label: "HTML Body", length: 32_000 },
    { name: "Headers", type: "textarea", length: 32_000 },
    { name: "MessageDate", type: "datetime", label: "Message Date" },
    { name: "MessageIdentifier", type: "string", label: "Message Identifier", length: 765 },
    readOnly({ name: "HasAttachment", type: "boolean", label: "Has Attachment" }),
  ],
};

/** The objects to which a file can be linked. */
const LINKABLE = ["Case", "Account", "Contact", "User"];

const CONTENT_VERSION: ObjectDefinition = {
  name: "ContentVersion",
  label: "Content Version",
  keyPrefix: "068",
  fields: [
    { name: "ContentDocumentId", type: "reference", label: "ContentDocument ID", referenceTo: ["ContentDocument"], childRelationshipName: "ContentVersions", updateable: false },
    readOnly({ name: "IsLatest", type: "boolean", label: "Is Latest" }),
    readOnly({ name: "VersionNumber", type: "string", label: "Version Number", length: 20 }),
    { name: "Title", type: "string", length: 255 },
    { name: "Description", type: "textarea", length: 1000 },
    { name: "PathOnClient", type: "string", label: "Path On Client", length: 500, updateable: false },
    { name: "VersionData", type: "base64", label: "Version Data", updateable: false },
    readOnly({ name: "ContentSize", type: "int", label: "Size", precision: 9 }),
    readOnly({ name: "Checksum", type: "string", length: 50 }),
    readOnly({ name: "FileExtension", type: "string", label: "File Extension", length: 40 }),
    readOnly({ name: "FileType", type: "string", label: "File Type", length: 20 }),
    { name: "FirstPublishLocationId", type: "reference", label: "First Publish Location ID", referenceTo: LINKABLE, updateable: false },
    { name: "OwnerId", type: "reference", label: "Owner ID", referenceTo: ["User"] },
  ],
};

/** Created only together with the first version of a file. */
const CONTENT_DOCUMENT: ObjectDefinition = {
  name: "ContentDocument",
  label: "ContentDocument",
  keyPrefix: "069",
  createable: false,
  fields: [
    { name: "Title", type: "string", length: 255, required: true },
    readOnly({ name: "LatestPublishedVersionId", type: "reference", label: "Latest Published Version ID", referenceTo: ["ContentVersion"] }),
    readOnly({ name: "ContentSize", type: "int", label: "Size", precision: 9 }),
    readOnly({ name: "FileExtension", type: "string", label: "File Extension", length: 40 }),
    readOnly({ name: "FileType", type: "string", label: "File Type", length: 20 }),
    { name: "OwnerId", type: "reference", label: "Owner ID", referenceTo: ["User"] },
  ],
};

const CONTENT_DOCUMENT_LINK: ObjectDefinition = {
  name: "ContentDocumentLink",
  label: "Content Document Link",
  keyPrefix: "06A",
  fields: [
    { name: "ContentDocumentId", type: "reference", label: "ContentDocument ID", referenceTo: ["ContentDocument"], childRelationshipName: "ContentDocumentLinks", required: true, updateable: false },
    { name: "LinkedEntityId", type: "reference", label: "Linked Entity ID", referenceTo: LINKABLE, childRelationshipName: "ContentDocumentLinks", required: true, updateable: false },
    { name: "ShareType", type: "picklist", label: "Share Type", restrictedPicklist: true, picklistValues: [{ value: "V", defaultValue: true }, "C", "I"] },
    { name: "Visibility", type: "picklist", restrictedPicklist: true, picklistValues: [{ value: "AllUsers", defaultValue: true }, "InternalUsers", "SharedUsers"] },
  ],
};

/** The objects around cases: record types, queues, assignment rules, comments, e-mails and files. */
export const CASE_OBJECTS: readonly ObjectDefinition[] = [
  ...[RECORD_TYPE, QUEUE_SOBJECT, GROUP_MEMBER, ASSIGNMENT_RULE, CASE_COMMENT, EMAIL_MESSAGE],
  ...[CONTENT_VERSION, CONTENT_DOCUMENT, CONTENT_DOCUMENT_LINK],
];

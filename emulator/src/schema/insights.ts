import type { ObjectDefinition } from "./types";

const readOnly = { createable: false, updateable: false };

/** Most bytes of a part. Longer data must be split. */
export const MAX_PART_BYTES = 10 * 1024 * 1024;

/** The objects with which external data is uploaded to CRM Analytics: a header and its parts. The `Action` of the header starts the processing. */
export const INSIGHTS_OBJECTS: ObjectDefinition[] = [
  {
    name: "InsightsExternalData",
    label: "Insights External Data",
    labelPlural: "Insights External Data",
    keyPrefix: "06V",
    fields: [
      { name: "EdgemartAlias", type: "string", length: 80, required: true },
      { name: "EdgemartLabel", type: "string", length: 80 },
      { name: "EdgemartContainer", type: "string", length: 255 },
      { name: "FileName", type: "string", length: 255 },
      { name: "Description", type: "string", length: 255 },
      { name: "Format", type: "picklist", restrictedPicklist: true, picklistValues: [{ value: "Csv", defaultValue: true }, "Binary"] },
      {
        name: "Operation",
        type: "picklist",
        restrictedPicklist: true,
        picklistValues: [{ value: "Overwrite", defaultValue: true }, "Append", "Upsert", "Delete"],
      },
      {
        name: "Action",
        type: "picklist",
        restrictedPicklist: true,
        picklistValues: [{ value: "None", defaultValue: true }, "Process", "Abort", "Delete"],
      },
      { name: "Mode", type: "picklist", picklistValues: [{ value: "None", defaultValue: true }, "Incremental"] },
      { name: "NotificationSent", type: "picklist", picklistValues: ["Always", "Failures", "Warnings", "Never"] },
      { name: "NotificationEmail", type: "email" },
      { name: "MetadataJson", type: "base64" },
      {
        name: "Status",
        type: "picklist",
        picklistValues: ["New", "Queued", "InProgress", "Completed", "CompletedWithWarnings", "Failed"],
        ...readOnly,
      },
      { name: "StatusMessage", type: "string", length: 255, ...readOnly },
      { name: "SubmittedDate", type: "datetime", ...readOnly },
    ],
  },
  {
    name: "InsightsExternalDataPart",
    label: "Insights External Data Part",
    keyPrefix: "06W",
    fields: [
      {
        name: "InsightsExternalDataId",
        type: "reference",
        label: "Insights External Data ID",
        referenceTo: ["InsightsExternalData"],
        required: true,
        updateable: false,
      },
      { name: "PartNumber", type: "int", required: true },
      { name: "DataFile", type: "base64" },
      { name: "DataLength", type: "int", ...readOnly },
    ],
  },
];

import type { FieldDefinition, ObjectDefinition } from "./types";

const readOnly = (field: FieldDefinition): FieldDefinition => ({ ...field, createable: false, updateable: false });

/** The org itself. There is only one record, and its id is that of the org. */
export const ORGANIZATION: ObjectDefinition = {
  name: "Organization",
  keyPrefix: "00D",
  createable: false,
  fields: [
    readOnly({ name: "Name", type: "string", length: 80 }),
    readOnly({ name: "InstanceName", type: "string", label: "Instance Name", length: 5 }),
    readOnly({ name: "IsSandbox", type: "boolean", label: "Is Sandbox" }),
    readOnly({ name: "OrganizationType", type: "picklist", label: "Edition", picklistValues: ["Developer Edition", "Enterprise Edition", "Unlimited Edition"] }),
  ],
};

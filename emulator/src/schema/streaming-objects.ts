import type { FieldDefinition, ObjectDefinition } from "./types";

/** Returns the field that says whether a PushTopic has events for one kind of write. */
const notify = (operation: string): FieldDefinition => ({
  name: `NotifyForOperation${operation}`,
  type: "boolean",
  label: `Notify For Operation ${operation}`,
  defaultValue: true,
});

/** A query. When a record that it finds is written, an event is published. */
const PUSH_TOPIC: ObjectDefinition = {
  name: "PushTopic",
  label: "Push Topic",
  keyPrefix: "0IF",
  fields: [
    { name: "Name", type: "string", label: "Topic Name", length: 25, required: true, unique: true },
    { name: "Query", type: "textarea", label: "SOQL Query", length: 1300, required: true },
    { name: "ApiVersion", type: "double", label: "Api Version", precision: 3, scale: 1, required: true },
    { name: "IsActive", type: "boolean", label: "Is Active", defaultValue: true },
    {
      name: "NotifyForFields",
      type: "picklist",
      label: "Notify For Fields",
      restrictedPicklist: true,
      picklistValues: ["All", { value: "Referenced", defaultValue: true }, "Select", "Where"],
    },
    ...["Create", "Update", "Delete", "Undelete"].map(notify),
    { name: "Description", type: "string", length: 400 },
  ],
};

/** A channel for texts that have nothing to do with records. */
const STREAMING_CHANNEL: ObjectDefinition = {
  name: "StreamingChannel",
  label: "Streaming Channel",
  keyPrefix: "0M6",
  fields: [
    { name: "OwnerId", type: "reference", label: "Owner ID", referenceTo: ["User", "Group"] },
    { name: "Name", type: "string", label: "Streaming Channel Name", length: 80, required: true, unique: true },
    { name: "Description", type: "textarea", length: 255 },
    { name: "IsDynamic", type: "boolean", label: "Is Dynamic", createable: false, updateable: false },
  ],
};

/** The objects that define channels of their own. */
export const STREAMING_OBJECTS: readonly ObjectDefinition[] = [PUSH_TOPIC, STREAMING_CHANNEL];

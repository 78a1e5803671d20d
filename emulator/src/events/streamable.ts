import type { ObjectSchema } from "../schema/schema";

/** Objects of which the org tells no changes: what an admin sets up, files, and what stands for a process. */
const SILENT: ReadonlySet<string> = new Set([
  ...["Organization", "RecordType", "Group", "GroupMember", "QueueSobject", "AssignmentRule", "PushTopic", "StreamingChannel"],
  ...["ContentVersion", "ContentDocument", "ContentDocumentLink", "InsightsExternalData", "InsightsExternalDataPart"],
  ...["ProcessInstance", "ProcessInstanceWorkitem"],
]);

/** Whether PushTopics and change events can be about records of an object. */
export const isStreamable = (object: ObjectSchema): boolean => !object.platformEvent && !SILENT.has(object.name);

import type { ObjectSchema } from "../schema/schema";

/** Objects of which the org tells no changes: what an admin sets up, files, what stands for a process, and comments of cases. */
const SILENT: ReadonlySet<string> = new Set([
  ...["Organization", "RecordType", "Group", "GroupMember", "QueueSobject", "AssignmentRule", "PushTopic", "StreamingChannel"],
  ...["ContentVersion", "ContentDocument", "ContentDocumentLink", "InsightsExternalData", "InsightsExternalDataPart"],
  ...["ProcessInstance", "ProcessInstanceWorkitem", "CaseComment"],
]);

/** The standard objects that PushTopics can be about: the vendor's list. */
const IN_TOPICS: ReadonlySet<string> = new Set([
  ...["Account", "Campaign", "Case", "Contact", "ContractLineItem", "Entitlement", "Lead", "LiveChatTranscript", "MessagingSession", "Opportunity", "Quote", "QuoteLineItem"],
  ...["ServiceAppointment", "ServiceContract", "Task", "UserServicePresence", "WorkOrder", "WorkOrderLineItem"],
]);

/** Whether change events can be about records of an object. */
export const isStreamable = (object: ObjectSchema): boolean => !object.platformEvent && !SILENT.has(object.name);

/** Whether PushTopics can be. */
export const isInTopics = (object: ObjectSchema): boolean => isStreamable(object) && (object.custom || IN_TOPICS.has(object.name));

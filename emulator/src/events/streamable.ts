import type { ObjectSchema } from "../schema/schema";

/** Objects without change events: those that an admin sets up, files, parts of processes, and comments of cases. */
const SILENT: ReadonlySet<string> = new Set([
  ...["Organization", "RecordType", "Group", "GroupMember", "QueueSobject", "AssignmentRule", "PushTopic", "StreamingChannel"],
  ...["ContentVersion", "ContentDocument", "ContentDocumentLink", "InsightsExternalData", "InsightsExternalDataPart"],
  ...["ProcessInstance", "ProcessInstanceWorkitem", "CaseComment"],
]);

/** The standard objects that a PushTopic can query, from the vendor's list. */
const IN_TOPICS: ReadonlySet<string> = new Set([
  ...["Account", "Campaign", "Case", "Contact", "ContractLineItem", "Entitlement", "Lead", "LiveChatTranscript", "MessagingSession", "Opportunity", "Quote", "QuoteLineItem"],
  ...["ServiceAppointment", "ServiceContract", "Task", "UserServicePresence", "WorkOrder", "WorkOrderLineItem"],
]);

/** Whether an object can have change events. */
export const isStreamable = (object: ObjectSchema): boolean => !object.platformEvent && !SILENT.has(object.name);

/** Whether a PushTopic can query an object. */
export const isInTopics = (object: ObjectSchema): boolean => isStreamable(object) && (object.custom || IN_TOPICS.has(object.name));

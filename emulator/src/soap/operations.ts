import type { SessionCall } from "./call";
import * as org from "./org-operations";
import * as read from "./read-operations";
import * as write from "./write-operations";

/** The operations that need a session, by name. Each returns the content of `<…Response>`. */
export const OPERATIONS = new Map<string, (call: SessionCall) => string>([
  ["convertLead", write.convertLead],
  ["create", write.create],
  ["delete", write.remove],
  ["describeGlobal", read.describeGlobal],
  ["describeSObject", read.describeSObject],
  ["describeSObjects", read.describeSObjects],
  ["emptyRecycleBin", write.emptyRecycleBin],
  ["findDuplicates", read.findDuplicates],
  ["findDuplicatesByIds", read.findDuplicatesByIds],
  ["getDeleted", read.getDeleted],
  ["getServerTimestamp", org.getServerTimestamp],
  ["getUpdated", read.getUpdated],
  ["getUserInfo", org.getUserInfo],
  ["logout", org.logout],
  ["merge", write.merge],
  ["query", read.query],
  ["queryAll", read.queryAll],
  ["queryMore", read.queryMore],
  ["resetPassword", org.resetPassword],
  ["retrieve", read.retrieve],
  ["search", read.search],
  ["sendEmail", org.sendEmail],
  ["sendEmailMessage", org.sendEmailMessage],
  ["setPassword", org.setPassword],
  ["undelete", write.undelete],
  ["update", write.update],
  ["upsert", write.upsert],
]);

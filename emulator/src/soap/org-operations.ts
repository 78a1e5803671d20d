import { ApiError } from "../api-error";
import { parseId } from "../ids";
import { resetPassword as resetUserPassword, setPassword as setUserPassword, userOf } from "../records/passwords";
import { type SessionCall, SoapFault } from "./call";
import { argumentsOf, limitRecords } from "./sobject";
import { result, type XmlValue } from "./values";
import { childText, type XmlElement } from "./xml";
import { writerOf } from "./write-operations";

/** Most messages in a call. */
const MAX_EMAILS = 10;
/** Values of the `Status` of an EmailMessage. */
const SENT = "3";
const DRAFT = "5";

/** Answers `getServerTimestamp()` with the time of the org. */
export function getServerTimestamp(call: SessionCall): string {
  return result({ timestamp: new Date(call.org.now()).toISOString() });
}

/** Answers `getUserInfo()` with the user of the session. */
export function getUserInfo({ org, session }: SessionCall): string {
  const user = userOf(org, session.userId);
  return result({
    accessibilityMode: false,
    currencySymbol: "€",
    organizationId: org.id,
    organizationMultiCurrency: false,
    organizationName: org.name,
    profileId: "00e000000000001AAA",
    roleId: null,
    sessionSecondsValid: Math.max(0, Math.round((session.expiresAt - org.now()) / 1000)),
    userDefaultCurrencyIsoCode: "EUR",
    userEmail: String(user["Email"]),
    userFullName: String(user["Name"]),
    userId: session.userId,
    userLanguage: "en_US",
    userLocale: "en_US",
    userName: session.username,
    userTimeZone: "Europe/Berlin",
    userType: "Standard",
  });
}

/** Answers `logout()`: ends the session of the call. */
export function logout({ org, session }: SessionCall): string {
  org.sessions.revoke(session.token);
  return "";
}

/** Answers `setPassword(userId, password)`. */
export function setPassword(call: SessionCall): string {
  setUserPassword(call.org, childText(call.operation, "userId") ?? "", childText(call.operation, "password") ?? "");
  return result({});
}

/** Answers `resetPassword(userId)` with the new, random password. */
export function resetPassword(call: SessionCall): string {
  return result({ password: resetUserPassword(call.org, childText(call.operation, "userId") ?? "") });
}

/** Answers `sendEmail(messages)`. Each `SingleEmailMessage` has its own result. */
export function sendEmail(call: SessionCall): string {
  const messages = argumentsOf(call, "messages");
  if (messages.length > MAX_EMAILS) throw new SoapFault("LIMIT_EXCEEDED", `Cannot send more than ${MAX_EMAILS} messages in one call`);
  return result(messages.map((message) => attempt(() => send(call, message))));
}

/** Answers `sendEmailMessage(ids)`: sends EmailMessage records that are drafts. */
export function sendEmailMessage(call: SessionCall): string {
  const writer = writerOf(call);
  const ids = limitRecords(argumentsOf(call, "ids"), MAX_EMAILS);
  return result(
    ids.map(({ text }) =>
      attempt(() => {
        const id = parseId(text.trim());
        const row = id?.startsWith("02s") ? call.org.store.get(id) : undefined;
        if (!row || row.IsDeleted) throw new ApiError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", []);
        if (row["Status"] !== DRAFT) throw new ApiError("INVALID_STATUS", "The email is not a draft", ["Status"]);
        if (!row["ToAddress"]) throw new ApiError("REQUIRED_FIELD_MISSING", "Add a recipient to send an email.", ["ToAddress"]);
        useLimit(call);
        writer.change(row, { Status: SENT });
      }),
    ),
  );
}

function send(call: SessionCall, message: XmlElement): void {
  const kind = (message.attributes["type"] ?? "").replace(/^.*:/, "");
  if (kind !== "SingleEmailMessage") throw new ApiError("INVALID_TYPE", `the emulator sends no ${kind || "message without xsi:type"}`, []);
  const to = message.children.filter(({ name }) => name === "toAddresses").map(({ text }) => text.trim());
  const target = childText(message, "targetObjectId");
  if (to.length === 0 && !target) throw new ApiError("REQUIRED_FIELD_MISSING", "Add a recipient to send an email.", []);
  for (const address of to) if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(address)) throw new ApiError("INVALID_EMAIL_ADDRESS", `Email address is invalid: ${address}`, ["toAddresses"]);
  const body = childText(message, "plainTextBody") || childText(message, "htmlBody");
  if (!body && !childText(message, "templateId")) throw new ApiError("REQUIRED_FIELD_MISSING", "Missing body, need at least one of html or plainText", []);
  useLimit(call);
  call.org.sentEmails.push({ to: target ? [...to, target] : to, subject: childText(message, "subject") ?? "", body: body ?? "" });
}

function useLimit(call: SessionCall): void {
  if (!call.org.limits.use("SingleEmail")) throw new ApiError("SINGLE_EMAIL_LIMIT_EXCEEDED", "Email limit exceeded", []);
}

function attempt(work: () => void): { [name: string]: XmlValue } {
  try {
    work();
    return { success: true };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { errors: error.saveErrors.map(({ fields, message, statusCode }) => ({ fields, message, statusCode })), success: false };
  }
}

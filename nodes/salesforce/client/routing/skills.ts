import { ConnectorError } from "../../../common/errors";

/** Longest text of all skills, separators included, in characters. The field and the contact centres behind it take no more. */
const MAX_LENGTH = 255;

/**
 * Reads the skills that an interaction asks for from the field of a case: `Language_French;Billing`.
 *
 * @param text the field's value; blank: none
 * @param where name of the field, for errors
 * @throws ConnectorError `INPUT_INVALID` for a text that a contact centre would misread or refuse
 */
export function readSkills(text: unknown, where: string): string[] {
  if (text === null || text === undefined || text === "") return [];
  if (typeof text !== "string") throw invalid(where, `is a ${typeof text}, not a text`);
  if (text.length > MAX_LENGTH) throw invalid(where, `has ${text.length} characters; skills may have ${MAX_LENGTH} in all`);
  if (text.includes("|")) throw invalid(where, "has a | in it: skills are separated by semicolons");
  const skills = text.split(";");
  if (skills.at(-1) === "") skills.pop(); // some write a semicolon behind the last value, as for a multi-select picklist
  const blank = skills.findIndex((skill) => skill.trim() === "");
  if (blank >= 0) throw invalid(where, `has nothing as its skill no. ${blank + 1}`);
  const leading = skills.find((skill) => /^\s/.test(skill));
  if (leading !== undefined) throw invalid(where, `has a blank before the skill "${leading.trim()}"`);
  return skills;
}

function invalid(field: string, reason: string): ConnectorError {
  return new ConnectorError("INPUT_INVALID", `${field} ${reason}`, { details: { field } });
}

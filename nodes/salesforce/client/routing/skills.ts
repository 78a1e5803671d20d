import { ConnectorError } from "../../../common/errors";

/** Most characters of all skills together, separators included: what the field and the contact centres behind it take. */
const MAX_LENGTH = 255;

/**
 * The skills an interaction asks for, as the field of a case holds them: `Language_French;Billing`.
 *
 * @param text the field's value; blank: none
 * @param where how the field is called in errors
 * @throws ConnectorError `INPUT_INVALID` for what a contact centre would read as other skills, or not at all
 */
export function readSkills(text: unknown, where: string): string[] {
  if (text === null || text === undefined || text === "") return [];
  if (typeof text !== "string") throw invalid(where, `is a ${typeof text}, not a text`);
  if (text.length > MAX_LENGTH) throw invalid(where, `has ${text.length} characters; skills may have ${MAX_LENGTH} in all`);
  if (text.includes("|")) throw invalid(where, "has a | in it: skills are separated by semicolons");
  const skills = text.split(";");
  if (skills.at(-1) === "") skills.pop(); // as a multi-select picklist is written by some
  const blank = skills.findIndex((skill) => skill.trim() === "");
  if (blank >= 0) throw invalid(where, `has nothing as its skill no. ${blank + 1}`);
  const leading = skills.find((skill) => /^\s/.test(skill));
  if (leading !== undefined) throw invalid(where, `has a blank before the skill "${leading.trim()}"`);
  return skills;
}

function invalid(field: string, reason: string): ConnectorError {
  return new ConnectorError("INPUT_INVALID", `${field} ${reason}`, { details: { field } });
}

import { randomBytes } from "node:crypto";
import { ApiError } from "../api-error";
import { parseId } from "../ids";
import type { Org } from "../org";
import type { Row } from "../store/table";
import { malformedId } from "./validation";

/** Fewest characters of a password. The org's password policy also asks for a letter and a digit. */
const MIN_LENGTH = 8;

/** Sets a user's password. @throws ApiError when it does not meet the org's policy */
export function setPassword(org: Org, userId: string, password: string): void {
  const user = userOf(org, userId);
  if (password.length < MIN_LENGTH) throw new ApiError("INVALID_NEW_PASSWORD", `Your password must be at least ${MIN_LENGTH} characters long.`, []);
  if (!/[A-Za-z]/.test(password) || !/\d/.test(password)) throw new ApiError("INVALID_NEW_PASSWORD", "Your password must include letters and numbers", []);
  org.users.setPassword(String(user["Username"]), password);
}

/** Sets a user's password to a random one. @returns the password */
export function resetPassword(org: Org, userId: string): string {
  const user = userOf(org, userId);
  const password = `${randomBytes(8).toString("hex")}1a`;
  org.users.setPassword(String(user["Username"]), password);
  return password;
}

/** Returns the user with this id. @throws ApiError when there is none */
export function userOf(org: Org, userId: string): Row {
  const id = parseId(userId);
  if (!id?.startsWith("005")) throw malformedId({ label: "User ID", name: "Id" }, userId);
  const row = org.store.get(id);
  if (!row) throw new ApiError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", []);
  return row;
}

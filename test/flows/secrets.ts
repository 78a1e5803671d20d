import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { childrenOf } from "../services/process-record";

/** What nobody gave away knowingly: tokens of the emulator, signed assertions, and headers that carry a secret. */
const TOKENS: Record<string, RegExp> = {
  "an access token": /00D\w{12}![\w.-]{20,}/,
  "a refresh token": /5Aep861[\w-]{20,}/,
  "a signed assertion": /\beyJ[\w-]{10,}\.[\w-]{10,}/,
  "an authorization header": /\b(Bearer|Basic) (?!realm)[\w+/=!.-]{12,}/,
  "a private key": /PRIVATE KEY-----\s*(\\n)?\w/,
};

/** Secrets that a search can recognise. */
export class Secrets {
  private readonly names = new Map<string, string>();

  /** A secret of that name, which looks the same in a URL, in JSON and in a connection string. */
  make(name: string): string {
    return this.add(name, `zqx${randomBytes(12).toString("hex")}`);
  }

  /** Watches a secret that was made elsewhere. @returns it */
  add(name: string, value: string): string {
    for (const form of formsOf(value)) this.names.set(form, name);
    return value;
  }

  /** What of the secrets stands in a text, also in base64. @param but names that may stand there */
  in(text: string, but: readonly string[] = []): string[] {
    const found = [...this.names].filter(([form, name]) => !but.includes(name) && text.includes(form)).map(([, name]) => name);
    const tokens = Object.entries(TOKENS).filter(([, pattern]) => pattern.test(text)).map(([name]) => name);
    return [...new Set([...found, ...tokens])];
  }
}

/** The secret as it stands, and what is the same of its base64 wherever it begins within what is encoded. */
function formsOf(value: string): string[] {
  const shifted = [0, 1, 2].map((by) => Buffer.from(" ".repeat(by) + value).toString("base64").slice(by === 0 ? 0 : 4, -4));
  return [value, ...shifted, ...shifted.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))];
}

/** All files under a folder with their text, links not followed. */
export function* filesIn(folder: string): Generator<[name: string, text: string]> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const name = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* filesIn(name);
    else if (entry.isFile()) yield [name, readFileSync(name, "utf8")];
  }
}

/** Command lines and environments of a process's descendants, by what `ps e` shows. */
export function childrenSeen(pid: number): { count: number; text: string } {
  const seen = { count: 0, text: "" };
  for (const child of childrenOf(pid)) {
    const { count, text } = childrenSeen(child.pid);
    seen.count += 1 + count;
    seen.text += ["cmdline", "environ"].map((name) => readText(`/proc/${child.pid}/${name}`)).join("\n") + text;
  }
  return seen;
}

/** A process may end while it is looked at. */
function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

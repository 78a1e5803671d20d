/** Finds out what a statement does beside its work: to its transaction, and to the session of its connection. */
import type { DialectName } from "../protocol";
import type { LexedSql } from "../sql-lexer";

type Words = Pick<LexedSql, "verb" | "words" | "pieces">;

/** Verbs before and after which MariaDB and Oracle commit. A statement about a temporary table is an exception, on Oracle only about a private one. */
const COMMITS = new Set(["alter", "analyze", "check", "comment", "create", "drop", "flush", "grant", "lock", "optimize", "rename", "repair", "revoke", "truncate", "unlock"]);
/** A `set` whose effect ends with the transaction or the statement, or does not concern the session. */
const SET_FOR_A_WHILE: Partial<Record<DialectName, RegExp>> = {
  postgresql: /^\s*set\s+(local|transaction|constraints)\b/i,
  mariadb: /^\s*set\s+(@(?!@)|statement\b|global\b|password\b)/i,
  sqlserver: /^\s*set\s+@/i,
  oracle: /^\s*set\s+(transaction|constraints?)\b/i,
};

/** Functions that a query may call and whose effect outlives the transaction: locks, and settings that are not made for the transaction only. */
const FOR_THE_SESSION: Partial<Record<DialectName, RegExp>> = {
  postgresql: /\bpg_(try_)?advisory_lock(_shared)?\s*\(|\bset_config\s*\((?!(?:[^()]|\([^()]*\))*,\s*(?:is_local\s*(?:=>|:=)\s*)?true\s*\))/i,
  mariadb: /\bget_lock\s*\(/i,
};

/** Whether a statement commits what came before it in its transaction. */
export function endsTransaction({ verb, words, pieces }: Words, dialect: DialectName): boolean {
  if (verb === "commit" || verb === "end") return true;
  if (dialect === "mariadb") return verb === "begin" || verb === "start" || (COMMITS.has(verb) && !words.has("temporary"));
  // Oracle commits for a temporary table that all sessions see, but not for `alter session` and `alter system`
  return dialect === "oracle" && COMMITS.has(verb) && !(words.has("private") && words.has("temporary")) && !/^\s*alter\s+(session|system)\b/i.test(pieces[0] ?? "");
}

/**
 * Whether a statement changes the session for the next user of the connection: its database, time zone, schema or user, its locks or temporary tables. Never
 * for SQLite: there is only one connection, or each is a database of its own, so databases stay attached.
 */
export function changesSession({ verb, words, pieces }: Words, dialect: DialectName): boolean {
  if (dialect === "sqlite") return false;
  if (verb === "set") return !SET_FOR_A_WHILE[dialect]?.test(pieces[0] ?? "");
  if ((verb === "create" || (verb === "select" && words.has("into"))) && isTemporary(words, dialect)) return true;
  if (FOR_THE_SESSION[dialect]?.test(pieces.join("?"))) return true;
  if (dialect === "postgresql") return verb === "reset" || verb === "discard" || verb === "listen";
  if (dialect === "mariadb" && verb === "lock") return true;
  return verb === "use" || (verb === "alter" && words.has("session"));
}

/** Whether a statement makes a temporary table that stays for the session. Oracle's belong to all sessions or end with the transaction, as PostgreSQL's may. */
function isTemporary(words: Words["words"], dialect: DialectName): boolean {
  if (dialect === "mariadb") return words.has("temporary");
  return dialect === "postgresql" && (words.has("temp") || words.has("temporary")) && !(words.has("commit") && words.has("drop"));
}

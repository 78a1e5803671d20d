import path from "node:path";
import { textIn, withValue } from "../../common/environment";
import { oneOf } from "../../common/one-of";
import { wholeNumber } from "../../common/whole-number";
import type { DatabaseCredentials } from "../client/connection-string";
import type { DatabaseOptions } from "../client/database-client";
import type { DialectName } from "../client/protocol";

/** What the editor saves. Numbers, in ms, come as text when they were typed or stand in the environment. */
export interface DatabaseDef {
  engine?: string;
  connectionString?: string;
  file?: string;
  dialect?: DialectName | "auto";
  poolSize?: number | string;
  loginTimeout?: number | string;
  queryTimeout?: number | string;
  idleCheck?: number | string;
}

/**
 * How to connect, from what was saved.
 *
 * @param userDir what a relative file is relative to, wherever Node-RED was started
 * @throws ConnectorError `NOT_CONFIGURED`
 */
export function readOptions(def: DatabaseDef, credentials: DatabaseCredentials, userDir = "."): DatabaseOptions {
  const engine = oneOf(def.engine, "Engine", ["odbc", "sqlite"], "odbc");
  // the form of each has not the other's, and does not look at what was saved
  const file = engine === "sqlite" ? textIn(def.file) : "";
  const odbc = engine === "odbc" ? def : {};
  return {
    engine,
    connectionString: textIn(odbc.connectionString),
    file: !file || file === ":memory:" ? file : path.resolve(userDir, file),
    dialect: def.dialect || "auto",
    poolSize: wholeNumber(odbc.poolSize, "Connections", { fallback: 4, min: 1, max: 10 }),
    loginTimeout: wholeNumber(odbc.loginTimeout, "Login timeout", { fallback: 10_000, min: 1000, max: 600_000 }),
    queryTimeout: wholeNumber(def.queryTimeout, "Query timeout", { fallback: 60_000, min: 100, max: 86_400_000 }),
    idleCheck: wholeNumber(odbc.idleCheck, "Idle check", { fallback: 30_000, max: 86_400_000 }),
    credentials: engine === "odbc" ? { username: withValue(credentials.username), password: withValue(credentials.password) } : {},
  };
}

import path from "node:path";
import type { DatabaseCredentials } from "../client/connection-string";
import type { DatabaseOptions } from "../client/database-client";
import type { DialectName, Engine } from "../client/protocol";

/** What the editor saves. Numbers, in ms, come as text when they were typed or stand in the environment. */
export interface DatabaseDef {
  engine?: Engine;
  connectionString?: string;
  file?: string;
  dialect?: DialectName | "auto";
  poolSize?: number | string;
  loginTimeout?: number | string;
  queryTimeout?: number | string;
  idleCheck?: number | string;
}

/** How to connect, from what was saved. @param userDir what a relative file is relative to, wherever Node-RED was started */
export function readOptions(def: DatabaseDef, credentials: DatabaseCredentials, userDir = "."): DatabaseOptions {
  const file = def.file?.trim() ?? "";
  return {
    engine: def.engine === "sqlite" ? "sqlite" : "odbc",
    connectionString: def.connectionString ?? "",
    file: !file || file === ":memory:" ? file : path.resolve(userDir, file),
    dialect: def.dialect || "auto",
    poolSize: between(def.poolSize, 4, 1, 10),
    loginTimeout: between(def.loginTimeout, 10_000, 1000, 600_000),
    queryTimeout: between(def.queryTimeout, 60_000, 100, 86_400_000),
    idleCheck: between(def.idleCheck, 30_000, 0, 86_400_000),
    credentials,
  };
}

function between(value: number | string | undefined, fallback: number, min: number, max: number): number {
  const number = Math.round(Number(value));
  return value === undefined || value === "" || !Number.isFinite(number) ? fallback : Math.min(Math.max(number, min), max);
}

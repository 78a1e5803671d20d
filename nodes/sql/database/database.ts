import path from "node:path";
import type { Node, NodeAPI, NodeDef } from "node-red";
import type { DatabaseCredentials } from "../client/connection-string";
import { DatabaseClient } from "../client/database-client";
import type { DatabaseHolder } from "../client/database-node";
import type { DialectName, Engine } from "../client/protocol";

interface DatabaseDef extends NodeDef {
  engine: Engine;
  connectionString: string;
  file: string;
  dialect: DialectName | "auto";
  poolSize: number | string;
  loginTimeout: number | string;
  queryTimeout: number | string;
  idleCheck: number | string;
}

type DatabaseNode = Node<DatabaseCredentials> & DatabaseHolder;

export = (RED: NodeAPI): void => {
  function SqlDatabase(this: DatabaseNode, config: DatabaseDef): void {
    RED.nodes.createNode(this, config);
    this.client = new DatabaseClient({
      engine: config.engine === "sqlite" ? "sqlite" : "odbc",
      connectionString: config.connectionString ?? "",
      file: absolute(config.file?.trim() ?? ""),
      dialect: config.dialect || "auto",
      poolSize: between(config.poolSize, 4, 1, 10),
      loginTimeout: between(config.loginTimeout, 10_000, 1000, 600_000),
      queryTimeout: between(config.queryTimeout, 60_000, 100, 86_400_000),
      idleCheck: between(config.idleCheck, 30_000, 0, 86_400_000),
      credentials: this.credentials ?? {},
    });
    let trouble = false;
    this.client.onState(({ kind, error }) => {
      if (error) (kind === "failed" ? this.error : this.warn).call(this, error.toString());
      else if (trouble && kind === "connected") this.log(RED._("database.log.back"));
      trouble = error !== undefined || (trouble && kind !== "connected");
    });
    this.on("close", (done: () => void) => {
      void this.client.close().finally(done);
    });
  }

  /** A relative path is relative to Node-RED's user directory, wherever Node-RED was started. */
  function absolute(file: string): string {
    return !file || file === ":memory:" ? file : path.resolve(RED.settings.userDir ?? ".", file);
  }

  RED.nodes.registerType("surewire-sql-database", SqlDatabase as never, {
    credentials: { username: { type: "text" }, password: { type: "password" } },
  });
};

/** A whole number of a saved flow, which may come as text from the environment, kept in its range. */
function between(value: number | string | undefined, fallback: number, min: number, max: number): number {
  const number = Math.round(Number(value));
  return value === undefined || value === "" || !Number.isFinite(number) ? fallback : Math.min(Math.max(number, min), max);
}

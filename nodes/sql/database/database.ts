import type { Node, NodeAPI, NodeDef } from "node-red";
import { openShared } from "../../common/config-node";
import type { ConnectorError, ErrorCode } from "../../common/errors";
import { answerForm, variablesOf } from "../../common/form-request";
import type { DatabaseCredentials } from "../client/connection-string";
import { DatabaseClient } from "../client/database-client";
import type { DatabaseHolder } from "../client/database-node";
import { testDatabase, type TestReport } from "../client/database-test";
import { findDrivers } from "../client/odbc/driver-list";
import { SqlStore } from "../client/store/sql-store";
import { type DatabaseDef, readOptions } from "./settings";
import { credentialsToTest, type Deployed, readRequest } from "./test-request";

type DatabaseNode = Node<DatabaseCredentials> & DatabaseHolder & { deployed?: Deployed };

export = (RED: NodeAPI): void => {
  function SqlDatabase(this: DatabaseNode, config: NodeDef & DatabaseDef): void {
    RED.nodes.createNode(this, config);
    const credentials = this.credentials ?? {};
    this.deployed = { def: config, credentials };
    const client = openShared(this, () => new DatabaseClient(readOptions(config, credentials, RED.settings.userDir)));
    if (!client) return;
    this.client = client;
    this.store = new SqlStore(client);
    logStates(this, client);
  }

  /** Tells once what is wrong, however often it is tried and in whatever words it fails, and once that it is over. */
  function logStates(node: Node, client: DatabaseClient): void {
    let told: ErrorCode | undefined;
    const tell = (kind: string, error: ConnectorError): void => {
      if (told === error.code) return;
      told = error.code;
      if (kind === "failed") node.error(error.toString());
      else node.warn(error.toString());
    };
    client.onState(({ kind, error }) => {
      if (error) tell(kind, error);
      else if (told && kind === "connected") {
        told = undefined;
        node.log(RED._("database.log.back"));
      }
    });
  }

  /** Tests what stands in a form. @throws ConnectorError when that cannot be tested */
  async function test(body: unknown): Promise<TestReport> {
    const id = (body as { id?: unknown } | null)?.id;
    const node = typeof id === "string" ? (RED.nodes.getNode(id) as unknown as DatabaseNode | null) : null;
    const request = readRequest(body, variablesOf(RED.util, node));
    const credentials = credentialsToTest(request, node?.type === "surewire-sql-database" ? node.deployed : undefined);
    return testDatabase(readOptions(request, credentials, RED.settings.userDir));
  }

  RED.nodes.registerType("surewire-sql-database", SqlDatabase as never, {
    credentials: { username: { type: "text" }, password: { type: "password" } },
  });

  // both start a process, or tell of the machine: for those who may deploy. Not there when the admin API is switched off
  RED.httpAdmin?.get("/surewire/sql-database/drivers", RED.auth.needsPermission("flows.write"), (_request, response) => {
    void findDrivers().then((found) => response.json(found));
  });
  RED.httpAdmin?.post(
    "/surewire/sql-database/test",
    RED.auth.needsPermission("flows.write"),
    answerForm(({ body }) => test(body)),
  );
};

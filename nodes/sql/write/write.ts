import type { Node, NodeAPI, NodeDef } from "node-red";
import { ConnectorError, toConnectorError } from "../../common/errors";
import { Status } from "../../common/status";
import { compileTypedInput, type TypedInputUtil } from "../../common/typed-input";
import { wholeNumber } from "../../common/whole-number";
import { isDatabaseHolder } from "../client/database-node";
import type { WriteMode } from "../client/protocol";
import { type WriteState, WriteWorker, type WriteWorkerOptions } from "./write-worker";

interface WriteDef extends NodeDef {
  database: string;
  mode: WriteMode;
  table: string;
  /** Empty: the payload's properties are the columns. */
  columns: { column: string; value: string; valueType: string }[];
  /** Upsert: the columns of the key. */
  keys: string[];
  batchSize: number | string;
  linger: number | string;
}

type Options = Omit<WriteWorkerOptions, "onState" | "onTrouble" | "warn">;

export = (RED: NodeAPI): void => {
  function SqlWrite(this: Node, config: WriteDef): void {
    RED.nodes.createNode(this, config);
    const status = new Status(this);
    let options: Options;
    try {
      options = readConfig(this, config);
    } catch (error) {
      const wrong = toConnectorError(error, "NOT_CONFIGURED");
      status.set("failed", wrong.message);
      this.on("input", (_msg, _send, done) => done(wrong));
      this.on("close", () => status.close());
      return;
    }
    const worker = new WriteWorker({
      ...options,
      onState: (state) => show(status, state),
      onTrouble: (error) => this.error(error.toString()),
      warn: (text) => this.warn(text),
    });
    this.on("input", (msg, send, done) => {
      worker.take(msg, done, (result) => {
        (msg as { sql?: unknown }).sql = result;
        send(msg);
      });
    });
    this.on("close", (done: () => void) => {
      void worker.close().finally(() => {
        status.close();
        done();
      });
    });
  }

  function readConfig(node: Node, config: WriteDef): Options {
    const database: unknown = config.database ? RED.nodes.getNode(config.database) : undefined;
    if (!isDatabaseHolder(database)) throw new ConnectorError("NOT_CONFIGURED", RED._("write.error.no-database"));
    const { mode, table = "" } = config;
    const columns = (config.columns ?? []).filter(({ column }) => column?.trim());
    const keys = (config.keys ?? []).map((key) => key.trim()).filter(Boolean);
    if (!table.trim()) throw new ConnectorError("NOT_CONFIGURED", RED._("write.error.no-table"));
    if (mode !== "insert" && mode !== "upsert") throw new ConnectorError("NOT_CONFIGURED", RED._("write.error.mode", { mode: String(mode) }));
    if (mode === "upsert" && keys.length === 0) throw new ConnectorError("NOT_CONFIGURED", RED._("write.error.no-keys"));
    return {
      database: database.client,
      mode,
      table: table.trim(),
      keys,
      columns: columns.map(({ column, value, valueType }) => ({
        column: column.trim(),
        value: compileTypedInput(RED.util as unknown as TypedInputUtil, node, value, valueType || "msg", column),
      })),
      batchSize: wholeNumber(config.batchSize, 200, 1),
      linger: wholeNumber(config.linger, 20, 0),
    };
  }

  function show(status: Status, { kind, messages, error }: WriteState): void {
    const reason = error?.message ?? "";
    if (kind === "failed") status.set("failed", reason);
    else if (kind === "waiting") status.set("waiting", () => RED._("write.status.waiting", { reason }));
    else if (kind === "working") status.set("working", () => RED._("write.status.working", { count: messages }));
    else status.set(kind, () => RED._(`write.status.${kind}`));
  }

  RED.nodes.registerType("surewire-sql-write", SqlWrite);
};

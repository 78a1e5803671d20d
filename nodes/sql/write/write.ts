import type { Node, NodeAPI, NodeDef } from "node-red";
import { putOn } from "../../common/put-on";
import { closeWith, registerNode } from "../../common/node-life";
import type { Status } from "../../common/status";
import { compileTypedInput, type TypedValue } from "../../common/typed-input";
import { databaseOf } from "../client/database-node";
import type { DatabaseClient } from "../client/database-client";
import { failureOf } from "./failure";
import { MessageIds } from "./message-ids";
import { inboxOwner, readSettings, type Typed, type WriteDef, type WriteSettings } from "./settings";
import { StatementWork } from "./statement-work";
import { TableWork } from "./table-work";
import type { Work } from "./work";
import { type WriteState, WriteWorker, type WriteWorkerOptions } from "./write-worker";

export = (RED: NodeAPI): void => {
  function run(node: Node, status: Status, config: NodeDef & WriteDef): void {
    const worker = new WriteWorker({
      ...readConfig(node, config),
      onState: (state) => show(status, state),
      warn: (text) => node.warn(text),
      error: (text) => node.error(text),
    });
    node.on("input", (msg, send, done) => {
      const settled = (error?: Error): void => {
        const failure = error && failureOf(error);
        if (failure) Reflect.set(msg, "sql", failure); // a frozen message goes without
        done(error);
      };
      worker.take(msg, settled, (result) => send(putOn(msg, { sql: result })));
    });
    closeWith(node, status, () => worker.close());
  }

  function readConfig(node: Node, config: WriteDef): Omit<WriteWorkerOptions, "onState" | "warn" | "error"> {
    const database = databaseOf(RED.nodes.getNode(config.database), config.database);
    const settings = readSettings(config, (key, values) => RED._(`write.${key}`, values));
    const { batchSize, linger, stopAfter } = settings;
    return { database, work: makeWork(node, database, settings), batchSize, linger, stopAfter };
  }

  function makeWork(node: Node, database: DatabaseClient, settings: WriteSettings): Work<unknown> {
    const { zeroRowsIsError, dedupe } = settings;
    const compile = ({ value, type }: Typed, label: string): TypedValue => compileTypedInput(RED.util, node, value, type, label);
    const ids = dedupe && new MessageIds(compile(dedupe.id, "Message id"), nameOf(dedupe.id), { ...dedupe.inbox, owner: inboxOwner(node.id) });
    const common = { database, zeroRowsIsError, ...(ids ? { ids } : {}) };
    if (settings.mode !== "statements") {
      const { mode, table, keys, duplicateIsSuccess } = settings;
      const columns = settings.columns.map(({ column, value }) => ({ column, value: compile(value, column) }));
      return new TableWork({ ...common, mode, table, keys, columns, duplicateIsSuccess }) as Work<unknown>;
    }
    const { statements, forEach, maxRows } = settings;
    const parameters = settings.parameters.map(({ name, value }) => ({ name, value: compile(value, `:${name}`) }));
    const list = forEach && { forEach: compile(forEach, "For each") };
    return new StatementWork({ ...common, statements, parameters, maxRows, ...list }) as Work<unknown>;
  }

  function nameOf({ value, type }: Typed): string {
    return type === "msg" || type === "flow" || type === "global" ? `${type}.${value}` : type;
  }

  function show(status: Status, { kind, messages, error }: WriteState): void {
    const reason = error?.message ?? "";
    if (kind === "failed") status.set("failed", reason);
    else if (kind === "waiting") status.set("waiting", () => RED._("write.status.waiting", { reason }));
    else if (kind === "working") status.set("working", () => RED._("write.status.working", { count: messages }));
    else status.set(kind, () => RED._(`write.status.${kind}`));
  }

  registerNode(RED, "surewire-sql-write", run);
};

import type { Node, NodeAPI, NodeDef } from "node-red";
import { ConnectorError, toConnectorError } from "../../common/errors";
import { Status } from "../../common/status";
import { compileTypedInput, type TypedInputUtil } from "../../common/typed-input";
import type { TrackedRuntime } from "../../delivery/runtime";
import { isWired, type WiredNode } from "../../delivery/wired";
import type { DatabaseClient } from "../client/database-client";
import { isDatabaseHolder } from "../client/database-node";
import { Parameters } from "./parameters";
import { readSettings, type MessageSettings, type ReadDef } from "./settings";
import { TriggeredRead, type ReadState } from "./triggered-read";

export = (RED: NodeAPI): void => {
  function SqlRead(this: Node & WiredNode, config: NodeDef & ReadDef): void {
    RED.nodes.createNode(this, config);
    const status = new Status(this);
    try {
      const settings = readSettings(config);
      const parameters = readParameters(this, config);
      if (settings.mode === "message") readOnMessage(this, status, databaseOf(config), settings, parameters);
    } catch (error) {
      const wrong = toConnectorError(error, "NOT_CONFIGURED");
      status.set("failed", wrong.message);
      this.on("input", (_msg, _send, done) => done(wrong));
      this.on("close", () => status.close());
    }
  }

  function readOnMessage(node: Node & WiredNode, status: Status, database: DatabaseClient, settings: MessageSettings, parameters: Parameters): void {
    database.acquire(node);
    const read = new TriggeredRead({
      settings,
      parameters,
      database,
      node,
      runtime: RED as unknown as TrackedRuntime,
      send: (message) => node.send(message as never),
      isWired: () => isWired(node, RED.nodes, 0),
      clone: (value) => RED.util.cloneMessage(value as never),
      warn: (text) => node.warn(text),
      onState: (state) => show(status, state),
    });
    node.on("input", (msg, send, done) => read.take({ msg, send: (messages) => send(messages as never), done }));
    node.on("close", (done: () => void) => {
      void read
        .close()
        .then(() => database.release(node))
        .catch((error: unknown) => node.warn(toConnectorError(error).message))
        .finally(() => {
          status.close();
          done();
        });
    });
    show(status, { kind: "idle", inFlow: 0 });
  }

  function databaseOf(config: ReadDef): DatabaseClient {
    const database: unknown = config.database ? RED.nodes.getNode(config.database) : undefined;
    if (!isDatabaseHolder(database)) throw new ConnectorError("NOT_CONFIGURED", RED._("read.error.no-database"));
    return database.client;
  }

  function readParameters(node: Node, config: ReadDef): Parameters {
    const listed = (config.parameters ?? []).filter(({ name }) => name?.trim());
    const util = RED.util as unknown as TypedInputUtil;
    return new Parameters(
      config.query ?? "",
      listed.map(({ name, value, valueType }) => ({ name: name.trim(), value: compileTypedInput(util, node, value, valueType || "msg", `:${name.trim()}`) })),
    );
  }

  function show(status: Status, state: ReadState): void {
    switch (state.kind) {
      case "failed":
        return status.set("failed", state.error.message);
      case "waiting":
        return status.set("waiting", () => RED._("read.status.waiting", { reason: state.error.message }));
      case "holding":
        return status.set("waiting", () => RED._("read.status.holding", { reason: state.reason }));
      case "reading":
        return status.set("working", () => RED._("read.status.reading", { count: state.inFlow }));
      case "idle":
        if (state.inFlow === 0) return status.set("idle", () => RED._("read.status.idle"));
        return status.set("working", () => RED._("read.status.flow", { count: state.inFlow }));
    }
  }

  RED.nodes.registerType("surewire-sql-read", SqlRead as never);
};

import type { Node, NodeAPI, NodeDef } from "node-red";
import { compileParameters } from "../../common/parameters";
import { closeWith, registerNode } from "../../common/node-life";
import type { Status } from "../../common/status";
import { compileTypedInput } from "../../common/typed-input";
import { userStore } from "../../common/user-store";
import { flowAccess } from "../../delivery/flow-access";
import { onFlowEvent } from "../../delivery/flow-events";
import type { TrackedRuntime } from "../../delivery/runtime";
import { isWired, type WiredNode } from "../../delivery/wired";
import type { DatabaseClient } from "../client/database-client";
import { databaseOf } from "../client/database-node";
import { type QueryParameters, queryParameters } from "../client/named-values";
import { pollWay } from "./poll-way";
import { Poller, type PollState } from "./poller";
import { RowRead } from "./row-read";
import { readSettings, type MessageSettings, type PollSettings, type ReadDef } from "./settings";

export = (RED: NodeAPI): void => {
  function run(node: Node & WiredNode, status: Status, config: NodeDef & ReadDef): void {
    const settings = readSettings(config);
    const parameters = readParameters(node, config);
    const database = databaseOf(RED.nodes.getNode(config.database), config.database);
    if (settings.mode === "message") readOnMessage(node, status, database, settings, parameters);
    else poll(node, status, database, settings, parameters, config.database);
  }

  function readOnMessage(node: Node & WiredNode, status: Status, database: DatabaseClient, settings: MessageSettings, parameters: QueryParameters): void {
    database.acquire(node);
    const read = new RowRead({
      settings,
      parameters,
      database,
      ...flowAccess(node, RED),
      onState: (state) => show(status, state),
    });
    node.on("input", (msg, send, done) => read.take({ msg, send: (messages) => send(messages as never), done }));
    closeWith(node, status, () => read.close().then(() => database.release(node)));
    show(status, { kind: "idle", inFlow: 0 });
  }

  function poll(node: Node & WiredNode, status: Status, database: DatabaseClient, settings: PollSettings, parameters: QueryParameters, databaseNode: string): void {
    database.acquire(node);
    const store = userStore(RED.settings.userDir);
    const warn = (text: string): void => node.warn(text);
    const poller: Poller = new Poller({
      settings,
      parameters,
      database,
      node,
      runtime: RED as unknown as TrackedRuntime,
      way: (context) => pollWay(context, { node: node.id, databaseNode, database, store, warn, onTrouble: (error) => poller.besides(error) }),
      send: (output, message) => node.send([...new Array<null>(output).fill(null), message as never]),
      isWired: (output) => isWired(node, RED.nodes, output),
      poison: settings.progress.by === "none" || settings.poisonLimit === 0 ? undefined : { store, key: `sql-read/${node.id}/poison`, limit: settings.poisonLimit },
      warn,
      error: (text) => node.error(text),
      onState: (state) => show(status, state),
    });
    // Not before all nodes are there, and never into nothing: a message sent along a wire without a node would count as finished.
    const flowsStarted = (): void => {
      poller.rewired();
      poller.start();
    };
    const stopWaiting = onFlowEvent(RED.events, "flows:started", flowsStarted);
    closeWith(node, status, () => {
      stopWaiting();
      return poller.close().then(() => database.release(node));
    });
    show(status, { kind: "idle", inFlow: 0 });
  }

  function readParameters(node: Node, config: ReadDef): QueryParameters {
    return queryParameters(config.query ?? "", compileParameters(config.parameters, (value, type, label) => compileTypedInput(RED.util, node, value, type, label)));
  }

  function show(status: Status, state: PollState): void {
    switch (state.kind) {
      case "failed":
        return status.set("failed", state.error.message);
      case "waiting":
        return status.set("waiting", () => RED._("read.status.waiting", { reason: state.error.message }));
      case "unwired":
        return status.set("stopped", () => RED._("read.status.unwired"));
      case "stuck":
        return status.set("failed", () => RED._("read.status.stuck", { count: state.count }));
      case "holding":
        return status.set("waiting", () => RED._("read.status.holding", { reason: state.reason }));
      case "reading":
        return status.set("working", () => RED._("read.status.reading", { count: state.inFlow }));
      case "idle":
        if (state.inFlow === 0) return status.set("idle", () => RED._("read.status.idle"));
        return status.set("working", () => RED._("read.status.flow", { count: state.inFlow }));
    }
  }

  registerNode(RED, "surewire-sql-read", run, { isSource: ({ mode }) => mode === "poll" });
};

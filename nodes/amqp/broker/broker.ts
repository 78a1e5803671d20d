import type { Node, NodeAPI, NodeDef } from "node-red";
import { openShared } from "../../common/config-node";
import { ConnectorError } from "../../common/errors";
import { answerForm, variablesOf } from "../../common/form-request";
import { Broker } from "../client/broker";
import type { BrokerHolder } from "../client/broker-node";
import { hasQuery } from "../client/connection/broker-url";
import { testBroker, type HostReport } from "../client/broker-test";
import { connectionName, type FlowNode } from "../client/connection/connection-name";
import type { ConnectionOptions } from "../client/connection/connection";
import { readOptions, type BrokerCredentials, type BrokerDef } from "./settings";
import { credentialsToTest, readRequest, type Deployed } from "./test-request";

/** Node-RED's own `tls-config`. */
interface TlsConfigNode {
  /** False when its files could not be read. */
  valid?: boolean;
  addTLSOptions(options: object): object;
}

type BrokerNode = Node<BrokerCredentials> & BrokerHolder & { deployed?: Deployed };

export = (RED: NodeAPI): void => {
  function AmqpBroker(this: BrokerNode, config: NodeDef & BrokerDef): void {
    RED.nodes.createNode(this, config);
    const credentials = this.credentials ?? {};
    this.deployed = { def: config, credentials };
    const name = (): string => connectionName(this.id, config.name ?? "", allNodes());
    const broker = openShared(this, () => {
      const options = readOptions(config, credentials);
      if (options.urls.some(hasQuery)) this.warn("What stands behind ? in a broker's address is not used: heartbeat, timeout and TLS have fields of their own");
      return new Broker({ ...options, ...tlsOptions(config), name, log: logTo(this) });
    });
    if (broker) this.amqp = broker;
  }

  /** @throws ConnectorError NOT_CONFIGURED when the TLS settings are missing or broken: a connection without them would be less safe than the user thinks */
  function tlsOptions({ tls }: BrokerDef): Pick<ConnectionOptions, "tls"> {
    if (!tls) return {};
    const node = RED.nodes.getNode(tls) as unknown as TlsConfigNode | null;
    if (!node || node.valid === false) throw new ConnectorError("NOT_CONFIGURED", "The broker's TLS settings are not deployed, or their files cannot be read");
    return { tls: node.addTLSOptions({}) };
  }

  function allNodes(): FlowNode[] {
    const nodes: FlowNode[] = [];
    RED.nodes.eachNode((node) => nodes.push(node as unknown as FlowNode));
    return nodes;
  }

  function logTo(node: Node): NonNullable<ConnectionOptions["log"]> {
    return (level, text) => (level === "info" ? node.log(text) : level === "warn" ? node.warn(text) : node.error(text));
  }

  /** Tests the settings in a form of the editor. @throws ConnectorError when they cannot be tested */
  async function test(body: unknown): Promise<HostReport[]> {
    const id = (body as { id?: unknown } | null)?.id;
    const deployed = typeof id === "string" ? (RED.nodes.getNode(id) as unknown as BrokerNode | null) : null;
    const request = readRequest(body, variablesOf(RED.util, deployed));
    const credentials = credentialsToTest(request, deployed?.type === "surewire-amqp-broker" ? deployed.deployed : undefined);
    return testBroker({ ...readOptions(request, credentials), ...tlsOptions(request) });
  }

  RED.nodes.registerType("surewire-amqp-broker", AmqpBroker as never, {
    credentials: {
      username: { type: "text" },
      password: { type: "password" },
      clientId: { type: "text" },
      clientSecret: { type: "password" },
      token: { type: "password" },
    },
  });

  // undefined when the admin API is switched off
  RED.httpAdmin?.post(
    "/surewire/amqp-broker/test",
    RED.auth.needsPermission("flows.write"),
    answerForm(async ({ body }) => ({ hosts: await test(body) })),
  );
};

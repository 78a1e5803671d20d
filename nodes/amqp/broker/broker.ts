import type { Node, NodeAPI, NodeDef } from "node-red";
import { toConnectorError } from "../../common/errors";
import { Broker } from "../client/broker";
import type { BrokerHolder } from "../client/broker-node";
import type { ConnectionOptions } from "../client/connection";
import { readOptions, type BrokerCredentials, type BrokerDef } from "./settings";

/** Node-RED's own `tls-config`. */
interface TlsConfigNode {
  addTLSOptions(options: object): object;
}

export = (RED: NodeAPI): void => {
  function AmqpBroker(this: Node<BrokerCredentials> & BrokerHolder, config: NodeDef & BrokerDef): void {
    RED.nodes.createNode(this, config);
    try {
      this.amqp = new Broker({ ...readOptions(config, this.credentials ?? {}, `node-red ${config.name || this.id}`), ...tlsOptions(config), log: logTo(this) });
    } catch (error) {
      this.problem = toConnectorError(error, "NOT_CONFIGURED");
      this.error(this.problem.message);
    }
    this.on("close", (done: () => void) => {
      if (!this.amqp) return done();
      void this.amqp.close().finally(done);
    });
  }

  function tlsOptions({ tls }: BrokerDef): Pick<ConnectionOptions, "tls"> {
    const node = tls ? (RED.nodes.getNode(tls) as unknown as TlsConfigNode | null) : null;
    return node ? { tls: node.addTLSOptions({}) } : {};
  }

  function logTo(node: Node): NonNullable<ConnectionOptions["log"]> {
    return (level, text) => (level === "info" ? node.log(text) : level === "warn" ? node.warn(text) : node.error(text));
  }

  RED.nodes.registerType("surewire-amqp-broker", AmqpBroker as never, {
    credentials: { username: { type: "text" }, password: { type: "password" } },
  });
};

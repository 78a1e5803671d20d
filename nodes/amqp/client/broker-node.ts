import { type ConfigHolder, whyNone } from "../../common/config-node";
import type { Broker } from "./broker";

/** What the config node carries for its users, by shape, so that two installed copies of the package understand each other. */
export interface BrokerHolder extends ConfigHolder {
  amqp?: Broker;
}

/** The broker of a config node. @throws ConnectorError NOT_CONFIGURED when there is none, or what is wrong with its settings */
export function brokerOf(node: unknown, chosen?: string): Broker {
  const holder = node as BrokerHolder | null | undefined;
  if (holder?.amqp) return holder.amqp;
  throw whyNone(holder, "broker", chosen);
}

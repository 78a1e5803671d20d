import { type ConfigHolder, whyNone } from "../../common/config-node";
import type { Broker } from "./broker";

/** The property that the config node has for the nodes that use it. Known by its shape, not by a class, so that two installed copies of the package work together. */
export interface BrokerHolder extends ConfigHolder {
  amqp?: Broker;
}

/** Returns the broker of a config node. @throws ConnectorError NOT_CONFIGURED when there is no such node; else the error in its settings */
export function brokerOf(node: unknown, chosen?: string): Broker {
  const holder = node as BrokerHolder | null | undefined;
  if (holder?.amqp) return holder.amqp;
  throw whyNone(holder, "broker", chosen);
}

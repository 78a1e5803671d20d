import { ConnectorError } from "../../common/errors";
import type { Broker } from "./broker";

/** What the config node carries for its users, by shape, so that two installed copies of the package understand each other. */
export interface BrokerHolder {
  amqp?: Broker;
  /** Why there is none. */
  problem?: ConnectorError;
}

/** The broker of a config node. @throws ConnectorError NOT_CONFIGURED when there is none, or what is wrong with its settings */
export function brokerOf(node: unknown): Broker {
  const holder = node as BrokerHolder | null | undefined;
  if (holder?.amqp) return holder.amqp;
  throw holder?.problem ?? new ConnectorError("NOT_CONFIGURED", "No broker is chosen: choose one in the node's form");
}

import { hostname } from "node:os";
import { ConnectorError } from "../../common/errors";
import { isStoreHolder, type StoreHolder } from "../../common/store";

/** The config node of what `getNode` found that keeps a node's state in a database. @throws ConnectorError `NOT_CONFIGURED` when it keeps none */
export function storeOf(value: unknown): StoreHolder {
  if (isStoreHolder(value)) return value;
  throw new ConnectorError("NOT_CONFIGURED", "No database is chosen: choose one in the node's form");
}

/** Who holds a lease in such a database: this process, as people find it. */
export const LEASE_HOLDER = `${hostname()} ${process.pid}`;

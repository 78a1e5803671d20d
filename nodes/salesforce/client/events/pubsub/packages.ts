import { ConnectorError } from "../../../../common/errors";

/** What the Pub/Sub API is spoken with. Optional, as most flows never use it: 150 ms and 20 MB. */
export interface PubsubPackages {
  grpc: typeof import("@grpc/grpc-js");
  loader: typeof import("@grpc/proto-loader");
  avro: typeof import("avsc");
}

/** Loads what the Pub/Sub API needs. @throws ConnectorError `DRIVER_MISSING` that names the package and how to install it */
export function pubsubPackages(): PubsubPackages {
  return { grpc: load("@grpc/grpc-js"), loader: load("@grpc/proto-loader"), avro: load("avsc") };
}

function load<T>(name: string): T {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    return require(name) as T;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw cause;
    throw new ConnectorError("DRIVER_MISSING", `The Pub/Sub API needs the optional package ${name}, which is not installed (npm install ${name}).`, { cause });
  }
}

import { ConnectorError } from "../../../../common/errors";

/** The packages for the Pub/Sub API. Optional and loaded late: most flows never use them, and they take 150 ms to load and 20 MB. */
export interface PubsubPackages {
  grpc: typeof import("@grpc/grpc-js");
  loader: typeof import("@grpc/proto-loader");
  avro: typeof import("avsc");
}

/** Loads the packages. @throws ConnectorError `DRIVER_MISSING` that names those that are missing and how to install them */
export function pubsubPackages(): PubsubPackages {
  const missing: string[] = [];
  const grpc = load<PubsubPackages["grpc"]>("@grpc/grpc-js", missing);
  const loader = load<PubsubPackages["loader"]>("@grpc/proto-loader", missing);
  const avro = load<PubsubPackages["avro"]>("avsc", missing);
  if (grpc && loader && avro) return { grpc, loader, avro };
  throw new ConnectorError("DRIVER_MISSING", `npm install ${missing.join(" ")} (in the user directory): the Pub/Sub API needs these optional packages`);
}

function load<T>(name: string, missing: string[]): T | undefined {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    return require(name) as T;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw cause;
    missing.push(name);
    return undefined;
  }
}

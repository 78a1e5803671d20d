import { PassThrough } from "node:stream";
import type { Connection } from "@jsforce/jsforce-node";
import type { Session } from "./sign-in/login";
import type { HttpAnswer, HttpTransport } from "./http/transport";

/** The API version that is used unless the org node names another: that of Winter '27, which every org has by November 2026. */
export const API_VERSION = "68.0";

/** Sent as `Sforce-Call-Options: client=…`, which the org's event logs show. */
const CLIENT_NAME = "surewire";

/** What jsforce expects of a transport. */
interface JsforceRequest {
  method: string;
  url: string;
  headers?: Record<string, string>;
  body?: string;
}

/**
 * A jsforce connection without a session of its own: {@link useSession} gives it one for each request.
 *
 * It gets neither a `refreshFn` nor a client id, because with either jsforce answers each 401 with a refresh and the same request
 * again, without end (jsforce#1168).
 */
export function createConnection(apiVersion: string, transport: HttpTransport): Connection {
  // loaded with the first org, and without the API modules: that takes 140 ms and 9 MB less than the package's index
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { Connection: Jsforce } = require("@jsforce/jsforce-node/lib/connection") as typeof import("@jsforce/jsforce-node/lib/connection");
  const connection = new Jsforce({ version: apiVersion, callOptions: { client: CLIENT_NAME } });
  connection._transport = asJsforceTransport((request) => transport.send(request)) as typeof connection._transport;
  return connection;
}

/** Points `connection` at the org of `session`. jsforce reads both when a request starts, in the same turn. */
export function useSession(connection: Connection, session: Session): void {
  connection.instanceUrl = session.instanceUrl;
  connection.accessToken = session.accessToken;
}

/** Our HTTP client in the shape that jsforce expects: a promise that also has a stream, which is not read here. */
export function asJsforceTransport(send: (request: JsforceRequest) => Promise<HttpAnswer>): object {
  return {
    httpRequest(request: JsforceRequest) {
      const answer = send(request).then(({ status, headers, body }) => ({ statusCode: status, headers, body }));
      return Object.assign(answer, { stream: () => new PassThrough() });
    },
  };
}

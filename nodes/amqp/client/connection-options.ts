import type { ChannelModel } from "amqplib";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import type { BackOff } from "../../common/back-off";
import type { ConnectorError } from "../../common/errors";
import type { SignIn } from "./sign-in";

/** Tells the log one line. Never holds credentials. `reason`: what is wrong, in a word, if that is what the line is about. */
export type Log = (level: "info" | "warn" | "error", text: string, reason?: string) => void;

/** Where and how to connect. */
export interface ConnectionOptions {
  /** `amqp(s)://host:port`, without credentials; tried in turn. At least one. */
  urls: string[];
  /** Virtual host. Default `/`. */
  vhost?: string;
  /** Default `guest`. Not used with {@link signIn}. */
  username?: string;
  /** Default `guest`. Not used with {@link signIn}. */
  password?: string;
  /** How to sign in. Default: by user name and password. */
  signIn?: SignIn;
  /** Seconds between heartbeats. Default 15: under 5 s gives false alarms, and the server's 60 s notices a dead link late. */
  heartbeat?: number;
  /** Seconds until a host that does not answer is given up. Default 10. */
  connectTimeout?: number;
  /** Shown by the broker's management page. As a function it is asked before each connect. */
  name?: string | (() => string);
  /** Passed to `tls.connect` for `amqps:` URLs. */
  tls?: TlsOptions;
  /** One line when the connection is lost or refused, one when it is back. */
  log?: Log;
  /** Waiting after network errors, when each host was tried once. Default 1 → 60 s, full jitter. */
  backOff?: BackOff;
  /** Waiting after a refusal (password, vhost, certificate): nothing but a human mends it. Default 60 → 300 s. */
  slowBackOff?: BackOff;
}

/** What a connection is doing, as its users are told. */
export type ConnectionState =
  | { kind: "idle" }
  | { kind: "connecting" }
  | { kind: "connected" }
  /** `delay`: ms until the next try; `until`: when that is, in ms since 1970 */
  | { kind: "reconnecting"; delay: number; until: number; error: ConnectorError }
  | { kind: "refused"; delay: number; until: number; error: ConnectorError }
  | { kind: "blocked"; reason: string }
  | { kind: "closed" };

/** What a user of the connection may listen to. */
export interface ConnectionListener {
  up?(model: ChannelModel): void;
  down?(error: ConnectorError): void;
  state?(state: ConnectionState): void;
}

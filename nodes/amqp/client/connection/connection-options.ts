import type { ChannelModel } from "amqplib";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import type { BackOff } from "../../../common/back-off";
import type { ConnectorError } from "../../../common/errors";
import type { SignIn } from "../sign-in/sign-in";

/** Writes one line to the log. It never contains credentials. `reason` is given for a line about a problem: the problem in one word. */
export type Log = (level: "info" | "warn" | "error", text: string, reason?: string) => void;

/** Where and how to connect. */
export interface ConnectionOptions {
  /** At least one `amqp(s)://host:port`, without credentials. They are tried in turn. */
  urls: string[];
  /** Virtual host. Default `/`. */
  vhost?: string;
  /** Default `guest`. Not used with {@link signIn}. */
  username?: string;
  /** Default `guest`. Not used with {@link signIn}. */
  password?: string;
  /** How to sign in. Default: with user name and password. */
  signIn?: SignIn;
  /** Seconds between heartbeats. Default 15: with less than 5 s there are false alarms, and with the server's 60 s a dead line is noticed late. */
  heartbeat?: number;
  /** Seconds after which a host that does not answer is given up. Default 10. */
  connectTimeout?: number;
  /** The name that the broker's management page shows. A function is called before each connect. */
  name?: string | (() => string);
  /** Passed to `tls.connect` for `amqps:` URLs. */
  tls?: TlsOptions;
  /** Called once when the connection is lost or refused, and once when it is back. */
  log?: Log;
  /** How long to wait after network errors, when each host was tried once. Default 1 → 60 s, with jitter. */
  backOff?: BackOff;
  /** How long to wait after a refusal (password, virtual host, certificate), which usually only a person can fix. Default 60 → 300 s. */
  slowBackOff?: BackOff;
}

/** The state of a connection. */
export type ConnectionState =
  | { kind: "idle" }
  /** `refused`: why the previous attempt was refused. Until this attempt succeeds, somebody must still fix that */
  | { kind: "connecting"; refused?: ConnectorError }
  | { kind: "connected" }
  /** `delay`: ms until the next attempt; `until`: the time of that attempt, in ms since 1970 */
  | { kind: "reconnecting"; delay: number; until: number; error: ConnectorError }
  | { kind: "refused"; delay: number; until: number; error: ConnectorError }
  | { kind: "blocked"; reason: string }
  | { kind: "closed" };

/** The events of a connection that a user may listen to. */
export interface ConnectionListener {
  up?(model: ChannelModel): void;
  down?(error: ConnectorError): void;
  state?(state: ConnectionState): void;
}

import { createPublicKey, type KeyObject } from "node:crypto";
import type { ObjectDefinition } from "./schema/types";
import type { UserOptions } from "./users";

/** The consumer key of the connected app that an emulator has when no `clients` are given. */
export const DEFAULT_CLIENT_ID = "surewire-emulator-client";
/** The consumer secret of that app. It is nobody's secret, since it opens only an emulator. */
export const DEFAULT_CLIENT_SECRET = "surewire-emulator-secret";
/** The user that this app runs as. */
export const DEFAULT_USERNAME = "integration@surewire.example";
/** The password of that user. There is no security token. */
export const DEFAULT_PASSWORD = "surewire-emulator-password";

/** Objects with change events unless an option says otherwise. */
export const CHANGE_EVENTS: readonly string[] = ["Account", "Contact", "Case", "EmailMessage"];

/** A connected app. With a secret it may use the client-credentials flow, with a public key the JWT bearer flow, and always the web-server flow. */
export interface ClientOptions {
  clientId: string;
  clientSecret?: string;
  /** PEM of an RSA public key of at least 2,048 bits, or of the X.509 certificate that was uploaded to the app. */
  publicKey?: string;
  /** The user that the app runs as. In a JWT, the only `sub` that the app is approved for. */
  username: string;
  /** Callback URLs of the web-server flow. They must match exactly. Default: any URL on a loopback host. */
  redirectUris?: string[];
  /** Refuses the web-server flow without PKCE. Default false. */
  requirePkce?: boolean;
  /** Issues JWT-based access tokens, which neither CometD nor the Pub/Sub API accepts. Default false. */
  jwtAccessTokens?: boolean;
  /** Gives a new refresh token at each use of one, and ends the old one. Default false. */
  rotateRefreshTokens?: boolean;
}

/** The options of the Pub/Sub API. */
export interface PubSubOptions {
  /** Default 0: any free port. */
  port?: number;
  /** How long a subscription with nothing to deliver is silent, in ms. Default 60,000, as observed. The vendor promises at most 270,000. */
  keepAlive?: number;
  /** How long a subscription stays open when the client requests no events, in ms. Default 60,000. */
  fetchTimeout?: number;
  /** How long a publish stream stays open when nothing is published, in ms. Default 1,800,000. */
  publishTimeout?: number;
}

/** {@link PubSubOptions} with all defaults filled in. */
export type PubSubSettings = Required<PubSubOptions>;

/** How long the CometD server waits, in ms. */
export interface CometdTimes {
  /** How long a connect is held when no event comes. Default 110,000, as at Salesforce. */
  timeout?: number;
  /** How long a client may stay away between two calls. Default 40,000, as at Salesforce. */
  maxInterval?: number;
}

/** The options of an emulator. All have defaults. */
export interface EmulatorOptions {
  /** Default 0: any free port. */
  port?: number;
  /** Default `127.0.0.1`. */
  host?: string;
  /** Default: one app with {@link DEFAULT_CLIENT_ID}, {@link DEFAULT_CLIENT_SECRET} and {@link DEFAULT_USERNAME}. */
  clients?: ClientOptions[];
  /** The users that can sign in with a password, besides those that the apps run as. Default, when no `clients` are given: {@link DEFAULT_USERNAME} with {@link DEFAULT_PASSWORD}. */
  users?: UserOptions[];
  /** Whether the password grant works. Orgs made since Summer '23 block it. Default true. */
  passwordGrant?: boolean;
  /** Whether the SOAP login works, up to v64.0. It is off in new orgs. Default true. */
  soapLogin?: boolean;
  /** Audiences that a JWT assertion may name. Default: `https://login.salesforce.com`, as for a production org, and the org's own address. Some orgs, such as those of Government Cloud, do not accept their own. */
  jwtAudiences?: string[];
  /** A certificate and its key, both as PEM. With them, the emulator serves https instead of http. */
  tls?: { cert: string; key: string };
  /** Objects to add, or fields and rules to add to existing objects. */
  schema?: ObjectDefinition[];
  /** Objects whose changes are published as change events. Default {@link CHANGE_EVENTS}. */
  changeEvents?: string[];
  /** How long a token lives, in ms. Default 2 hours, as in a new org. */
  sessionTimeout?: number;
  /** Most calls per day, after which calls fail with `REQUEST_LIMIT_EXCEEDED`. Default 1,000,000. */
  apiLimit?: number;
  /** Most logins per user and hour, after which logins fail with `login rate exceeded`. Default 3,600, as at Salesforce. */
  loginLimit?: number;
  /** How long the CometD server waits. */
  cometd?: CometdTimes;
  /** Most bytes of the request line, and of the request line together with the headers. Default 16,384, as at Salesforce. */
  maxUriBytes?: number;
  /** Most bytes of a request body. Default 50 MB. */
  maxBodyBytes?: number;
  /** Whether to serve the Pub/Sub API (gRPC) as well, or its options. With `tls`, it is encrypted, too. Default false. */
  pubsub?: boolean | PubSubOptions;
  /** Returns the time of the org, in ms since the epoch. Default `Date.now`. */
  clock?: () => number;
}

/** A connected app whose public key was read. */
export interface Client extends Omit<ClientOptions, "publicKey"> {
  publicKey: KeyObject | undefined;
}

/** Options with all defaults filled in. */
export interface Settings extends Required<Omit<EmulatorOptions, "clients" | "jwtAudiences" | "tls" | "cometd" | "pubsub">>, Pick<EmulatorOptions, "jwtAudiences"> {
  clients: Client[];
  cometd: Required<CometdTimes>;
  pubsub: PubSubSettings & { enabled: boolean };
  tls: EmulatorOptions["tls"];
}

/** Fills in the defaults. @throws Error when a public key cannot be used */
export function normalise(options: EmulatorOptions): Settings {
  const clients = options.clients ?? [{ clientId: DEFAULT_CLIENT_ID, clientSecret: DEFAULT_CLIENT_SECRET, username: DEFAULT_USERNAME }];
  return {
    port: options.port ?? 0,
    host: options.host ?? "127.0.0.1",
    clients: clients.map((client) => ({
      ...client,
      publicKey: client.publicKey === undefined ? undefined : readPublicKey(client.publicKey),
    })),
    users: options.users ?? (options.clients ? [] : [{ username: DEFAULT_USERNAME, password: DEFAULT_PASSWORD }]),
    passwordGrant: options.passwordGrant ?? true,
    soapLogin: options.soapLogin ?? true,
    ...(options.jwtAudiences ? { jwtAudiences: options.jwtAudiences } : {}),
    tls: options.tls,
    schema: options.schema ?? [],
    changeEvents: options.changeEvents ?? [...CHANGE_EVENTS],
    sessionTimeout: options.sessionTimeout ?? 2 * 60 * 60 * 1000,
    apiLimit: options.apiLimit ?? 1_000_000,
    loginLimit: options.loginLimit ?? 3600,
    cometd: { timeout: options.cometd?.timeout ?? 110_000, maxInterval: options.cometd?.maxInterval ?? 40_000 },
    maxUriBytes: options.maxUriBytes ?? 16_384,
    maxBodyBytes: options.maxBodyBytes ?? 50 * 1024 * 1024,
    pubsub: completePubSub(options.pubsub ?? false),
    clock: options.clock ?? Date.now,
  };
}

function completePubSub(given: boolean | PubSubOptions): Settings["pubsub"] {
  const { port = 0, keepAlive = 60_000, fetchTimeout = 60_000, publishTimeout = 1_800_000 } = typeof given === "boolean" ? {} : given;
  return { enabled: given !== false, port, keepAlive, fetchTimeout, publishTimeout };
}

function readPublicKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw new Error("publicKey is no PEM of a public key or certificate", { cause });
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== "rsa" || bits < 2048) throw new Error("publicKey must be an RSA key of at least 2,048 bits");
  return key;
}

import { createPublicKey, type KeyObject } from "node:crypto";
import type { ObjectDefinition } from "./schema/types";
import type { UserOptions } from "./users";

/** The consumer key of the connected app an emulator has when no `clients` are given. */
export const DEFAULT_CLIENT_ID = "surewire-emulator-client";
/** The consumer secret of that app. Not a secret of anybody's: it opens only an emulator. */
export const DEFAULT_CLIENT_SECRET = "surewire-emulator-secret";
/** The user that app runs as. */
export const DEFAULT_USERNAME = "integration@surewire.example";
/** The password of that user; there is no security token. */
export const DEFAULT_PASSWORD = "surewire-emulator-password";

/** Objects with change events unless an option says otherwise. */
export const CHANGE_EVENTS: readonly string[] = ["Account", "Contact", "Case", "EmailMessage"];

/** A connected app. With a secret it may use the client-credentials flow, with a public key the JWT bearer flow, and anyone the web-server flow. */
export interface ClientOptions {
  clientId: string;
  clientSecret?: string;
  /** PEM of an RSA public key, or of the X.509 certificate uploaded to the app; at least 2,048 bits. */
  publicKey?: string;
  /** The user the app runs as; for JWT, the one `sub` it is approved for. */
  username: string;
  /** Callback URLs of the web-server flow, compared as written. Default: any on a loopback host. */
  redirectUris?: string[];
  /** Refuses the web-server flow without PKCE. Default false. */
  requirePkce?: boolean;
  /** Issues JWT-based access tokens, which neither CometD nor the Pub/Sub API takes. Default false. */
  jwtAccessTokens?: boolean;
  /** Every use of a refresh token gives a new one and ends the old one. Default false. */
  rotateRefreshTokens?: boolean;
}

/** The Pub/Sub API of an org, and its clock. */
export interface PubSubOptions {
  /** Default 0: any free port. */
  port?: number;
  /** How long a subscription with nothing to deliver is silent, in ms. Default 60,000, as is seen; the vendor promises 270,000. */
  keepAlive?: number;
  /** How long a subscription stays open with nothing asked for, in ms. Default 60,000. */
  fetchTimeout?: number;
  /** How long a publish stream stays open with nothing published, in ms. Default 1,800,000. */
  publishTimeout?: number;
}

/** {@link PubSubOptions} with every default filled in. */
export type PubSubSettings = Required<PubSubOptions>;

/** How long the CometD server waits, in ms. */
export interface CometdTimes {
  /** How long a connect is held when nothing comes. Default 110,000, as Salesforce has it. */
  timeout?: number;
  /** How long a client may stay away between two calls. Default 40,000, as Salesforce has it. */
  maxInterval?: number;
}

/** What an emulator can be started with. Everything has a default. */
export interface EmulatorOptions {
  /** Default 0: any free port. */
  port?: number;
  /** Default `127.0.0.1`. */
  host?: string;
  /** Default: one app with {@link DEFAULT_CLIENT_ID}, {@link DEFAULT_CLIENT_SECRET} and {@link DEFAULT_USERNAME}. */
  clients?: ClientOptions[];
  /** Who can sign in with a password, beside the users the apps run as. Default, when no `clients` are given: {@link DEFAULT_USERNAME} with {@link DEFAULT_PASSWORD}. */
  users?: UserOptions[];
  /** Whether the password grant works; orgs made since Summer '23 block it. Default true. */
  passwordGrant?: boolean;
  /** Whether the SOAP login works up to v64.0; new orgs have it off. Default true. */
  soapLogin?: boolean;
  /** Audiences that a JWT assertion may name. Default: `https://login.salesforce.com`, as of a production org, and the org's own address. Some orgs, as those of Government Cloud, do not take their own. */
  jwtAudiences?: string[];
  /** PEM of a certificate and its key: serves https instead of http. */
  tls?: { cert: string; key: string };
  /** Objects to add, or fields and rules to add to objects there are. */
  schema?: ObjectDefinition[];
  /** Objects whose changes are told as change events. Default {@link CHANGE_EVENTS}. */
  changeEvents?: string[];
  /** How long a token lives, in ms. Default 2 hours, as in a new org. */
  sessionTimeout?: number;
  /** Calls a day before `REQUEST_LIMIT_EXCEEDED`. Default 1,000,000. */
  apiLimit?: number;
  /** Logins an hour and user before `login rate exceeded`. Default 3,600, as Salesforce has it. */
  loginLimit?: number;
  /** How long the streams over CometD wait. */
  cometd?: CometdTimes;
  /** Longest request line, and longest request line with headers, in bytes. Default 16,384, as Salesforce has it. */
  maxUriBytes?: number;
  /** Longest body, in bytes. Default 50 MB. */
  maxBodyBytes?: number;
  /** Serves the Pub/Sub API too (gRPC): true, or how. With `tls` it is encrypted as well. Default false. */
  pubsub?: boolean | PubSubOptions;
  /** Time of the org, in ms since the epoch. Default `Date.now`. */
  clock?: () => number;
}

/** A connected app with its key read. */
export interface Client extends Omit<ClientOptions, "publicKey"> {
  publicKey: KeyObject | undefined;
}

/** Options with every default filled in. */
export interface Settings extends Required<Omit<EmulatorOptions, "clients" | "jwtAudiences" | "tls" | "cometd" | "pubsub">>, Pick<EmulatorOptions, "jwtAudiences"> {
  clients: Client[];
  cometd: Required<CometdTimes>;
  pubsub: PubSubSettings & { enabled: boolean };
  tls: EmulatorOptions["tls"];
}

/** Fills in the defaults; says in plain words what cannot be used. */
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

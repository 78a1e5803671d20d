import type { TLSSocket } from "node:tls";
import { errorText } from "../../common/errors";
import type { BrokerOptions } from "./broker";
import { parseBrokerUrls, whereIs, type BrokerAddress } from "./connection/broker-url";
import { connectionFailure } from "./connection/connection-failure";
import { dial, hangUp, streamOf } from "./connection/dial";
import { whatAnswers } from "./connection/probe";
import { passwordSignIn, type SaslCredentials, type SignIn } from "./sign-in/sign-in";
import { answerIn } from "./connection/supervised-channel";

/** The result of the test of one host. */
export interface HostReport {
  /** Host and port. */
  where: string;
  ok: boolean;
  /** e.g. "RabbitMQ". */
  product?: string;
  version?: string;
  /** TLS version, e.g. "TLSv1.3"; absent without TLS. */
  tls?: string;
  /** ms between a request and its answer, with one decimal. */
  roundTrip?: number;
  /** The problem, in words. Never contains a secret. */
  problem?: string;
}

/** Longest connect timeout of a test, in s, since the user is waiting in front of the form. */
const LONGEST_WAIT = 15;

/** How many hosts are tested at most. No known broker has more, and the test must come to an end. */
const MOST_HOSTS = 16;

/**
 * Connects to each host of a broker once, signs in, and hangs up.
 *
 * @returns one report per host, in the order of the addresses
 * @throws ConnectorError NOT_CONFIGURED when there is no address or an invalid one; BROKER_UNAVAILABLE or BROKER_REFUSED when no token to sign in with can be had
 */
export async function testBroker(options: BrokerOptions): Promise<HostReport[]> {
  const addresses = parseBrokerUrls(options.urls);
  const signIn = options.signIn?.(() => undefined) ?? passwordSignIn(options.username, options.password);
  try {
    const credentials = await signIn.credentials();
    const tested = addresses.slice(0, MOST_HOSTS).map((address) => testHost(address, options, signIn, credentials));
    return [...(await Promise.all(tested)), ...addresses.slice(MOST_HOSTS).map(untested)];
  } finally {
    signIn.close();
  }
}

function untested(address: BrokerAddress): HostReport {
  const where = whereIs(address);
  return { where, ok: false, problem: `${where}: not tested, because only the first ${MOST_HOSTS} are` };
}

async function testHost(address: BrokerAddress, options: BrokerOptions, signIn: SignIn, credentials: SaslCredentials): Promise<HostReport> {
  const where = whereIs(address);
  const connectTimeout = Math.min(options.connectTimeout ?? 10, LONGEST_WAIT);
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), 2 * connectTimeout * 1000); // the connect timeout only ends a silent host, not one that keeps sending
  try {
    const model = await dial(address, { ...options, connectTimeout, credentials, name: "node-red (test)", signal: abort.signal });
    model.on("error", () => undefined);
    try {
      const began = performance.now();
      await answerIn(model.createChannel(), connectTimeout * 1000);
      const roundTrip = Math.round((performance.now() - began) * 10) / 10;
      const { product, version } = model.connection.serverProperties;
      const tls = (streamOf(model) as Partial<TLSSocket> | undefined)?.getProtocol?.() ?? undefined;
      return { where, ok: true, product: String(product), version: String(version), ...(tls ? { tls } : {}), roundTrip };
    } finally {
      await hangUp(model, 1_000);
    }
  } catch (error) {
    const { error: failure, reason } = connectionFailure(error, { where, vhost: options.vhost ?? "/", connectTimeout, shown: signIn.what });
    const other = reason === "network" || reason === "protocol" ? await whatAnswers(address) : undefined;
    return { where, ok: false, problem: other ? `${where}: ${other}` : errorText(failure) };
  } finally {
    clearTimeout(timer);
  }
}

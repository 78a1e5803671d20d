import type { TLSSocket } from "node:tls";
import { errorText } from "../../common/errors";
import type { BrokerOptions } from "./broker";
import { parseBrokerUrls, whereIs, type BrokerAddress } from "./broker-url";
import { connectionFailure } from "./connection-failure";
import { dial, hangUp, streamOf } from "./dial";
import { whatAnswers } from "./probe";
import { passwordSignIn, type SaslCredentials, type SignIn } from "./sign-in";
import { answerIn } from "./supervised-channel";

/** What a test found out about one host. */
export interface HostReport {
  /** Host and port. */
  where: string;
  ok: boolean;
  /** e.g. "RabbitMQ". */
  product?: string;
  version?: string;
  /** TLS version, e.g. "TLSv1.3"; absent without TLS. */
  tls?: string;
  /** ms from a request to its answer. */
  roundTrip?: number;
  /** What is wrong, in words. Never holds a secret. */
  problem?: string;
}

/** s. Someone sits in front of the form and waits. */
const LONGEST_WAIT = 15;

/** Tests this many hosts; nobody has more, and a test must end. */
const MOST_HOSTS = 16;

/**
 * Connects to each host of a broker once, signs in, and hangs up.
 *
 * @returns one report a host, in order
 * @throws ConnectorError NOT_CONFIGURED when there is no address or an invalid one; BROKER_UNAVAILABLE or BROKER_REFUSED when there is no token to sign in with
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
  const timer = setTimeout(() => abort.abort(), 2 * connectTimeout * 1000); // a host that keeps on sending is never silent
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

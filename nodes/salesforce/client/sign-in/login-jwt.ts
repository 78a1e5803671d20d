import { readFile } from "node:fs/promises";
import { ConnectorError, isConnectorError } from "../../../common/errors";
import type { HttpTransport } from "../http/transport";
import { readPrivateKey, signAssertion } from "./jwt";
import type { LoginSettings, Session } from "./login";
import { needed } from "./needed";
import { askToken } from "./token-endpoint";

/** The audiences that Salesforce documents, of a production org and of a sandbox. */
const AUDIENCES = ["https://login.salesforce.com", "https://test.salesforce.com"];

/** How an org refuses an assertion for another audience. The second is said by some of those orgs (restforce#886), and means what it says in others. */
const OF_AUDIENCE = /audience|approved this consumer/i;

/**
 * Signs in by the JWT bearer flow. The key file is read at each login, so that a changed key needs no deploy.
 *
 * Most orgs take their My Domain URL as the audience. Others, as those of Government Cloud, want one of the documented ones, and their URL does not tell which.
 * So those are tried, too, as Salesforce's own command line does.
 *
 * @throws ConnectorError as `login`
 */
export async function jwtLogin(transport: HttpTransport, origin: string, { credentials, keyFile }: LoginSettings): Promise<Session> {
  const clientId = needed(credentials.clientId, "consumer key");
  const username = needed(credentials.username, "user name");
  const key = readPrivateKey(keyFile?.trim() ? await readKeyFile(keyFile.trim()) : needed(credentials.privateKey, "private key"));
  let refusal: ConnectorError | undefined;
  for (const audience of AUDIENCES.includes(origin) ? [origin] : [origin, ...AUDIENCES]) {
    const assertion = signAssertion(key, { clientId, username, audience });
    try {
      return await askToken(transport, origin, { grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion }, "jwt-bearer");
    } catch (error) {
      if (!isConnectorError(error) || !OF_AUDIENCE.test(error.message)) throw error;
      if (!refusal || !/audience/i.test(error.message)) refusal = error; // what is said of the right audience
    }
  }
  throw refusal as ConnectorError;
}

async function readKeyFile(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === "ENOENT" ? "is not there" : `cannot be read (${(error as NodeJS.ErrnoException).code})`;
    throw new ConnectorError("NOT_CONFIGURED", `The key file ${file} ${reason}`, { cause: error });
  }
}

import { ConnectorError } from "../../common/errors";
import { isUntouched, readTexts } from "../../common/form-request";
import { isPlain } from "../../common/is-plain";
import type { DatabaseCredentials } from "../client/connection-string";
import type { DatabaseDef } from "./settings";

/** What the form sends to be tested: what stands in it, deployed or not. */
export interface TestRequest extends DatabaseDef {
  id: string;
  /** A password that was not touched comes as the editor's stand-in, or not at all. */
  credentials: DatabaseCredentials;
}

/** The node as it was deployed last, with its password. */
export interface Deployed {
  def: DatabaseDef;
  credentials: DatabaseCredentials;
}

const SETTINGS = ["id", "engine", "connectionString", "file", "dialect", "loginTimeout", "queryTimeout"] as const;

/**
 * The credentials to test with: those typed in, and for an untouched password the deployed node's.
 *
 * @param request with its environment variables resolved
 * @throws ConnectorError INPUT_INVALID when the stored password would go to a place that it was not stored for: the driver, too, is part of it
 */
export function credentialsToTest(request: TestRequest, deployed: Deployed | undefined): DatabaseCredentials {
  if (request.engine === "sqlite") return {};
  const { username, password: typed } = request.credentials;
  const untouched = isUntouched(typed);
  const password = untouched ? deployed?.credentials.password : typed;
  if (untouched && password && request.connectionString?.trim() !== deployed?.def.connectionString?.trim()) {
    throw new ConnectorError("INPUT_INVALID", "The connection differs from the one that is deployed: type the password again to test it, or deploy first");
  }
  const name = username ?? deployed?.credentials.username;
  return { ...(name ? { username: name } : {}), ...(password ? { password } : {}) };
}

/**
 * Reads the body of a request.
 *
 * @param resolve puts the environment's values in the place of `${NAME}`
 * @throws ConnectorError INPUT_INVALID when it is none
 */
export function readRequest(body: unknown, resolve: (text: string) => string): TestRequest {
  if (!isPlain(body)) throw new ConnectorError("INPUT_INVALID", "The request holds no settings");
  const { id = "", ...texts } = readTexts(body, SETTINGS, resolve);
  return { ...(texts as DatabaseDef), id, credentials: readTexts(body.credentials, ["username", "password"], resolve) };
}

import { readFile } from "node:fs/promises";
import { ConnectorError } from "../../../common/errors";
import { readPrivateKey, signAssertion } from "./jwt";
import type { LoginSettings } from "./login";
import { needed } from "./needed";

/** The form fields for the JWT bearer flow. The key file is read at each login, so that a changed key needs no deploy. */
export async function jwtForm(origin: string, { credentials, keyFile }: LoginSettings): Promise<Record<string, string>> {
  const clientId = needed(credentials.clientId, "consumer key");
  const username = needed(credentials.username, "user name");
  const key = readPrivateKey(keyFile?.trim() ? await readKeyFile(keyFile.trim()) : needed(credentials.privateKey, "private key"));
  return {
    grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
    assertion: signAssertion(key, { clientId, username, audience: origin }),
  };
}

async function readKeyFile(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === "ENOENT" ? "is not there" : `cannot be read (${(error as NodeJS.ErrnoException).code})`;
    throw new ConnectorError("NOT_CONFIGURED", `The key file ${file} ${reason}`, { cause: error });
  }
}

import type { IncomingHttpHeaders } from "node:http";
import type { Request } from "../http";
import type { Client } from "../options";
import type { Org } from "../org";
import { sameText } from "../users";
import { OAuthError } from "./oauth-error";

/** Returns the fields of a form. There are none if the body is not a form. */
export function formOf(request: Request): URLSearchParams {
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(request.headers["content-type"] ?? "");
  return new URLSearchParams(isForm ? request.body.toString("utf8") : "");
}

/** Returns the app that a request names, by HTTP Basic authentication or in the form. @throws OAuthError for an unknown app */
export function namedClient(org: Org, request: Request, form: URLSearchParams): { client: Client; secret: string } {
  const basic = basicCredentials(request.headers);
  const client = org.client(basic?.[0] ?? form.get("client_id") ?? "");
  if (!client) throw new OAuthError("invalid_client_id", "client identifier invalid");
  return { client, secret: basic?.[1] ?? form.get("client_secret") ?? "" };
}

/** Refuses a wrong secret. A public app has no secret and needs none. */
export function checkSecret(client: Client, secret: string): void {
  if (client.clientSecret !== undefined && !sameText(client.clientSecret, secret)) throw new OAuthError("invalid_client", "invalid client credentials");
}

function basicCredentials(headers: IncomingHttpHeaders): [string, string] | undefined {
  const encoded = /^Basic\s+(\S+)$/i.exec(headers.authorization ?? "")?.[1];
  if (encoded === undefined) return undefined;
  const [id = "", ...secret] = Buffer.from(encoded, "base64").toString("utf8").split(":");
  try {
    return [decodeURIComponent(id), decodeURIComponent(secret.join(":"))];
  } catch {
    throw new OAuthError("invalid_client", "invalid client credentials");
  }
}

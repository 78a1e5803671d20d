import type { Division } from "./connector";
import type { ConnectorKey } from "./keys-connector";
import type { PlannedConfig } from "./plan";
import type { Secrets } from "./secrets";
import type { Secret, Settings } from "./settings";
import { flagOf } from "./values";

const FLOWS: readonly (readonly [RegExp, string])[] = [
  [/jwt|assertion|certificate/i, "jwt-bearer"],
  [/client/i, "client-credentials"],
  [/soap|session/i, "soap-login"],
  [/password|ropc|resource|user/i, "password"],
];

const SECRETS = [
  ["clientSecret", "org.clientSecret", "CLIENT_SECRET", "consumer secret"],
  ["password", "org.password", "PASSWORD", "password"],
  ["securityToken", "org.securityToken", "SECURITY_TOKEN", "security token"],
  ["privateKey", "org.privateKey", "PRIVATE_KEY", "private key"],
] as const;

/** The secrets that each way to sign in needs. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  "client-credentials": ["clientSecret"],
  "jwt-bearer": ["privateKey"],
  password: ["clientSecret", "password", "securityToken"],
  "soap-login": ["password", "securityToken"],
};

/**
 * Plans the config nodes of the orgs. Divisions that sign in as the same user share one: it keeps one token, and Salesforce counts logins by user.
 *
 * @returns the config nodes, and the role of each division's config node
 */
export function readOrgs(divisions: readonly Pick<Division, "name" | "settings">[], secrets: Secrets): { configs: PlannedConfig[]; roles: string[] } {
  const found = new Map<string, { settings: Settings<ConnectorKey>; division: string; role: string }>();
  const roles = divisions.map(({ name, settings }) => {
    const key = JSON.stringify(identityOf(settings));
    const org = found.get(key) ?? { settings, division: name, role: `org-${found.size + 1}` };
    found.set(key, org);
    return org.role;
  });
  const words = new Set<string>();
  const configs = [...found.values()].map(({ settings, division, role }): PlannedConfig => {
    const name = found.size > 1 ? `org of ${division}` : "org";
    const own = unused(variableWord(division), words);
    const reference: Refer = (key, variable, holds, secret) =>
      found.size > 1 && settings.isOwn(key) ? secrets.reference(`${own}_${variable}`, `${holds} for ${division}`, secret) : secrets.reference(`ORG_${variable}`, `${holds} for Salesforce`, secret);
    return { role, type: "surewire-salesforce-org", name, ...readOrg(settings, name, reference) };
  });
  return { configs, roles };
}

type Refer = (key: ConnectorKey, variable: string, holds: string, secret: Secret) => string;

/** Returns what must be equal for two divisions to sign in as the same user. It has the place of the secret in the file, not its value. */
function identityOf(settings: Settings<ConnectorKey>): unknown[] {
  const user = settings.text("org.user");
  return [
    ...(["org.loginUrl", "org.sandbox", "org.clientId", "org.flow", "org.apiVersion", "org.keyFile"] as const).map((key) => settings.text(key) ?? ""),
    user?.toLowerCase() ?? "",
    settings.isOwn("org.clientSecret") ? settings.path("org.clientSecret") : "",
  ];
}

function readOrg(settings: Settings<ConnectorKey>, name: string, reference: Refer): Pick<PlannedConfig, "properties" | "credentials"> {
  const flow = flowOf(settings);
  const user = settings.text("org.user");
  const clientId = settings.text("org.clientId");
  const keyFile = keyFileOf(settings);
  const credentials: Record<string, string> = {
    ...(clientId === undefined || flow === "soap-login" ? {} : { clientId }),
    ...(user === undefined || flow === "client-credentials" ? {} : { username: user }),
  };
  for (const [property, key, variable, holds] of SECRETS) {
    const secret = settings.secret(key);
    if (secret && NEEDS[flow]!.includes(property)) credentials[property] = reference(key, variable, holds, secret);
  }
  remark(settings, flow, name);
  return { properties: { loginUrl: loginUrl(settings, flow), flow, apiVersion: apiVersion(settings), keyFile: flow === "jwt-bearer" ? keyFile : undefined }, credentials };
}

/** Returns the path of the key's file; `undefined`, with a note, when the key itself is there, which is a secret. */
function keyFileOf(settings: Settings<ConnectorKey>): string | undefined {
  const text = settings.text("org.keyFile");
  if (text === undefined || !text.includes("-----BEGIN")) return text;
  settings.note("org.keyFile", "is no path, but the key itself: put the key into a file and its path into the form", "dropped");
  return undefined;
}

/** Returns the way to sign in that the file names, else the one that its keys fit. A private key goes before a password, since orgs will refuse passwords first. */
function flowOf(settings: Settings<ConnectorKey>): string {
  const said = settings.text("org.flow");
  const known = said === undefined ? undefined : FLOWS.find(([pattern]) => pattern.test(said))?.[1];
  if (said !== undefined && known === undefined) settings.note("org.flow", "password, jwt, client_credentials or soap is expected; told by what else is there", "dropped");
  if (known !== undefined) return known;
  if (settings.has("org.privateKey") || settings.has("org.keyFile")) return "jwt-bearer";
  if (settings.has("org.password")) return settings.has("org.clientId") ? "password" : "soap-login";
  return settings.has("org.user") ? "jwt-bearer" : "client-credentials";
}

function remark(settings: Settings<ConnectorKey>, flow: string, name: string): void {
  if (flow === "password" || flow === "soap-login") {
    settings.note("org.password", "sign-in by password is blocked in newer orgs, and goes away: change to JWT bearer or client credentials when you can");
  }
  if (flow === "jwt-bearer" && !settings.has("org.privateKey") && !settings.has("org.keyFile")) {
    settings.note("org.user", `has neither password nor key: enter the private key of the app's certificate in the form of ${name}, or change its sign-in`);
  }
  if (flow === "client-credentials" && !settings.has("org.loginUrl")) {
    settings.note("org.loginUrl", `client credentials need the My Domain address of the org: enter it in the form of ${name}`);
  }
}

function loginUrl(settings: Settings<ConnectorKey>, flow: string): string {
  const sandbox = settings.text("org.sandbox");
  const given = settings.text("org.loginUrl");
  const isSandbox = sandbox !== undefined && (flagOf(sandbox) ?? /sandbox|test|uat|staging|dev/i.test(sandbox));
  const standard = isSandbox ? "https://test.salesforce.com" : "https://login.salesforce.com";
  if (given === undefined) return standard;
  let url: URL | undefined;
  try {
    url = new URL(/^[a-z]+:\/\//i.test(given) ? given : `https://${given}`);
  } catch {
    // reported below
  }
  const isLocal = url !== undefined && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  if (url && (url.protocol === "https:" || (url.protocol === "http:" && isLocal)) && url.username === "") return url.origin;
  settings.note("org.loginUrl", `an https address is expected; ${flow === "client-credentials" ? "enter the org's" : `${standard} was taken`}`, "dropped");
  return standard;
}

function apiVersion(settings: Settings<ConnectorKey>): string | undefined {
  const text = settings.text("org.apiVersion");
  const number = Number(/^v?(\d{2,3})(?:\.0)?$/i.exec(text ?? "")?.[1]);
  if (text === undefined || number >= 31) return text === undefined ? undefined : `${number}.0`;
  settings.note("org.apiVersion", "retired, or no version: left at the default", "dropped");
  return undefined;
}

/** Turns a name into a part of an environment variable's name. */
function variableWord(name: string): string {
  return name.normalize("NFD").replace(/\p{M}/gu, "").toUpperCase().replace(/[^A-Z0-9]+/g, "_").replace(/^_+|_+$/g, "") || "DIVISION";
}

/** Returns the word, with a number behind it if another division has it already. */
function unused(word: string, taken: Set<string>): string {
  for (let number = 1; ; number += 1) {
    const each = number === 1 ? word : `${word}_${number}`;
    if (taken.has(each)) continue;
    taken.add(each);
    return each;
  }
}

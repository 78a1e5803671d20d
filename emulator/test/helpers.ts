import assert from "node:assert/strict";
import { createSign, generateKeyPairSync } from "node:crypto";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, type Emulator } from "../src/index";

/** What the tests read of an answer. */
export interface Answer {
  status: number;
  headers: Headers;
  /** Parsed when it is JSON, else the text; "" when there is none. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into bodies of many shapes
  body: any;
}

/** A plain HTTP client with no knowledge of Salesforce: what it sends is what stands in the test. */
export async function http(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  return { status: response.status, headers: response.headers, body: isJson && text ? JSON.parse(text) : text };
}

/** Asks the token endpoint. */
export function askToken(emulator: Emulator, form: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> {
  return http(`${emulator.url}/services/oauth2/token`, { method: "POST", body: new URLSearchParams(form), headers });
}

/** A token by client credentials. */
export async function login(emulator: Emulator): Promise<string> {
  const form = { grant_type: "client_credentials", client_id: DEFAULT_CLIENT_ID, client_secret: DEFAULT_CLIENT_SECRET };
  const { body } = await askToken(emulator, form);
  return body.access_token as string;
}

/** An authorised client of one API version; paths are what follows `/services/data/vNN.0`. */
export class Api {
  private constructor(
    readonly emulator: Emulator,
    readonly token: string,
    readonly base: string,
  ) {}

  static async connect(emulator: Emulator, version = 66): Promise<Api> {
    return new Api(emulator, await login(emulator), `/services/data/v${version}.0`);
  }

  at(version: number): Api {
    return new Api(this.emulator, this.token, `/services/data/v${version}.0`);
  }

  send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const isText = typeof body === "string";
    return http(this.emulator.url + this.base + path, {
      method,
      headers: { Authorization: `Bearer ${this.token}`, ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
    });
  }

  get(path: string, headers?: Record<string, string>): Promise<Answer> {
    return this.send("GET", path, undefined, headers);
  }

  query(soql: string, resource = "query"): Promise<Answer> {
    return this.get(`/${resource}?q=${encodeURIComponent(soql)}`);
  }

  /** Creates a record and gives its id. */
  async create(object: string, record: Record<string, unknown>): Promise<string> {
    const answer = await this.send("POST", `/sobjects/${object}`, record);
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return answer.body.id as string;
  }
}

/** Numbers from 0 to below a bound, the same in every run. */
export function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Checks an error body: its status and the code and text of its only item. */
export function assertError(answer: Answer, status: number, errorCode: string, message: string | RegExp, fields?: string[]): void {
  assert.equal(answer.status, status, JSON.stringify(answer.body));
  assert.equal(answer.body.length, 1, "errors are an array, even a single one");
  const [item] = answer.body;
  assert.equal(item.errorCode, errorCode);
  if (typeof message === "string") assert.equal(item.message, message);
  else assert.match(item.message, message);
  if (fields) assert.deepEqual(item.fields, fields);
}

const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

/** The PEM of the key that {@link signJwt} signs with. */
export const PUBLIC_KEY = publicKey.export({ type: "spki", format: "pem" }).toString();

/** A signed assertion. */
export function signJwt(claims: Record<string, unknown>, header: Record<string, unknown> = { alg: "RS256" }, key = privateKey): string {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${encode(header)}.${encode(claims)}`;
  return `${signed}.${createSign("sha256").update(signed).sign(key).toString("base64url")}`;
}

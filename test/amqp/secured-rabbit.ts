import { createSign, generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { RabbitMq } from "../services/rabbitmq";
import { freePorts } from "../services/wait";
import { Authority, type Certificate } from "../services/certificates";

/** The user that the client certificate stands for. */
const MACHINE = "line-1";

/** Signs tokens, as an authorisation server does. */
class Signer {
  private readonly pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
  readonly publicKey = this.pair.publicKey.export({ type: "spki", format: "pem" }).toString();

  /** @param life in seconds from now; up to one more, since tokens count whole ones @param scope what the bearer may do */
  token(life: number, scope = "rabbitmq.configure:*/* rabbitmq.read:*/* rabbitmq.write:*/*"): string {
    const now = Date.now() / 1000;
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const head = `${part({ alg: "RS256", typ: "JWT", kid: "key1" })}.${part({ aud: ["rabbitmq"], client_id: "flow", iat: Math.floor(now), exp: Math.ceil(now + life), scope })}`;
    return `${head}.${createSign("RSA-SHA256").update(head).sign(this.pair.privateKey, "base64url")}`;
  }
}

/** A RabbitMQ that takes TLS with client certificates only, beside its plain port, and signs in by password, certificate or token. */
export class SecuredRabbit {
  readonly client: Certificate;

  private constructor(
    readonly rabbit: RabbitMq,
    readonly authority: Authority,
    private readonly tlsPort: number,
    readonly signer: Signer,
  ) {
    this.client = authority.client(MACHINE);
  }

  static async start(): Promise<SecuredRabbit> {
    const authority = new Authority();
    const server = authority.server("DNS:localhost");
    const signer = new Signer();
    const keyFile = join(authority.folder, "signer.pem");
    writeFileSync(keyFile, signer.publicKey);
    const tlsPort = await freePorts();
    const settings = {
      "listeners.ssl.1": `127.0.0.1:${tlsPort}`,
      "ssl_options.cacertfile": authority.ca.certFile,
      "ssl_options.certfile": server.certFile,
      "ssl_options.keyfile": server.keyFile,
      "ssl_options.verify": "verify_peer",
      "ssl_options.fail_if_no_peer_cert": "true",
      "auth_mechanisms.1": "PLAIN",
      "auth_mechanisms.2": "EXTERNAL",
      ssl_cert_login_from: "common_name",
      "auth_backends.1": "internal",
      "auth_backends.2": "rabbit_auth_backend_oauth2",
      "auth_oauth2.resource_server_id": "rabbitmq",
      "auth_oauth2.default_key": "key1",
      "auth_oauth2.signing_keys.key1": keyFile,
    };
    const rabbit = new RabbitMq({
      settings: Object.entries(settings).map(([name, value]) => `${name} = ${value}`),
      plugins: ["rabbitmq_auth_mechanism_ssl", "rabbitmq_auth_backend_oauth2"],
    });
    await rabbit.start();
    await rabbit.addUser(MACHINE, "unused");
    return new SecuredRabbit(rabbit, authority, tlsPort, signer);
  }

  /** @param host the certificate is for localhost */
  url(host = "localhost"): string {
    return `amqps://${host}:${this.tlsPort}`;
  }

  /** What a client needs. */
  tls(more: TlsOptions = {}): TlsOptions {
    return { ca: this.authority.ca.cert, cert: this.client.cert, key: this.client.key, rejectUnauthorized: true, ...more };
  }
}

let starting: Promise<SecuredRabbit> | undefined;
/** One for all test files of a run. */
export function securedRabbit(): Promise<SecuredRabbit> {
  starting ??= SecuredRabbit.start();
  return starting;
}

after(async () => {
  (await starting?.catch(() => undefined))?.authority.remove();
});

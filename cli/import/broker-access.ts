import type { BROKER_KEYS } from "./keys-broker";
import type { Secrets } from "./secrets";
import type { Settings } from "./settings";
import { decoded, flagOf } from "./values";

/** Full name of a key of the connection. */
export type ConnectionKey = Extract<keyof typeof BROKER_KEYS, `broker.connection.${string}`>;

/** The properties of an `amqp broker`, and its credentials. */
export interface BrokerPart {
  properties: Record<string, unknown>;
  credentials: Record<string, string>;
}

interface Address {
  host: string;
  port?: number;
  tls?: boolean;
}

const URL = "broker.connection.url";
const HOST = "broker.connection.host";
const ADDRESS = /^(?:(?<protocol>amqps?):\/\/)?(?:(?<login>[^/@]*)@)?(?<host>\[[\da-f:.]+\]|[^\s:/@,;[\]]+)(?::(?<port>\d{1,5}))?(?:\/(?<path>[^/?#@]*))?(?<query>\?[^@]*)?$/i;

/** Reads how to connect to the broker. */
export function readBroker(settings: Settings<ConnectionKey>, secrets: Secrets): BrokerPart {
  checkProtocol(settings);
  const read = [...addresses(settings, URL), ...addresses(settings, HOST)];
  const port = settings.number("broker.connection.port", 1, 65_535);
  const said = settings.text("broker.connection.tls");
  const tls = said === undefined ? port === 5671 : (flagOf(said) ?? true);
  const hosts: Address[] = read.length > 0 ? read : [{ host: "localhost" }];
  if (read.length === 0) settings.note(HOST, "no host is named: localhost was taken");
  const urls = hosts.map((each) => {
    const secure = each.tls ?? tls;
    return `${secure ? "amqps" : "amqp"}://${each.host}:${each.port ?? port ?? (secure ? 5671 : 5672)}`;
  });
  const login = read.find(({ user }) => user !== undefined);
  const secret = settings.secret("broker.connection.password") ?? (read.some(({ hasPassword }) => hasPassword) ? { path: settings.path(settings.has(URL) ? URL : HOST) } : undefined);
  const user = settings.text("broker.connection.user") ?? login?.user;
  const external = /external/i.test(settings.text("broker.connection.mechanism") ?? "");
  if (external) settings.note("broker.connection.mechanism", "choose a TLS configuration with the client's certificate in the broker's form");
  return {
    properties: {
      urls: [...new Set(urls)],
      vhost: settings.text("broker.connection.vhost") ?? read.find(({ vhost }) => vhost !== undefined)?.vhost ?? "/",
      auth: external ? "external" : "plain",
      heartbeat: seconds(settings, "broker.connection.heartbeat", 3600),
      connectTimeout: seconds(settings, "broker.connection.connectTimeout", 600),
    },
    credentials: {
      ...(user === undefined ? {} : { username: user }),
      ...(secret ? { password: secrets.reference("BROKER_PASSWORD", "password of the broker", secret) } : {}),
    },
  };
}

function checkProtocol(settings: Settings<ConnectionKey>): void {
  const name = settings.text("broker.connection.protocol");
  if (name === undefined || /amqps?$|amqp.?0.?9|rabbit|lavinmq|^(broker|tcp|ssl|tls)$/i.test(name)) return;
  settings.note("broker.connection.protocol", "only AMQP 0-9-1 (RabbitMQ, LavinMQ) is spoken: the broker has to speak it, or to be replaced");
}

type Read = Address & { user?: string; hasPassword: boolean; vhost?: string };

/** Reads the addresses in a key: one text, several with commas, or a list. An address that cannot be read is not repeated in the note, since it may hold a password. */
function addresses(settings: Settings<ConnectionKey>, name: typeof URL | typeof HOST): Read[] {
  const value = settings.json(name);
  const texts = typeof value === "string" ? value.split(/[,;](?=\s*amqps?:\/\/)/i).flatMap(hosts) : settings.words(name);
  return texts.flatMap((text) => {
    const { protocol, login = "", host, port, path, query } = ADDRESS.exec(text)?.groups ?? {};
    if (host === undefined) {
      settings.note(name, "is no address of an AMQP broker; left out", "dropped");
      return [];
    }
    if (query) settings.note(name, "what stands behind ? is left out: heartbeat, timeout and TLS have fields of their own", "check");
    const [user = "", ...password] = login.split(":");
    return [
      {
        host,
        hasPassword: password.length > 0,
        ...(port === undefined ? {} : { port: Number(port) }),
        ...(protocol === undefined ? {} : { tls: protocol.toLowerCase() === "amqps" }),
        ...(user === "" ? {} : { user: decoded(user) }),
        ...(path ? { vhost: decoded(path) } : {}),
      },
    ];
  });
}

/** Splits an address into its hosts. A comma before the @ belongs to the password, and the text before it must not be taken for a user or a host. */
function hosts(text: string): string[] {
  const trimmed = text.trim();
  const at = trimmed.lastIndexOf("@") + 1;
  const pieces = trimmed.split(/[,;]/).map((piece) => piece.trim()).filter(Boolean);
  if (at === 0 || pieces.every((piece) => /^[^@]*:[^@]*@[^@]*$/.test(piece))) return pieces;
  const [first = "", ...others] = trimmed.slice(at).split(/[,;]/).map((piece) => piece.trim());
  return [trimmed.slice(0, at) + first, ...others.filter(Boolean)];
}

function seconds(settings: Settings<ConnectionKey>, name: ConnectionKey, most: number): number | undefined {
  const ms = settings.duration(name, 0, most * 1000);
  if (ms === undefined) return undefined;
  if (ms >= 1000) return Math.round(ms / 1000);
  settings.note(name, "cannot be switched off: left at its default", "dropped");
  return undefined;
}

/**
 * The keys of an old bridge's file, and what becomes of each. The importer reads by this table, and the documentation is printed from it
 * (`surewire-import --keys`), so the two cannot differ.
 */
import { BROKER_KEYS } from "./keys-broker";
import { DATABASE_KEYS } from "./keys-database";
import { FORMAT_KEYS } from "./keys-format";

/** One key. Case, `-`, `_` and blanks do not count in its names. */
export interface Key {
  /** Other names of its last part. */
  aliases: readonly string[];
  /** What it says. */
  means: string;
  /** Where it lands in the flow; for a key that is not carried over, the reason. */
  lands: string;
  /** The value is never looked at, but for whether it names an environment variable. */
  secret?: true;
  /** Its value may be an object, which is read as a whole. */
  object?: true;
  /** Nothing in the flow corresponds to it. */
  dropped?: true;
}

const FILE_KEYS = {
  transaction: {
    aliases: ["type", "mode", "direction", "operation", "task", "action", "job", "kind"],
    means: "*select and send*, *get and write* or *subscribe and write*, see [Which transaction](#which-transaction)",
    lands: "the nodes of the flow",
  },
  name: { aliases: ["title", "label", "id", "bridge", "bridgeName"], means: "name of the bridge", lands: "label of the tab" },
  description: { aliases: ["comment", "info", "notes", "remarks", "$comment", "_comment", "//"], means: "what it is for", lands: "description of the tab" },
  version: { aliases: ["$schema", "schemaVersion", "configVersion"], means: "version of the file", lands: "the flow does not depend on it", dropped: true },
  logging: {
    aliases: ["log", "logger", "logLevel", "logFile", "debug", "verbose"],
    means: "logging of the bridge",
    lands: "Node-RED's settings file says what is logged",
    object: true,
    dropped: true,
  },
  threads: {
    aliases: ["concurrency", "workers", "parallelism", "consumers", "concurrentConsumers", "threadCount"],
    means: "messages worked on at the same time",
    lands: "the nodes work on many messages at a time by themselves; see At once of amqp in and Connections of the database",
    dropped: true,
  },
} as const satisfies Record<string, Key>;

/** All keys by their full names: `section.group.key`, or `key` outside of all sections. */
export const KEYS = { ...FILE_KEYS, ...DATABASE_KEYS, ...BROKER_KEYS, ...FORMAT_KEYS } as const satisfies Record<string, Key>;

/** Full name of a key. */
export type KeyName = keyof typeof KEYS;

/** The sections, with their other names. */
export const SECTIONS = {
  database: ["db", "sql", "jdbc", "odbc", "dataSource", "rdbms", "dbConfig", "databaseConfig"],
  broker: ["amqp", "rabbitmq", "rabbit", "mq", "messageBroker", "messaging", "queueing", "brokerConfig", "amqpConfig"],
  format: ["message", "messageFormat", "payload", "content", "serialization", "serializer", "codec"],
} as const satisfies Record<string, readonly string[]>;

export type SectionName = keyof typeof SECTIONS;

/** Parts of a section that group keys. Only `source` and `destination` must be told; the others may be left out. */
export const GROUPS = {
  "database.access": ["connection", "credentials", "login", "dataSource", "auth", "connect", "config"],
  "broker.connection": ["access", "credentials", "login", "auth", "connect", "config", "server"],
  "broker.source": ["input", "in", "from", "consume", "consumer", "subscribe", "subscription", "read", "receive", "get"],
  "broker.destination": ["target", "output", "out", "to", "publish", "publisher", "producer", "send", "sink", "write"],
} as const satisfies Record<string, readonly string[]>;

/** Key that a section's value is when it is no object, such as `"format": "json"`. */
export const PLAIN_SECTION: Readonly<Record<SectionName | keyof typeof GROUPS, KeyName>> = {
  database: "database.access.url",
  "database.access": "database.access.url",
  broker: "broker.connection.url",
  "broker.connection": "broker.connection.url",
  "broker.source": "broker.source.queue",
  "broker.destination": "broker.destination.queue",
  format: "format.type",
};

/** The key of that name. */
export function keyOf(name: KeyName): Key {
  return KEYS[name];
}

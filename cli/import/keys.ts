/**
 * The keys of an old bridge's file, and where each goes in the flow. The importer reads by this table, and the documentation is printed from it
 * (`surewire-import --keys`), so the two cannot differ.
 */
import { KeyIndex } from "./key-index";
import type { Group, Key, KeyTable } from "./key-table";
import { BROKER_KEYS } from "./keys-broker";
import { DATABASE_KEYS } from "./keys-database";
import { FORMAT_KEYS } from "./keys-format";

/** Keys outside of all sections. */
export const FILE_KEYS = {
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

/** Groups of keys within a section. A file may leave out their names, except for `source` and `destination`, which it must tell apart. */
export const GROUPS = {
  "database.access": { section: "database", names: ["access", "connection", "credentials", "login", "dataSource", "auth", "connect", "config"], place: "open" },
  "broker.connection": { section: "broker", names: ["connection", "access", "credentials", "login", "auth", "connect", "config", "server"], place: "open" },
  "broker.source": {
    section: "broker",
    names: ["source", "input", "in", "from", "consume", "consumer", "subscribe", "subscription", "read", "receive", "get"],
    place: "either",
  },
  "broker.destination": {
    section: "broker",
    names: ["destination", "target", "output", "out", "to", "publish", "publisher", "producer", "send", "sink", "write"],
    place: "either",
  },
} as const satisfies Record<string, Group>;

const PLAIN: Readonly<Record<SectionName | keyof typeof GROUPS, KeyName>> = {
  database: "database.access.url",
  "database.access": "database.access.url",
  broker: "broker.connection.url",
  "broker.connection": "broker.connection.url",
  "broker.source": "broker.source.queue",
  "broker.destination": "broker.destination.queue",
  format: "format.type",
};

/** The keys of a bridge. */
export const BRIDGE: KeyTable = { title: "a bridge between a queue and a database", keys: KEYS, sections: SECTIONS, groups: GROUPS, plain: PLAIN };

/** Finds the keys of a bridge by their paths in the file. */
export const BRIDGE_INDEX = new KeyIndex(BRIDGE);

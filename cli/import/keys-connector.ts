/**
 * The keys of an old device connector's file, and where each goes in the flow. All keys of sections may be in *tenant*, for all divisions, or in a division, for
 * it alone. The importer reads by this table, and the documentation is printed from it.
 */
import { KeyIndex } from "./key-index";
import { type Key, type KeyTable, keysUnder, quoted } from "./key-table";
import { FILE_KEYS } from "./keys";
import { BROKER_KEYS } from "./keys-broker";

const OWN_TOKENS = "salesforce org signs in by itself, and keeps no token in the flow";

const { "broker.source.count": _onDemand, ...SOURCE } = keysUnder(BROKER_KEYS, "broker.source");

const KEYS = {
  name: { aliases: ["title", "label", "connector", "connectorName"], means: "name of the connector", lands: "label of the tab" },
  description: FILE_KEYS.description,
  version: FILE_KEYS.version,
  logging: { ...FILE_KEYS.logging, means: "logging of the connector" },
  threads: { ...FILE_KEYS.threads, lands: "the nodes work on many messages at a time by themselves; see At once of amqp in and Batch size of salesforce case" },

  "part.name": { aliases: ["id", "title", "label", "division", "divisionName", "tenantName"], means: "what tenant or division is called", lands: "label of the tab; salesforce case: Divisions" },

  "org.clientId": { aliases: ["id", "consumerKey", "appId", "applicationId"], means: "consumer key of the app", lands: "salesforce org: Consumer key" },
  "org.clientSecret": {
    aliases: ["secret", "consumerSecret", "appSecret"],
    means: "consumer secret of the app",
    lands: "salesforce org: Consumer secret, as a reference to an environment variable",
    secret: true,
  },
  "org.user": { aliases: ["name", "username", "userId", "login", "loginName", "account"], means: "user who signs in", lands: "salesforce org: User name; a config node for each user" },
  "org.password": {
    aliases: ["pwd", "passwd", "pass"],
    means: "the user's password",
    lands: "salesforce org: Password, as a reference to an environment variable",
    secret: true,
  },
  "org.securityToken": {
    aliases: ["token", "userToken", "userSecurityToken"],
    means: "the user's security token",
    lands: "salesforce org: Security token, as a reference to an environment variable",
    secret: true,
  },
  "org.privateKey": {
    aliases: ["jwtKey", "pem", "keyPem", "rsaKey", "jwtPrivateKey"],
    means: "private key (PEM) of the app's certificate",
    lands: "salesforce org: Private key, as a reference to an environment variable",
    secret: true,
  },
  "org.keyFile": { aliases: ["privateKeyFile", "privateKeyPath", "keyPath", "pemFile", "jwtKeyFile"], means: "file with that key", lands: "salesforce org: Key file" },
  "org.loginUrl": {
    aliases: ["url", "uri", "loginServer", "loginHost", "authUrl", "tokenUrl", "oauthUrl", "instanceUrl", "instance", "endpoint", "domain", "myDomain", "baseUrl"],
    means: "where users sign in",
    lands: "salesforce org: Login URL",
  },
  "org.sandbox": { aliases: ["isSandbox", "useSandbox", "environment", "env"], means: "whether the org is a sandbox; or `production`, `sandbox`", lands: "salesforce org: Login URL, where none is given" },
  "org.flow": { aliases: ["grantType", "grant", "oauthFlow", "authFlow", "authType", "loginType"], means: "`password`, `jwt`, `client_credentials` or `soap`", lands: "salesforce org: Sign in by" },
  "org.apiVersion": { aliases: ["version", "salesforceVersion"], means: "version of the API", lands: "salesforce org: API version; the importer's own where it is older than 31" },
  "org.accessToken": { aliases: ["refreshToken", "sessionId", "oauthToken", "bearer"], means: "token of an open session", lands: OWN_TOKENS, secret: true, dropped: true },
  "org.proxy": { aliases: ["proxyUrl", "proxyHost", "proxyPort", "httpProxy", "httpsProxy"], means: "proxy on the way to Salesforce", lands: "set `HTTPS_PROXY` in the environment of Node-RED", object: true, dropped: true },

  "case.attributes": {
    aliases: ["defaults", "defaultAttributes", "defaultValues", "defaultFields", "caseDefaults", "caseAttributes", "attrs", "values", "constants"],
    means: "what every case gets: fields and values; `${name}` stands for a property of the message",
    lands: "salesforce case: Where the message gives nothing, or a division's defaults",
    object: true,
  },
  "case.mapping": {
    aliases: ["map", "mappings", "fieldMap", "fieldMapping", "fieldMappings", "attributeMapping", "fields"],
    means: "fields, and the properties of the message they come from",
    lands: "salesforce case: Fields from the message",
    object: true,
  },
  "case.externalId": {
    aliases: ["externalIdField", "externalIdFieldName", "idField", "uniqueField", "upsertField", "externalKey"],
    means: "external id field of Case that tells a message that comes again",
    lands: "salesforce case: External id",
  },
  "case.messageId": {
    aliases: ["messageIdField", "messageIdPath", "eventId", "eventIdField", "externalIdValue", "externalIdPath", "idPath"],
    means: "property of the message with that id",
    lands: "salesforce case: Id value",
  },
  "case.owner": { aliases: ["ownerId", "ownerQueue", "caseOwner", "assignTo"], means: "user or queue the cases belong to", lands: "salesforce case: Divisions, Owner" },
  "case.recordType": { aliases: ["recordTypeId", "recordTypeName", "caseRecordType"], means: "record type of the cases", lands: "salesforce case: Divisions, Record type" },
  "case.assignment": {
    aliases: ["assignmentRule", "assignmentRuleId", "autoAssign", "useAssignmentRule", "useAssignmentRules", "useDefaultRule"],
    means: "whether assignment rules run, or the id of one",
    lands: "salesforce case: Assign by",
  },
  "case.object": { aliases: ["sobject", "objectType", "sobjectType", "entity"], means: "object that is made; only Case", lands: "the node salesforce case" },
  "case.batchSize": { aliases: ["batch", "maxBatch", "batchCount", "bulkSize"], means: "most cases in one call", lands: "salesforce case: Batch size, at most 200" },
  "case.format": { aliases: ["messageFormat", "payloadFormat", "contentFormat", "messageType"], means: "`json`, `xml` or `text`", lands: "amqp in: Content" },

  ...keysUnder(BROKER_KEYS, "broker.connection"),
  ...SOURCE,
  "broker.source.ack": { ...BROKER_KEYS["broker.source.ack"], lands: "a message is acknowledged when its case is in Salesforce, tried again when that fails, and goes to the dead letters in the end" },
} as const satisfies Record<string, Key>;

/** Full name of a key. */
export type ConnectorKey = keyof typeof KEYS;

/** The names of the two sections; the first is the one that is documented. */
export const PARTS = {
  tenant: ["tenant", "tenants", "connector", "organization", "organisation", "company", "customer", "common", "global", "settings"],
  divisions: ["divisions", "division", "units", "businessUnits", "departments", "branches", "sites", "plants"],
} as const;

/** The keys of a device connector. Tenant and divisions are read separately, each as the section `part`. */
export const CONNECTOR: KeyTable = {
  title: "a connector from devices to cases",
  keys: KEYS,
  sections: { part: [] },
  headings: {
    part: {
      title: "In tenant, or in a division",
      text: `*tenant* may also be called ${quoted(PARTS.tenant.slice(1))}; *divisions* ${quoted(PARTS.divisions.slice(1))}.`,
    },
  },
  groups: {
    org: { section: "part", names: ["salesforce", "user", "login", "credentials", "oauth", "oauth2", "client", "app", "connectedApp", "org", "auth", "access"], place: "open" },
    case: { section: "part", names: ["case", "cases", "record", "ticket"], place: "open" },
    "broker.connection": {
      section: "part",
      names: ["amqp", "broker", "rabbitmq", "rabbit", "mq", "amqpConnection", "messageBroker", "messaging", "connection"],
      place: "open",
    },
    "broker.source": { section: "part", names: ["source", "subscription", "consumer", "input", "binding"], place: "open" },
  },
  plain: { part: "broker.source.queue", org: "org.user", "broker.connection": "broker.connection.url", "broker.source": "broker.source.queue" },
};

/** Finds the keys of a device connector by their paths in the file. */
export const CONNECTOR_INDEX = new KeyIndex(CONNECTOR);

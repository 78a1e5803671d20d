/** What the form of a node type asks for, and how a user fills it in. */
export interface FormCase {
  type: string;
  /** Properties that a new node must have flagged, each with a reason. */
  needs: string[];
  /** What is typed or chosen, by property. `true` for a config node: the one made before. A list: rows of cells. */
  fill: Record<string, string | true | string[][]>;
  /** What is typed before, and must be marked as wrong. */
  refuses?: Record<string, string>;
  /** What must be saved afterwards, besides the plain texts of `fill`. */
  saved: Record<string, unknown>;
  /** Credentials that must be set, but never come back. */
  secret?: string[];
}

/** Every node type of the pack, config nodes first. */
export const FORMS: readonly FormCase[] = [
  {
    type: "surewire-amqp-broker",
    needs: [],
    fill: { name: "broker", urls: [["amqp://127.0.0.1:1/plant"], ["amqps://127.0.0.1:2"]], vhost: "plant", username: "line", password: "hidden" },
    saved: { urls: ["amqp://127.0.0.1:1/plant", "amqps://127.0.0.1:2"], auth: "plain" },
    secret: ["password"],
  },
  {
    type: "surewire-salesforce-org",
    needs: ["loginUrl"], // client credentials work on the org's own address only
    refuses: { concurrency: "0", usageThreshold: "101", timeout: "x", apiVersion: "68", pubsubEndpoint: "http://api.pubsub.salesforce.com:7443" },
    fill: { name: "org", loginUrl: "https://127.0.0.1:1", clientId: "key", clientSecret: "hidden", concurrency: "5", usageThreshold: "90", timeout: "30", apiVersion: "67.0", pubsubEndpoint: "localhost:7443" },
    saved: { flow: "client-credentials", concurrency: 5, usageThreshold: 90, timeout: 30 },
    secret: ["clientSecret"],
  },
  {
    type: "surewire-sql-database",
    needs: ["connectionString"],
    fill: { name: "database", engine: "sqlite", file: "smoke.db" },
    saved: { dialect: "auto", poolSize: 4, loginTimeout: 10_000, queryTimeout: 60_000, idleCheck: 30_000 },
  },
  {
    type: "surewire-amqp-in",
    needs: ["broker", "queue"],
    refuses: { poisonLimit: "1", prefetch: "0" },
    fill: {
      name: "in", prefetch: "25", broker: true, queue: "devices", settle: "node", retries: "3", poisonLimit: "5", consumerPriority: "-2",
      bindings: [["plant", "topic", "line.#", ""], ["alarms", "headers", "", '{"x-match": "any", "line": 3}']],
    },
    saved: {
      prefetch: 25, retries: 3, deadline: 1_500_000, poisonLimit: 5, consumerPriority: -2, inputs: 0, streamOffset: "first",
      bindings: [
        { exchange: "plant", exchangeType: "topic", routingKey: "line.#" },
        { exchange: "alarms", exchangeType: "headers", routingKey: "", arguments: { "x-match": "any", line: 3 } },
      ],
    },
  },
  {
    type: "surewire-amqp-get",
    needs: ["broker", "queue"],
    fill: {
      name: "get", broker: true, queue: "devices", count: "25", settle: "node", retries: "3",
      format: "delimited", "formatOptions-delimiter": ";", "formatOptions-columns": [["id"], ["value"]], "formatOptions-encoding": "windows-1252",
    },
    saved: {
      count: 25, countType: "num", retries: 3, deadline: 1_500_000, arguments: {}, "formatOptions-delimiter": undefined, "formatOptions-encoding": undefined,
      formatOptions: {
        delimiter: ";", quote: '"', header: true, columns: ["id", "value"], encoding: "windows-1252", rootElement: "root", rowElement: "row", attributePrefix: "@", arrays: [],
      },
    },
  },
  {
    type: "surewire-amqp-out",
    needs: ["broker", "routingKey"],
    fill: {
      name: "out", broker: true, destination: "exchange", exchange: "plant", routingKey: "line.1",
      properties: [["correlationId", "payload.id"], ["expiration", "payload.ttl"]], maxWaiting: "500", format: "xml", "formatOptions-rootElement": "readings",
    },
    saved: {
      "formatOptions-rootElement": undefined,
      formatOptions: {
        delimiter: ",", quote: '"', header: true, columns: [], encoding: "", rootElement: "readings", rowElement: "row", attributePrefix: "@", arrays: [],
      },
      destination: "exchange", exchangeType: "str", persistent: true, confirmTimeout: 15_000, maxWait: 60_000, maxWaiting: 500, request: false, requestTimeout: 30_000,
      properties: [{ property: "correlationId", value: "payload.id", valueType: "msg" }, { property: "expiration", value: "payload.ttl", valueType: "msg" }],
    },
  },
  {
    type: "surewire-amqp-redrive",
    needs: ["broker", "queue"],
    fill: { name: "redrive", broker: true, queue: "devices.dlq", filter: 'error.code = "ROW_REFUSED"', limit: "10", rate: "2.5", maxRedrives: "5" },
    saved: { limitType: "num", rate: 2.5, maxRedrives: 5, target: "origin", dryRun: "false", dryRunType: "bool", filterType: "jsonata" },
  },
  {
    type: "surewire-salesforce-case",
    needs: ["org"],
    refuses: { batchSize: "201", linger: "x" },
    fill: {
      name: "case", org: true, mapping: [["Subject", "payload.title"], ["Description", "payload.text"]], externalIdField: "Device_Event_Id__c", externalId: "payload.id",
      onRepeat: "comment", comment: "payload.text", contactBy: "externalId", contactField: "Badge__c", contact: "payload.badge", batchSize: "100", linger: "20",
    },
    saved: {
      mapping: [{ field: "Subject", value: "payload.title", valueType: "msg" }, { field: "Description", value: "payload.text", valueType: "msg" }],
      externalIdType: "msg", commentType: "msg", contactMissing: "leave", accountBy: "none", duplicateRule: "block", caseNumber: true, divisions: [], batchSize: 100, linger: 20,
    },
  },
  {
    type: "surewire-salesforce-record",
    needs: ["org", "object"],
    refuses: { object: "not a name", batchSize: "201" },
    fill: { name: "record", org: true, operation: "upsert", object: "Device__c", externalIdField: "Serial__c", failedOutput: "true", batchSize: "100" },
    saved: {
      operation: "upsert", objectType: "str", fields: "payload", fieldsType: "msg", recordIdType: "msg", allOrNone: false, failedOutput: true, outputs: 2, assignment: "default",
      duplicateRule: "block", batchSize: 100, linger: 50, limit: 200,
    },
  },
  {
    type: "surewire-salesforce-query",
    needs: ["org", "query"],
    refuses: { query: "UPDATE Case" },
    fill: {
      name: "query", org: true, query: "SELECT Id, Subject FROM Case WHERE Origin = :origin", parameters: [["origin", "payload.origin"]], output: "page",
      batchSize: "500", maxInFlight: "200", retries: "3",
    },
    saved: {
      parameters: [{ name: "origin", value: "payload.origin", valueType: "msg" }], language: "soql", deleted: false, explain: false, emptyOutput: false, batchSize: 500,
      maxInFlight: 200, maxRows: 100_000, settle: "flow", retries: 3, deadline: 1_500_000, outputs: 1,
    },
  },
  {
    type: "surewire-salesforce-route",
    needs: ["org", "routes"],
    refuses: { skillsField: "not a name", answerTimeout: "10" },
    fill: {
      name: "route", org: true, routes: [["Pumps", "wg.pumps"], ["Valves", "wg.valves"]], skillsField: "Skills__c", answerTimeout: "60000",
      markFields: [["Interaction__c", "routing.interactionId"]], stateName: "cases", retries: "3",
    },
    saved: {
      routes: [{ queue: "Pumps", workgroup: "wg.pumps" }, { queue: "Valves", workgroup: "wg.valves" }], routesFrom: "node", onNew: true, onQueue: true, onOwner: true, onComment: true, onEmail: true,
      directToQueue: false, disconnectOnReply: true, answerTimeout: 60_000, refresh: 300_000, markObject: "Case", markFields: [{ field: "Interaction__c", value: "routing.interactionId", valueType: "msg" }],
      startQuery: true, standby: false, leaseTime: 30, settle: "flow", retries: 3, deadline: 1_500_000,
    },
  },
  {
    type: "surewire-salesforce-publish",
    needs: ["org", "event"],
    refuses: { event: "Device_Alert__c" },
    fill: { name: "publish", org: true, event: "Device_Alert__e", batchSize: "100", transport: "pubsub" },
    saved: { eventType: "str", fields: "payload", fieldsType: "msg", batchSize: 100, linger: 50 },
  },
  {
    type: "surewire-salesforce-listen",
    needs: ["org", "channel"],
    refuses: { channel: "Device_Alert__e", maxInFlight: "0", dedupeWindow: "-1", poisonLimit: "1" },
    fill: {
      name: "listen", org: true, channel: "/topic/OpenCases", declareTopic: "true", topicQuery: "SELECT Id, Subject FROM Case", topicFields: "All", staleReplay: "stop", maxInFlight: "50",
      listener: "cases", dedupeWindow: "500", retries: "3", poisonLimit: "0",
    },
    saved: {
      declareTopic: true, topicOperations: ["create", "update", "delete", "undelete"], transport: "cometd", replayFrom: "stored", maxInFlight: 50, dedupeWindow: 500, store: "", standby: false,
      leaseTime: 30, startPaused: false, inputs: 0, settle: "flow", retries: 3, poisonLimit: 0, deadline: 1_500_000,
    },
  },
  {
    type: "surewire-salesforce-request",
    needs: ["org"],
    refuses: { concurrency: "0" },
    // a part of the call that the preset fills in is changed, and must come back so
    fill: { name: "request", org: true, preset: "composite", path: "/composite/graph", headers: [["Sforce-Call-Options", "options"]], returns: "text", concurrency: "2" },
    saved: {
      preset: "composite", method: "POST", path: "/composite/graph", pathType: "str", host: "org", body: "payload", bodyType: "msg", engagementUrl: "https://pi.pardot.com",
      headers: [{ name: "Sforce-Call-Options", value: "options", valueType: "msg" }], returns: "text", concurrency: 2, safeToRepeat: false, failOnPartErrors: true,
      datasetOperation: "Overwrite", datasetMetadataType: "json", datasetWait: 600_000,
    },
  },
  {
    type: "surewire-salesforce-bulk",
    needs: ["org", "object"],
    refuses: { jobRows: "0", pollInterval: "1", assignmentRule: "001" },
    fill: {
      name: "bulk", org: true, operation: "upsert", object: "Case", externalIdField: "Device_Event_Id__c", results: "failed", batchSize: "500", linger: "1000",
      timeout: "600000", columnDelimiter: "TAB", lineEnding: "CRLF", pollInterval: "500", jobRows: "5000", assignmentRule: "01Q000000000001AAA",
    },
    saved: {
      failedOutput: false, outputs: 1, batchSize: 500, linger: 1000, timeout: 600_000, pollInterval: 500, jobRows: 5000, pageSize: 2000, output: "page", maxRows: 100_000,
      fields: "payload", fieldsType: "msg", identity: "amqp.properties.messageId", jobType: "ingest", jobOperation: "insert", parameters: [], settle: "flow",
    },
  },
  {
    type: "surewire-sql-read",
    needs: ["database", "query"],
    fill: {
      name: "read", database: true, query: "select * from readings where device = :device", parameters: [["device", "payload.device"]], mode: "poll",
      pollInterval: "1000", watermarkColumn: "changed_at", keyColumn: "id", delayWindow: "500", maxInFlight: "200", retries: "3", poisonLimit: "5",
    },
    saved: {
      parameters: [{ name: "device", value: "payload.device", valueType: "msg" }], inputs: 0, outputs: 2, pollInterval: 1000, delayWindow: 500, maxInFlight: 200, retries: 3, poisonLimit: 5,
      progress: "watermark", output: "row", batchSize: 200, maxRows: 100_000, emptyOutput: false, start: "all", afterRead: "", afterReadPer: "row", deadline: 1_500_000,
    },
  },
  {
    type: "surewire-sql-write",
    needs: ["database", "table"],
    fill: {
      name: "write", database: true, table: "readings", mode: "upsert", columns: [["id", "payload.id"], ["value", "payload.value"]], keys: [["id"]],
      stopAfter: "20",
    },
    saved: {
      columns: [{ column: "id", value: "payload.id", valueType: "msg" }, { column: "value", value: "payload.value", valueType: "msg" }],
      keys: ["id"], statements: [], parameters: [], forEach: "", forEachType: "msg", duplicateIsSuccess: false, zeroRowsIsError: false, dedupe: false,
      messageId: "amqp.properties.messageId", messageIdType: "msg", inboxTable: "surewire_inbox", inboxDays: 30, stopAfter: 20, maxRows: 1000,
    },
  },
  { type: "surewire-settle", needs: [], fill: { name: "settle" }, saved: { outcome: "accept", outcomeType: "outcome" } },
];

/** The types that stand in the palette. */
export const PALETTE = FORMS.map(({ type }) => type).filter((type) => !/-(broker|org|database)$/.test(type));

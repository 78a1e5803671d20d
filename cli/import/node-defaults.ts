/** Properties of nodes that read or write content. */
const FORMAT = {
  format: "auto",
  formatOptions: { delimiter: ",", quote: '"', header: true, columns: [], encoding: "", rootElement: "root", rowElement: "row", attributePrefix: "@", arrays: [] },
};
/** Properties of sources. */
const SETTLE = { settle: "flow", deadline: 1_500_000, retries: 5, retryDelay: 1000, retryMaxDelay: 300_000 };

/**
 * The properties that the editor saves for a new node, by its type. An imported node without one of them would count as changed as soon as its form is opened.
 * A test compares them with the forms.
 */
export const NODE_DEFAULTS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "surewire-amqp-broker": { urls: ["amqp://localhost:5672"], vhost: "/", auth: "plain", tokenUrl: "", scope: "", tls: "", heartbeat: 15, connectTimeout: 10 },
  "surewire-amqp-in": {
    broker: "", queue: "", declare: "declare", queueType: "quorum", singleActiveConsumer: false, maxPriority: "", arguments: {}, bindings: [], streamOffset: "first",
    prefetch: 400, consumerPriority: "", consumerArguments: {}, inputs: 0, ...FORMAT, ...SETTLE, deadLetterQueue: "", poisonLimit: 3,
  },
  "surewire-amqp-get": {
    broker: "", queue: "", count: 1, countType: "num", declare: "declare", queueType: "quorum", arguments: {}, ...FORMAT, ...SETTLE, deadLetterQueue: "",
  },
  "surewire-amqp-out": {
    broker: "", destination: "queue", exchange: "", exchangeType: "str", exchangeKind: "topic", declare: "declare", routingKey: "", routingKeyType: "str", headers: "{}", headersType: "json",
    properties: [], ...FORMAT, persistent: true, mandatory: true, confirmTimeout: 15_000, request: false, requestTimeout: 30_000, replyFormat: "auto",
    maxWait: 60_000, maxWaiting: 10_000,
  },
  "surewire-sql-database": { engine: "odbc", connectionString: "", file: "", dialect: "auto", poolSize: 4, loginTimeout: 10_000, queryTimeout: 60_000, idleCheck: 30_000 },
  "surewire-sql-read": {
    database: "", mode: "message", query: "", parameters: [], output: "row", batchSize: 200, emptyOutput: false, pollInterval: 5000, progress: "watermark", watermarkColumn: "",
    keyColumn: "", delayWindow: 2000, start: "all", afterRead: "", afterReadPer: "row", ...SETTLE, poisonLimit: 3, maxInFlight: 1000, maxRows: 100_000, inputs: 1, outputs: 1,
  },
  "surewire-sql-write": {
    database: "", mode: "insert", table: "", columns: [], keys: [], statements: [], parameters: [], forEach: "", forEachType: "msg", duplicateIsSuccess: false,
    zeroRowsIsError: false, dedupe: false, messageId: "amqp.properties.messageId", messageIdType: "msg", inboxTable: "surewire_inbox", inboxDays: 30, batchSize: 200, linger: 20,
    maxRows: 1000, stopAfter: 10,
  },
  "surewire-salesforce-org": {
    loginUrl: "https://login.salesforce.com", flow: "client-credentials", keyFile: "", connectedAs: "", connectedAt: "", apiVersion: "68.0", pubsubEndpoint: "", concurrency: 10,
    usageThreshold: 80, timeout: 60,
  },
  "surewire-salesforce-case": {
    org: "", divisions: [], mapping: [{ field: "Subject", value: "payload.subject", valueType: "msg" }], defaults: [], externalIdField: "", externalId: "payload.id",
    externalIdType: "msg", onRepeat: "update", reopen: false, reopenStatus: "New", contactBy: "none", contactField: "", contact: "", contactType: "msg",
    contactMissing: "leave", accountBy: "none", accountField: "", account: "", accountType: "msg", accountMissing: "leave", comment: "", commentType: "msg",
    attachments: "", attachmentsType: "msg", assignment: "default", duplicateRule: "block", caseNumber: true, batchSize: 200, linger: 50,
  },
  inject: { props: [], repeat: "", crontab: "", once: false, onceDelay: 0.1, topic: "", payload: "", payloadType: "date" },
  debug: { active: true, tosidebar: true, console: false, tostatus: false, complete: "payload", targetType: "msg", statusVal: "", statusType: "auto" },
  catch: { scope: null, uncaught: false },
  change: { rules: [], action: "", property: "", from: "", to: "", reg: false },
  split: { splt: "\\n", spltType: "str", arraySplt: 1, arraySpltType: "len", stream: false, addname: "", property: "payload" },
  comment: { info: "" },
};

import type { Key } from "./key-table";

const BY_ITSELF = "a lost connection comes back by itself";

/** The keys of the section *broker*. */
export const BROKER_KEYS = {
  "broker.connection.host": {
    aliases: ["hostname", "server", "servers", "hosts", "address", "addresses", "nodes", "brokers", "ip"],
    means: "host, `host:port`, or several of them",
    lands: "amqp broker: Addresses",
  },
  "broker.connection.port": { aliases: ["portNumber", "amqpPort", "tcpPort"], means: "TCP port", lands: "amqp broker: Addresses" },
  "broker.connection.url": {
    aliases: ["uri", "urls", "amqpUrl", "amqpUri", "connectionString", "connection", "brokerUrl", "brokerUri", "endpoint"],
    means: "`amqp(s)://user:password@host:port/vhost`",
    lands: "amqp broker: Addresses, Virtual host, Username, Password",
  },
  "broker.connection.vhost": { aliases: ["virtualHost"], means: "virtual host", lands: "amqp broker: Virtual host" },
  "broker.connection.user": { aliases: ["username", "uid", "login", "account"], means: "user name", lands: "amqp broker: Username" },
  "broker.connection.password": {
    aliases: ["pwd", "passwd", "pass", "secret"],
    means: "password",
    lands: "amqp broker: Password, as a reference to an environment variable",
    secret: true,
  },
  "broker.connection.tls": {
    aliases: ["ssl", "useSsl", "useTls", "secure", "sslEnabled", "tlsEnabled"],
    means: "encrypted connection",
    lands: "amqp broker: Addresses (`amqps://`)",
  },
  "broker.connection.heartbeat": {
    aliases: ["requestedHeartbeat", "heartbeatInterval", "heartbeatTimeout", "keepAlive"],
    means: "time between heartbeats",
    lands: "amqp broker: Heartbeat",
  },
  "broker.connection.connectTimeout": {
    aliases: ["connectionTimeout", "timeout", "handshakeTimeout"],
    means: "time for connecting",
    lands: "amqp broker: Timeout",
  },
  "broker.connection.mechanism": {
    aliases: ["saslMechanism", "sasl", "authMechanism", "authentication"],
    means: "`PLAIN` or `EXTERNAL`",
    lands: "amqp broker: Sign-in",
  },
  "broker.connection.protocol": {
    aliases: ["type", "provider", "vendor", "product", "transport"],
    means: "kind of broker; only AMQP 0-9-1 (RabbitMQ) can be carried over",
    lands: "amqp broker: Addresses",
  },
  "broker.connection.certificate": {
    aliases: ["keyStore", "trustStore", "ca", "caFile", "cert", "certFile", "key", "keyFile", "clientCertificate", "sslCert", "sslKey", "sslCa", "verify", "rejectUnauthorized", "verifyPeer"],
    means: "certificates",
    lands: "make a TLS configuration with them in the broker's form",
    object: true,
    dropped: true,
  },
  "broker.connection.keyStorePassword": {
    aliases: ["trustStorePassword", "keyPassword", "passphrase", "certPassword"],
    means: "password of a certificate",
    lands: "it belongs to the TLS configuration, which keeps it as a credential",
    secret: true,
    dropped: true,
  },
  "broker.connection.reconnect": {
    aliases: ["autoReconnect", "automaticRecovery", "reconnectInterval", "reconnectDelay", "networkRecoveryInterval", "recoveryInterval", "connectionRetries", "topologyRecovery"],
    means: "reconnecting",
    lands: BY_ITSELF,
    dropped: true,
  },
  "broker.connection.name": {
    aliases: ["connectionName", "clientId", "clientName", "channelMax", "frameMax", "channels", "channelCacheSize"],
    means: "name and limits of the connection",
    lands: "the nodes name and share their connections themselves",
    dropped: true,
  },

  "broker.source.queue": { aliases: ["queueName", "name", "inputQueue", "sourceQueue", "readQueue", "address"], means: "queue to take messages from", lands: "amqp in or amqp get: Queue" },
  "broker.source.queueType": { aliases: ["xQueueType"], means: "`quorum`, `classic` or `stream`, if the queue has to be made", lands: "amqp in or amqp get: Type" },
  "broker.source.declare": {
    aliases: ["create", "createQueue", "autoDeclare", "declareQueue"],
    means: "whether a missing queue is made",
    lands: "amqp in or amqp get: If missing",
  },
  "broker.source.passive": { aliases: ["existing", "mustExist"], means: "the opposite of *declare*", lands: "amqp in or amqp get: If missing" },
  "broker.source.exchange": { aliases: ["exchangeName", "bindExchange"], means: "exchange the queue is bound to", lands: "amqp in: Bind to exchanges" },
  "broker.source.exchangeType": { aliases: ["exchangeKind"], means: "its type: `topic`, `direct`, `fanout` or `headers`", lands: "amqp in: Bind to exchanges" },
  "broker.source.routingKey": {
    aliases: ["routingKeys", "bindingKey", "bindingKeys", "binding", "topic", "topics", "pattern"],
    means: "routing keys of the binding",
    lands: "amqp in: Bind to exchanges",
  },
  "broker.source.prefetch": { aliases: ["prefetchCount", "qos", "basicQos", "window", "maxUnacked"], means: "messages out at the same time", lands: "amqp in: At once" },
  "broker.source.count": {
    aliases: ["maxMessages", "messages", "limit", "batchSize", "batch", "max", "fetch"],
    means: "most messages taken at a time, on demand",
    lands: "amqp get: Take",
  },
  "broker.source.deadLetterQueue": {
    aliases: ["dlq", "errorQueue", "failedQueue", "rejectQueue", "deadLetter", "errorDestination", "failureQueue"],
    means: "queue for what cannot be written",
    lands: "amqp in or amqp get: Dead letter",
  },
  "broker.source.retries": {
    aliases: ["maxRetries", "retryCount", "attempts", "maxAttempts", "redeliveries", "maxRedeliveries", "retry"],
    means: "tries after the first",
    lands: "amqp in or amqp get: Retries",
  },
  "broker.source.retryDelay": { aliases: ["retryInterval", "backoff", "redeliveryDelay"], means: "time before the first retry", lands: "amqp in or amqp get: First delay" },
  "broker.source.consumerPriority": { aliases: ["priority"], means: "priority of the consumer", lands: "amqp in: Priority" },
  "broker.source.exclusive": { aliases: ["singleActiveConsumer"], means: "one consumer at a time", lands: "amqp in: Only one (a queue that is made gets a single active consumer)" },
  "broker.source.arguments": { aliases: ["args", "queueArguments"], means: "arguments of a queue that is made", lands: "amqp in or amqp get: Arguments", object: true },
  "broker.source.ack": {
    aliases: ["autoAck", "noAck", "ackMode", "acknowledge", "acknowledgement", "requeue", "requeueOnError", "manualAck"],
    means: "when a message is acknowledged",
    lands: "a message is acknowledged when its rows are committed, tried again when that fails, and goes to the dead letters in the end",
    dropped: true,
  },
  "broker.source.durable": {
    aliases: ["autoDelete", "queueDurable", "durableQueue", "consumerTag", "noLocal", "transient"],
    means: "properties of the queue or consumer",
    lands: "a queue that exists is used as it is; one that is made is durable",
    dropped: true,
  },

  "broker.destination.exchange": { aliases: ["exchangeName", "targetExchange"], means: "exchange to publish to", lands: "amqp out: Exchange" },
  "broker.destination.exchangeType": { aliases: ["exchangeKind"], means: "its type, if it has to be made", lands: "amqp out: If missing" },
  "broker.destination.routingKey": {
    aliases: ["routing", "key", "topic", "subject", "bindingKey"],
    means: "routing key; a placeholder is filled from the row",
    lands: "amqp out: Routing key",
  },
  "broker.destination.queue": {
    aliases: ["queueName", "name", "outputQueue", "targetQueue", "writeQueue", "address"],
    means: "queue to publish to, where no exchange is named",
    lands: "amqp out: Queue",
  },
  "broker.destination.declare": { aliases: ["create", "createExchange", "autoDeclare", "declareExchange"], means: "whether a missing exchange is made", lands: "amqp out: If missing" },
  "broker.destination.passive": { aliases: ["existing", "mustExist"], means: "the opposite of *declare*", lands: "amqp out: If missing" },
  "broker.destination.persistent": {
    aliases: ["deliveryMode", "durable", "durableMessages"],
    means: "messages outlive a restart of the broker; delivery mode 2",
    lands: "amqp out: Persistent",
  },
  "broker.destination.mandatory": { aliases: ["failUnroutable"], means: "a message that no queue takes is an error", lands: "amqp out: Mandatory" },
  "broker.destination.confirmTimeout": { aliases: ["publishTimeout", "sendTimeout"], means: "time for the broker's confirm", lands: "amqp out: Confirm in" },
  "broker.destination.contentType": { aliases: ["mimeType", "mime"], means: "content type", lands: "amqp out: Properties" },
  "broker.destination.priority": { aliases: ["messagePriority"], means: "priority of the messages", lands: "amqp out: Properties" },
  "broker.destination.expiration": { aliases: ["ttl", "messageTtl", "timeToLive", "expires"], means: "time after which a message is dropped", lands: "amqp out: Properties" },
  "broker.destination.messageType": { aliases: ["type"], means: "property *type*", lands: "amqp out: Properties" },
  "broker.destination.appId": { aliases: ["applicationId", "application"], means: "property *app id*", lands: "amqp out: Properties" },
  "broker.destination.replyTo": { aliases: ["replyQueue"], means: "property *reply to*", lands: "amqp out: Properties" },
  "broker.destination.headers": { aliases: ["messageHeaders"], means: "headers; those that look like secrets are left out", lands: "amqp out: Headers", object: true },
  "broker.destination.confirms": {
    aliases: ["publisherConfirms", "confirm", "confirmSelect", "transacted", "transactional", "waitForConfirms"],
    means: "publisher confirms",
    lands: "every message is confirmed",
    dropped: true,
  },
} as const satisfies Record<string, Key>;

import type { Key } from "./key-table";

const SQL = "Texts with placeholders become statements with parameters, see [Statements](#statements)";

/** The keys of the section *database*. */
export const DATABASE_KEYS = {
  "database.access.driver": {
    aliases: ["type", "dialect", "dbms", "product", "vendor", "engine", "driverName", "driverClass", "driverClassName", "jdbcDriver", "databaseType", "provider"],
    means: "`postgresql`, `mysql`, `mariadb`, `sqlite`, `sqlserver` (`mssql`), `oracle` or `db2`; names of JDBC and ODBC drivers are understood",
    lands: "sql database: Engine, Dialect, and `Driver=` in Connection",
  },
  "database.access.host": { aliases: ["server", "hostname", "address", "ip", "serverName"], means: "host name or address", lands: "sql database: Connection" },
  "database.access.port": { aliases: ["portNumber", "tcpPort"], means: "TCP port", lands: "sql database: Connection" },
  "database.access.database": {
    aliases: ["dbname", "databaseName", "db", "name", "catalog", "initialCatalog", "service", "serviceName", "sid"],
    means: "name of the database; of the service for Oracle",
    lands: "sql database: Connection",
  },
  "database.access.schema": {
    aliases: ["currentSchema", "searchPath", "defaultSchema"],
    means: "schema; the database where no database is named",
    lands: "stands before the table's name; in statements of your own it has to be written",
  },
  "database.access.file": { aliases: ["path", "filename", "databaseFile", "dbFile"], means: "file of a SQLite database", lands: "sql database: File" },
  "database.access.user": { aliases: ["username", "uid", "login", "account", "userId"], means: "user name", lands: "sql database: Username" },
  "database.access.password": {
    aliases: ["pwd", "passwd", "pass", "secret"],
    means: "password",
    lands: "sql database: Password, as a reference to an environment variable",
    secret: true,
  },
  "database.access.dsn": { aliases: ["odbcDsn", "dataSourceName", "systemDsn"], means: "name of an ODBC data source", lands: "sql database: `DSN=` in Connection" },
  "database.access.url": {
    aliases: ["uri", "connectionString", "connectString", "connection", "jdbcUrl", "jdbc", "odbc", "connectionUrl", "databaseUrl"],
    means: "`jdbc:…`, `postgres://…`, an ODBC or ADO.NET connection string; a user name and password in it are taken out",
    lands: "sql database: Connection, Username, Password",
  },
  "database.access.tls": {
    aliases: ["ssl", "sslMode", "useSsl", "encrypt", "secure", "requireSsl"],
    means: "encrypted connection: a flag, or PostgreSQL's `sslmode`",
    lands: "sql database: Connection",
  },
  "database.access.poolSize": {
    aliases: ["maxPoolSize", "maximumPoolSize", "maxConnections", "maxActive", "connections", "poolMax", "poolMaxSize"],
    means: "connections open at the same time",
    lands: "sql database: Connections (1 to 10)",
  },
  "database.access.loginTimeout": {
    aliases: ["connectTimeout", "connectionTimeout"],
    means: "time for signing in, see [Times](#times)",
    lands: "sql database: Login timeout",
  },
  "database.access.queryTimeout": {
    aliases: ["statementTimeout", "commandTimeout", "timeout", "socketTimeout"],
    means: "time for a statement",
    lands: "sql database: Query timeout",
  },
  "database.access.minPoolSize": {
    aliases: ["minIdle", "initialSize", "poolMin", "poolMinSize", "maxIdle", "idleTimeout", "maxLifetime", "validationQuery", "testQuery", "testOnBorrow"],
    means: "upkeep of a connection pool",
    lands: "connections are opened when needed and checked by themselves",
    dropped: true,
  },
  "database.access.charset": {
    aliases: ["characterEncoding", "clientEncoding", "encoding", "timezone", "serverTimezone"],
    means: "encoding or time zone of the connection",
    lands: "texts are Unicode; times are sent with their zone",
    dropped: true,
  },
  "database.access.certificate": {
    aliases: ["sslCert", "sslKey", "sslRootCert", "keyStore", "trustStore", "ca", "caFile", "certFile", "keyFile", "sslCa", "trustServerCertificate"],
    means: "certificates",
    lands: "each driver has words of its own for them: add them to the Connection of the sql database",
    object: true,
    dropped: true,
  },
  "database.access.keyStorePassword": {
    aliases: ["trustStorePassword", "keyPassword", "sslPassword", "passphrase"],
    means: "password of a certificate store",
    lands: "certificates are given to the ODBC driver",
    secret: true,
    dropped: true,
  },

  "database.statement": {
    aliases: ["sql", "query", "select", "selectStatement", "selectQuery", "statements", "queries", "sqlStatement"],
    means: `SQL, one text or a list. ${SQL}`,
    lands: "sql read: Query, or sql write: Statements",
  },
  "database.template": {
    aliases: ["insert", "insertTemplate", "insertStatement", "sqlTemplate", "statementTemplate", "updateTemplate", "upsert", "write", "writeStatement"],
    means: "SQL with placeholders, one text or a list",
    lands: "sql write: Statements; sql read: Query, if it selects",
  },
  "database.parameters": {
    aliases: ["params", "arguments", "args", "binds", "bindings", "bindVariables", "placeholders", "values"],
    means: 'which field of the message each placeholder stands for: a list of fields for `?`, or `{ "name": "field" }`',
    lands: "Parameters of sql read or sql write",
    object: true,
  },
  "database.table": {
    aliases: ["tableName", "into", "targetTable", "destinationTable"],
    means: "table to write to, where there is no statement; table to read, likewise",
    lands: "sql write: Table; sql read: Query",
  },
  "database.columns": {
    aliases: ["fields", "columnNames", "mapping", "columnMapping", "fieldMapping"],
    means: 'columns: a list, or `{ "column": "field" }`',
    lands: "sql write: Columns; sql read: Query; names for the `?` of a statement",
    object: true,
  },
  "database.keys": {
    aliases: ["key", "keyColumns", "primaryKey", "primaryKeys", "idColumn", "idColumns", "matchColumns", "uniqueKey"],
    means: "columns that identify a row",
    lands: "sql write: Key columns; sql read that polls: Key column",
  },
  "database.writeMode": {
    aliases: ["mode", "operation", "action", "insertMode", "writeOperation"],
    means: "`insert`, `upsert` (`merge`, `replace`), `update`, `delete` or `ignore`; else upsert where there are keys, and insert where there are none",
    lands: "sql write: Mode",
  },
  "database.afterRead": {
    aliases: ["after", "afterSelect", "afterSend", "afterStatement", "postStatement", "postQuery", "onSuccess", "onConsume", "markStatement", "updateStatement", "deleteStatement", "update", "delete", "mark", "confirm"],
    means: "statement for each row that has been sent: marks or deletes it",
    lands: "sql read that polls: After read",
  },
  "database.watermarkColumn": {
    aliases: ["watermark", "incrementingColumn", "incrementColumn", "timestampColumn", "trackingColumn", "offsetColumn", "cursorColumn", "sequenceColumn", "lastModifiedColumn"],
    means: "column that only grows, by which new rows are told",
    lands: "sql read that polls: Watermark",
  },
  "database.pollInterval": {
    aliases: ["interval", "period", "every", "frequency", "polling", "pollingInterval", "pollPeriod", "pollDelay", "scheduleInterval", "delay"],
    means: "time between two runs of the query",
    lands: "sql read that polls: Every; for all rows in one message, the repeat of the inject node",
  },
  "database.cron": { aliases: ["schedule", "cronExpression", "crontab", "cronSchedule"], means: "times at which the query runs", lands: "the inject node's repeat" },
  "database.output": {
    aliases: ["messagePer", "perMessage", "split", "grouping", "group", "resultMode"],
    means: "what one message holds: `row`, `batch` or `all`",
    lands: "sql read: Send",
  },
  "database.batchSize": {
    aliases: ["rowsPerMessage", "chunkSize", "fetchSize", "batch", "pageSize"],
    means: "rows of a batch",
    lands: "Batch size of sql read or sql write",
  },
  "database.maxRows": { aliases: ["limit", "rowLimit"], means: "most rows of one message that holds all", lands: "sql read: Most rows" },
  "database.deduplicate": {
    aliases: ["dedupe", "deduplication", "idempotent", "exactlyOnce"],
    means: "a message that comes twice is written once",
    lands: "sql write: Dedupe",
  },
  "database.isolation": {
    aliases: ["isolationLevel", "transactionIsolation", "autoCommit", "readOnly", "commit", "commitInterval", "transactional"],
    means: "how transactions are made",
    lands: "the statements of a message are one transaction, committed before the message is acknowledged",
    dropped: true,
  },
} as const satisfies Record<string, Key>;

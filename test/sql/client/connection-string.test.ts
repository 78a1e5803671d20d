import assert from "node:assert/strict";
import { isConnectorError } from "../../../nodes/common/errors";
import { ConnectionString, withCredentials } from "../../../nodes/sql/client/connection-string";
import { addPresets, dialectOfDriver, takesNoParameters } from "../../../nodes/sql/client/presets";
import type { DialectName } from "../../../nodes/sql/client/protocol";

const notConfigured = (error: unknown): boolean => isConnectorError(error) && error.code === "NOT_CONFIGURED";

describe("An ODBC connection string", () => {
  it("gets the credentials, in place of those it has", () => {
    const built = withCredentials("Driver=x;Server=h;uid=old;Password=old", { username: "me", password: "p;w{}" });
    assert.equal(built, "Driver=x;Server=h;UID=me;PWD={p;w{}}}");
  });

  it("keeps what is set when there are no credentials", () => {
    assert.equal(withCredentials("DSN=plant;UID=me", {}), "DSN=plant;UID=me");
  });

  it("takes a user name with a meaning in braces only where it must", () => {
    assert.equal(withCredentials("DSN=x", { username: "plant\\me@host" }), "DSN=x;UID={plant\\me@host}");
    assert.equal(withCredentials("DSN=x", { username: "me@host.example-1$" }), "DSN=x;UID=me@host.example-1$");
  });

  it("keeps braces with semicolons and doubled braces in them", () => {
    const built = new ConnectionString("Driver=x; Options={a;b=}}c} ;Server=h;");
    assert.equal(String(built), "Driver=x;Options={a;b=}}c};Server=h");
    assert.equal(built.get("options"), "a;b=}c");
  });

  it("names a driver, or else a data source", () => {
    assert.equal(new ConnectionString("server=h;DRIVER = {PostgreSQL ANSI}").driver, "PostgreSQL ANSI");
    assert.equal(new ConnectionString("dsn=plant").source, "plant");
    assert.equal(new ConnectionString("dsn=plant;driver=x").source, undefined);
  });

  it("is refused, without being shown, when it cannot be read", () => {
    for (const text of ["", "  ;", "Driver", "Driver=x;PWD={secret"]) {
      assert.throws(() => new ConnectionString(text), (error: Error) => notConfigured(error) && !error.message.includes("secret"), text);
    }
  });
});

describe("The settings a driver needs", () => {
  const added = (text: string, dialect: DialectName, already: ReadonlySet<string> = new Set()): string => {
    const string = new ConnectionString(text);
    addPresets(string, dialect, { already, loginTimeout: 2500 });
    return String(string);
  };

  it("are added, unless the user sets them", () => {
    assert.equal(added("Server=h;maxvarcharsize=100", "postgresql"), "Server=h;maxvarcharsize=100;BoolsAsChar=0;Protocol=7.4-0");
    assert.equal(added("DSN=plant", "mariadb"), "DSN=plant;CHARSET=utf8mb4;OPTION=2;CONN_TIMEOUT=3");
    assert.equal(added("DSN=plant", "sqlite"), "DSN=plant;FKSupport=1;Timeout=5000;BigInt=1");
    assert.equal(added("DBQ=h", "oracle"), "DBQ=h;FWC=T");
  });

  it("are not added over those of the data source", () => {
    assert.equal(added("DSN=plant", "postgresql", new Set(["maxvarcharsize", "protocol"])), "DSN=plant;BoolsAsChar=0");
  });

  it("are none where none are known", () => {
    for (const dialect of ["sqlserver", "db2", "generic"] as const) {
      assert.equal(addPresets(new ConnectionString("DSN=plant"), dialect, { already: new Set(), loginTimeout: 1000 }), false);
    }
  });
});

describe("The name of a driver", () => {
  for (const [name, dialect] of Object.entries<DialectName | undefined>({
    "PostgreSQL ANSI": "postgresql",
    "/usr/lib/x86_64-linux-gnu/odbc/psqlodbcw.so": "postgresql",
    "MariaDB ODBC 3.1 Driver": "mariadb",
    "/usr/lib/libmaodbc.so": "mariadb",
    "MySQL ODBC 9.0 Unicode Driver": "mariadb",
    SQLite3: "sqlite",
    "ODBC Driver 18 for SQL Server": "sqlserver",
    "/opt/microsoft/msodbcsql18/lib64/libmsodbcsql-18.3.so.2.1": "sqlserver",
    "Oracle 23 ODBC driver": "oracle",
    "/opt/oracle/instantclient/libsqora.so.23.1": "oracle",
    "IBM DB2 ODBC DRIVER": "db2",
    "/opt/ibm/clidriver/lib/libdb2o.so": "db2",
    "Simba Spark": undefined,
    "": undefined,
  })) {
    it(`${name || "(none)"} gives away ${dialect ?? "nothing"}`, () => assert.equal(dialectOfDriver(name), dialect));
  }

  it("tells which driver takes no parameters", () => {
    assert.ok(takesNoParameters("FreeTDS"));
    assert.ok(takesNoParameters("/usr/lib/x86_64-linux-gnu/odbc/libtdsodbc.so"));
    assert.ok(!takesNoParameters("ODBC Driver 17 for SQL Server"));
  });
});

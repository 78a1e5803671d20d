import assert from "node:assert/strict";
import { driverHint, missingPackage, systemOf, type System } from "../../../../nodes/sql/client/odbc/install-hint";

const error = (message: string, code?: string): Error => Object.assign(new Error(message), { code });

describe("A missing odbc package", () => {
  const text = (failure: Error, on: System = "debian"): string => missingPackage(failure, on).message;

  it("without libodbc asks for unixODBC, by the system's own command", () => {
    const missing = error("libodbc.so.2: cannot open shared object file", "ERR_DLOPEN_FAILED");
    assert.match(text(missing), /`sudo apt-get install unixodbc`/);
    assert.match(text(missing, "redhat"), /`sudo dnf install unixODBC`/);
    assert.match(text(missing, "other"), /: install unixODBC$/);
    assert.match(text(error("Error loading shared library libodbc.so.2: No such file or directory (needed by …/odbc.node)"), "alpine"), /`apk add unixodbc`/);
    assert.match(text(error("dlopen(…/odbc.node, 0x0001): Library not loaded: /opt/homebrew/lib/libodbc.2.dylib"), "macos"), /`brew install unixodbc`/);
    assert.deepEqual(missingPackage(missing).details, { missing: "libodbc" });
  });

  it("without its binary asks npm to run the install script", () => {
    const missing = error("Cannot find module '/data/node_modules/odbc/lib/bindings/napi-v8/odbc.node'", "MODULE_NOT_FOUND");
    assert.match(text(missing), /`npm install-scripts approve odbc && npm rebuild odbc`/);
    assert.deepEqual(missingPackage(missing).details, { missing: "binary" });
  });

  it("with the binary of another C library asks to build it", () => {
    const missing = error("Error loading shared library ld-linux-x86-64.so.2: No such file or directory (needed by …/odbc.node)");
    assert.match(text(missing, "alpine"), /`apk add unixodbc-dev g\+\+ make python3`.*`npm rebuild odbc --build-from-source`/);
  });

  it("that is absent asks for the tools to build it and for itself", () => {
    const missing = missingPackage(error("Cannot find module 'odbc'", "MODULE_NOT_FOUND"), "debian");
    assert.equal(missing.code, "DRIVER_MISSING");
    assert.match(missing.message, /unixodbc-dev.*npm install odbc/);
    assert.deepEqual(missing.details, { missing: "package" });
  });

  it("that fails otherwise is told in its own words, on one line", () => {
    assert.equal(text(error("no luck\nat all")), "The npm package odbc does not load: no luck");
  });
});

describe("A missing driver", () => {
  it("is named, with the command that installs it where there is one", () => {
    assert.match(driverHint("PostgreSQL Unicode", "redhat"), /"PostgreSQL Unicode".*`sudo dnf install postgresql-odbc`/);
    assert.match(driverHint("MariaDB", "alpine"), /`apk add mariadb-connector-odbc`/);
    assert.match(driverHint("Oracle 23 ODBC driver", "debian"), /install the ODBC driver of the database$/);
  });
});

describe("The kind of machine", () => {
  for (const [release, system] of Object.entries<System>({
    "ID=debian\n": "debian",
    'NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n': "debian",
    'ID="rocky"\nID_LIKE="rhel centos fedora"\n': "redhat",
    "ID=fedora\n": "redhat",
    "ID=alpine\nVERSION_ID=3.22.0\n": "alpine",
    "ID=arch\n": "other",
    "": "other",
  })) {
    it(`is ${system} by ${JSON.stringify(release.split("\n").find((line) => line.startsWith("ID")) ?? "")}`, () => assert.equal(systemOf(release), system));
  }
});

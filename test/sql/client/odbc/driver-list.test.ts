import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { findDriver, findDrivers, findSource, parseIni, parseRegistry } from "../../../../nodes/sql/client/odbc/driver-list";

const DRIVERS = `
; drivers of a test
[ODBC]
Trace = No

[Plant Driver]
Description = a driver
Driver      = /usr/lib/libold.so
Driver64    = /usr/lib/libplant.so

[Twice]
Driver=first.so
`;
const SYSTEM = "[ODBC Data Sources]\nplant=Plant Driver\n[plant]\nDriver=Plant Driver\nServer = h ; not a comment\nMaxVarcharSize=10\n[both]\ndriver=of the system\n";
const USER = "[both]\r\nDriver=of the user\r\nPassword=hidden\r\n";

describe("The ODBC drivers and data sources of a machine", () => {
  const saved = { ...process.env };
  let folder: string;

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "surewire-odbc-"));
    writeFileSync(path.join(folder, "odbcinst.ini"), DRIVERS);
    writeFileSync(path.join(folder, "odbc.ini"), SYSTEM);
    writeFileSync(path.join(folder, "user.ini"), USER);
    Object.assign(process.env, { ODBCSYSINI: folder, ODBCINI: path.join(folder, "user.ini"), HOME: folder });
  });
  after(() => {
    for (const name of ["ODBCSYSINI", "ODBCINI", "HOME", "PATH"]) {
      if (saved[name] === undefined) delete process.env[name];
      else process.env[name] = saved[name];
    }
    rmSync(folder, { recursive: true });
  });

  for (const [how, without] of [["as unixODBC's own tool finds the files", false], ["from the files alone, where the tool is not installed", true]] as const) {
    it(`are listed ${how}`, async () => {
      process.env.PATH = without ? folder : saved.PATH;
      assert.deepEqual(await findDrivers(), { drivers: ["Plant Driver", "Twice"], sources: ["both", "plant"] });
    });
  }

  it("are found by name, in any case; the user's data sources come first", async () => {
    assert.deepEqual(await findDriver("plant driver"), { name: "Plant Driver", library: "/usr/lib/libplant.so" });
    assert.equal((await findSource("BOTH"))?.driver, "of the user");
    const plant = await findSource("plant");
    assert.equal(plant?.driver, "Plant Driver");
    assert.deepEqual([...(plant?.settings ?? [])], ["driver", "server", "maxvarcharsize"]);
    assert.equal(await findSource("nonesuch"), undefined);
  });

  it("are none where there are no files", async () => {
    process.env.ODBCSYSINI = path.join(folder, "nowhere");
    process.env.ODBCINI = path.join(folder, "nowhere.ini");
    assert.deepEqual(await findDrivers(), { drivers: [], sources: [] });
  });

  it("are listed without their secrets", () => {
    assert.equal(parseIni("no=section\n[a]\nKey = v=w\n#x=y\nkey=later\n").get("a")?.get("key"), "v=w");
  });

  it("are read from the registry on Windows", () => {
    const output = "\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\ODBC\\ODBCINST.INI\\ODBC Drivers\r\n    SQL Server    REG_SZ    Installed\r\n    ODBC Driver 18 for SQL Server    REG_SZ    Installed\r\n\r\n";
    assert.deepEqual([...parseRegistry(output)], [["SQL Server", "Installed"], ["ODBC Driver 18 for SQL Server", "Installed"]]);
  });
});

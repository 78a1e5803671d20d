import { stat } from "node:fs/promises";
import path from "node:path";
import { ConnectorError, isConnectorError } from "../../../common/errors";
import type { Backend, DatabaseConnection } from "./backend";
import { ConnectionString } from "../connection-string";
import { detectDialect, type Dialect, dialectNamed } from "../dialect";
import { findDriver, findDrivers, findSource } from "../odbc/driver-list";
import { OdbcBackend } from "../odbc/odbc-backend";
import { addPresets, dialectOfDriver, takesNoParameters } from "../presets";
import type { DialectName, OpenOptions } from "../protocol";
import { SqliteBackend } from "../sqlite/sqlite-backend";

/** How connections are opened. */
interface Target {
  backend: Backend;
  /** ODBC: the connection string. */
  string?: ConnectionString;
  /** ODBC: keys, in lower case, that the data source sets itself. */
  already?: ReadonlySet<string>;
}

/**
 * Opens connections and knows their dialect. Finds the driver of a data source and adds the settings that the driver needs. Where neither the settings
 * nor the driver tell the product, it asks the first connection. Errors of connecting say what to do.
 */
export class Connector {
  /** How many connects failed since the process started. Each leaks some 28 KB in the addon. */
  failures = 0;
  /** Name of the driver, or path of its library. Known with the first connection. */
  driver = "";
  private readonly first: Backend;
  private target: Promise<Target> | undefined;
  private speaking: Dialect | undefined;

  /**
   * @param stuck ends the process; called when a driver call hangs for good
   * @throws ConnectorError `DRIVER_MISSING`
   */
  constructor(
    private readonly options: OpenOptions,
    private readonly stuck: (reason: string) => void,
  ) {
    this.first = options.engine === "sqlite" ? new SqliteBackend(options) : new OdbcBackend(options, stuck);
  }

  /** The dialect; known with the first connection. */
  get dialect(): Dialect | undefined {
    return this.speaking;
  }

  /** @throws ConnectorError of scope `system` */
  async connect(purpose?: "read"): Promise<DatabaseConnection> {
    try {
      return await this.make(purpose);
    } catch (error) {
      throw ofAll(error);
    }
  }

  private async make(purpose: "read" | undefined): Promise<DatabaseConnection> {
    this.target ??= this.find();
    let connection = await this.open(purpose);
    try {
      if (!this.speaking) {
        const { backend } = await this.target;
        const name = backend.dialect ?? (await detectDialect(connection));
        if (!backend.dialect && (await this.settle(name))) {
          await connection.close(); // it was opened without the settings that were just added
          connection = await this.open(purpose);
        }
        this.speaking = dialectNamed(name);
      }
      const { setup, unicode, mostBytes } = this.speaking;
      const { string } = await this.target;
      if (unicode && string?.get("charset")?.toLowerCase() === "utf8mb4") await connection.query(unicode);
      for (const sql of setup) await connection.query(sql);
      if (mostBytes) connection.mostBytes = Number((await connection.query(mostBytes)).rows[0]?.["bytes"]);
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  private async open(purpose?: "read"): Promise<DatabaseConnection> {
    const { backend } = await (this.target ?? this.find());
    try {
      return await backend.connect(purpose);
    } catch (error) {
      this.failures += 1;
      throw await this.explained(error);
    }
  }

  private async find(): Promise<Target> {
    if (this.options.engine === "sqlite") {
      this.driver = "node:sqlite";
      return { backend: this.first };
    }
    const string = new ConnectionString(this.options.connectionString);
    const source = string.source === undefined ? undefined : await findSource(string.source);
    const name = string.driver ?? source?.driver ?? "";
    const library = (await findDriver(name))?.library ?? "";
    this.driver = name || library;
    if (takesNoParameters(`${name} ${library}`)) {
      throw new ConnectorError("NOT_CONFIGURED", "FreeTDS takes no parameters through ODBC: use Microsoft's ODBC Driver 18 for SQL Server");
    }
    const { dialect } = this.options;
    const known = dialect === "auto" ? (dialectOfDriver(name) ?? dialectOfDriver(library)) : dialect;
    const target: Target = { backend: this.first, string, ...(source ? { already: source.settings } : {}) };
    if (known) this.addPresets(target, known);
    target.backend = this.backendFor(string, known);
    return target;
  }

  /** Uses this dialect from now on. Resolves with whether that added settings to the connection string. */
  private async settle(name: DialectName): Promise<boolean> {
    const target = await this.target;
    if (!target?.string) return false;
    const added = this.addPresets(target, name);
    this.target = Promise.resolve({ ...target, backend: this.backendFor(target.string, name) });
    return added;
  }

  private addPresets({ string, already = new Set() }: Target, dialect: DialectName): boolean {
    return string !== undefined && addPresets(string, dialect, { already, loginTimeout: this.options.loginTimeout });
  }

  private backendFor(string: ConnectionString, dialect: DialectName | undefined): Backend {
    return new OdbcBackend({ ...this.options, connectionString: string.toString(), dialect: dialect ?? "auto" }, this.stuck);
  }

  /** Returns the file of a SQLite database, embedded or through ODBC; `undefined` for other products. */
  private async file(): Promise<string | undefined> {
    if (this.options.engine === "sqlite") return this.options.file;
    const target = await this.target;
    return target?.backend.dialect === "sqlite" ? target.string?.get("database") : undefined;
  }

  /** Adds to the error of a failed connect what helps to fix it: what is wrong with the file, or which drivers or data sources there are. */
  private async explained(error: unknown): Promise<unknown> {
    if (!isConnectorError(error)) return error;
    const { code, details } = error;
    const file = await this.file();
    if (file) return (await fileProblem(file)) ?? error;
    if (code === "DRIVER_MISSING") return new ConnectorError(code, `${error.message}. ${await list("drivers", "Installed drivers")}`, { details, cause: error });
    if (details["state"] === "IM002") return new ConnectorError(code, `${error.message}. ${await list("sources", "Data sources")}`, { details, cause: error });
    return error;
  }
}

/** Gives an error of connecting the scope `system`, since it concerns every request and is never the fault of a row. */
function ofAll(error: unknown): unknown {
  if (!isConnectorError(error) || error.scope === "system") return error;
  return new ConnectorError("DATABASE_UNAVAILABLE", error.message, { details: error.details, cause: error });
}

async function list(what: "drivers" | "sources", title: string): Promise<string> {
  const names = (await findDrivers())[what];
  return `${title} of this machine: ${names.length > 0 ? names.join(", ") : "none"}`;
}

/** Returns why SQLite cannot open a file, where the file system shows it. SQLite has the same message for all these cases. */
async function fileProblem(file: string): Promise<ConnectorError | undefined> {
  if (file === ":memory:") return undefined;
  const folder = path.dirname(file);
  const place = await stat(folder).catch(() => undefined);
  if (!place) return new ConnectorError("DATABASE_REFUSED", `The folder ${folder} does not exist: make it, for the database file is only made in a folder that is there`);
  if (!place.isDirectory()) return new ConnectorError("DATABASE_REFUSED", `${folder} is no folder`);
  if ((await stat(file).catch(() => undefined))?.isDirectory()) return new ConnectorError("DATABASE_REFUSED", `${file} is a folder: name a file in it`);
  return undefined;
}

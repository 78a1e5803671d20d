/**
 * Finds the ODBC drivers and data sources of this machine. unixODBC lists drivers in `odbcinst.ini` and data sources in `odbc.ini`; the
 * system and the user each have such files. On Windows both are in the registry.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import type { DriversFound } from "../protocol";

/** A configured data source. */
export interface DataSource {
  name: string;
  /** Name of its driver, or path of the driver's library. */
  driver: string;
  /** The keys it sets, in lower case. */
  settings: ReadonlySet<string>;
}

/** An installed driver. */
export interface Driver {
  name: string;
  /** Path of its library; empty when that is not known. */
  library: string;
}

/** A section of an ini file: values by keys in lower case. */
type Section = ReadonlyMap<string, string>;

interface Configuration {
  drivers: Driver[];
  sources: DataSource[];
}

const run = promisify(execFile);

/** ms that a tool may take which only prints what is configured. */
const TOOL_TIMEOUT = 3000;

/** Folders in which distributions and Homebrew keep the system's files. Debian, RHEL and Alpine use the first. */
const FOLDERS = ["/etc", "/usr/local/etc", "/opt/homebrew/etc", "/etc/unixODBC"];

/** Sections, in lower case, that are no driver or data source. */
const NO_NAMES = new Set(["odbc", "odbc drivers", "odbc data sources", "default"]);

/** Lists drivers and data sources. Never rejects: files that cannot be read count as empty. */
export async function findDrivers(): Promise<DriversFound> {
  const { drivers, sources } = await read();
  return { drivers: drivers.map(({ name }) => name), sources: sources.map(({ name }) => name) };
}

/** Finds the data source called `name`, which may differ in case. Never rejects. */
export async function findSource(name: string): Promise<DataSource | undefined> {
  return (await read()).sources.find((source) => same(source.name, name));
}

/** Finds the driver called `name`, which may differ in case. Never rejects. */
export async function findDriver(name: string): Promise<Driver | undefined> {
  return (await read()).drivers.find((driver) => same(driver.name, name));
}

/** Returns the sections of an ini file, in order. Sections with the same name are joined; of equal keys in one, the first counts. */
export function parseIni(text: string): Map<string, Section> {
  const sections = new Map<string, Map<string, string>>();
  let section: Map<string, string> | undefined;
  for (const line of text.split(/\r?\n/)) {
    const [, heading] = /^\s*\[([^\]]+)\]/.exec(line) ?? [];
    const [, key, value = ""] = /^\s*([^=;#[\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (heading !== undefined) {
      section = sections.get(heading.trim()) ?? new Map<string, string>();
      sections.set(heading.trim(), section);
    } else if (key !== undefined && section && !section.has(key.toLowerCase())) {
      section.set(key.toLowerCase(), value);
    }
  }
  return sections;
}

/** Returns the values under a key of the registry, as Windows' `reg query` prints them. */
export function parseRegistry(text: string): Map<string, string> {
  return new Map([...text.matchAll(/^ {4}(.+?) {4}REG_\w+ {4}(.*?)\r?$/gm)].map(([, name = "", value = ""]) => [name, value]));
}

async function read(): Promise<Configuration> {
  if (process.platform === "win32") return readRegistry();
  const { driverFiles, sourceFiles } = await files();
  const [driverSections, sourceSections] = await Promise.all([readIni(driverFiles), readIni(sourceFiles)]);
  return {
    drivers: driverSections.map(([name, section]) => ({ name, library: section.get("driver64") || section.get("driver") || "" })),
    sources: sourceSections.map(([name, section]) => ({ name, driver: section.get("driver") ?? "", settings: new Set(section.keys()) })),
  };
}

/** Returns the paths of the files, the user's first. Where the system's files are was decided when unixODBC was built; its tool `odbcinst` prints it, if installed. */
async function files(): Promise<{ driverFiles: string[]; sourceFiles: string[] }> {
  const { ODBCSYSINI, ODBCINI, ODBCINSTINI } = process.env;
  const home = (file: string): string => path.join(homedir(), file);
  const folders = ODBCSYSINI ? [ODBCSYSINI] : FOLDERS;
  const told = await run("odbcinst", ["-j"], { timeout: TOOL_TIMEOUT }).then(({ stdout }) => stdout, () => "");
  const [, drivers] = /^DRIVERS\.*: (.+)$/m.exec(told) ?? [];
  const [, sources] = /^SYSTEM DATA SOURCES\.*: (.+)$/m.exec(told) ?? [];
  return {
    driverFiles: [home(".odbcinst.ini"), ...(drivers ? [drivers] : folders.map((folder) => path.join(folder, ODBCINSTINI || "odbcinst.ini")))],
    sourceFiles: [ODBCINI || home(".odbc.ini"), ...(sources ? [sources] : folders.map((folder) => path.join(folder, "odbc.ini")))],
  };
}

/** Returns the sections of all these files; of two with the same name, in any case, the first counts. */
async function readIni(names: readonly string[]): Promise<[name: string, section: Section][]> {
  const texts = await Promise.all(names.map((name) => readFile(name, "utf8").catch(() => "")));
  const found = texts.flatMap((text) => [...parseIni(text)]).filter(([name]) => !NO_NAMES.has(name.toLowerCase()));
  return found.filter(([name], index) => found.findIndex(([other]) => same(other, name)) === index);
}

async function readRegistry(): Promise<Configuration> {
  const query = async (key: string): Promise<[string, string][]> => {
    const output = await run("reg", ["query", key], { timeout: TOOL_TIMEOUT }).then(({ stdout }) => stdout, () => "");
    return [...parseRegistry(output)];
  };
  const sources = await Promise.all(["HKCU", "HKLM"].map((hive) => query(`${hive}\\SOFTWARE\\ODBC\\ODBC.INI\\ODBC Data Sources`)));
  return {
    drivers: (await query("HKLM\\SOFTWARE\\ODBC\\ODBCINST.INI\\ODBC Drivers")).map(([name]) => ({ name, library: "" })),
    sources: sources.flat().map(([name, driver]) => ({ name, driver, settings: new Set<string>() })),
  };
}

function same(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

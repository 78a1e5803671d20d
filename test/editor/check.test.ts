import assert from "node:assert/strict";
import { formDefaults, formErrors } from "../services/form-defaults";

const FORM = "nodes/amqp/in/in.html";
const prefetchOf = (prefetch: string): string[] =>
  formErrors({ ...formDefaults("surewire-amqp-in", FORM), type: "surewire-amqp-in", broker: "broker", queue: "q", prefetch }, FORM).filter((error) => error.startsWith("prefetch"));

describe("a field that refers to the environment", () => {
  it("may name any variable that Node-RED puts a value in the place of, those of groups and subflows with dots and dashes too", () => {
    for (const reference of ["${PREFETCH}", "$(PREFETCH)", "${in.prefetch}", "${in-prefetch}", "${größe}"]) assert.deepEqual(prefetchOf(reference), [], reference);
  });

  it("consists only of the reference", () => {
    for (const text of ["${A}${B}", "1${A}", "${}", "${A B}", "$A"]) assert.equal(prefetchOf(text).length, 1, text);
  });

  it("says so of an address or a connection string of which it is a part", () => {
    const problems = (family: string, node: string, settings: object): string => {
      const form = `nodes/${family}/${node}/${node}.html`;
      const type = `surewire-${family}-${node}`;
      return formErrors({ ...formDefaults(type, form), type, ...settings }, form).join();
    };
    assert.match(problems("amqp", "broker", { urls: ["amqp://${RABBIT}:5672"] }), /reason\.list-row/);
    assert.match(problems("salesforce", "org", { loginUrl: "https://${ORG}.my.salesforce.com" }), /reason\.variable/);
    assert.match(problems("sql", "database", { connectionString: "Driver={PostgreSQL Unicode};Server=${HOST}" }), /reason\.variable/);
    assert.doesNotMatch(problems("amqp", "broker", { urls: ["${RABBIT}"] }), /urls/);
  });
});

import assert from "node:assert/strict";
import { formDefaults, formErrors } from "../services/form-defaults";

const FORM = "nodes/amqp/in/in.html";
const prefetchOf = (prefetch: string): string[] =>
  formErrors({ ...formDefaults("surewire-amqp-in", FORM), type: "surewire-amqp-in", broker: "broker", queue: "q", prefetch }, FORM).filter((error) => error.startsWith("prefetch"));

describe("a field that refers to the environment", () => {
  it("may name any variable that Node-RED puts a value in the place of, those of groups and subflows with dots and dashes too", () => {
    for (const reference of ["${PREFETCH}", "$(PREFETCH)", "${in.prefetch}", "${in-prefetch}", "${größe}"]) assert.deepEqual(prefetchOf(reference), [], reference);
  });

  it("is nothing but the reference", () => {
    for (const text of ["${A}${B}", "1${A}", "${}", "${A B}", "$A"]) assert.equal(prefetchOf(text).length, 1, text);
  });
});

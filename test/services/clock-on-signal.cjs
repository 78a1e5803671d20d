// Loaded into a Node-RED under test by NODE_OPTIONS. Moves its clock by as many ms as the file `clock` next to its user directory says, at the start and on SIGURG, which Node-RED does not use.
const fs = require("node:fs");
const path = require("node:path");

const directory = process.argv[process.argv.indexOf("-u") + 1];
const Real = Date;
let ahead = 0;
const now = () => Real.now() + ahead;
const set = () => {
  try {
    ahead = Number(fs.readFileSync(path.join(directory, "../clock"), "utf8"));
  } catch {
    ahead = 0; // there is no such file
  }
};
if (process.argv.includes("-u")) {
  globalThis.Date = new Proxy(Real, {
    construct: (target, given, newTarget) => Reflect.construct(target, given.length > 0 ? given : [now()], newTarget),
    apply: () => new Real(now()).toString(),
    get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
  });
  set();
  process.on("SIGURG", set);
}

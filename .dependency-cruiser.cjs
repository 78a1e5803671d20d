/** The arrows of the house: who may import whom. `npm run lint` checks them. */
const FAMILY = "amqp|salesforce|sql";
/** nodes/<family>/<node>/<node>.ts: the files that Node-RED loads. */
const NODE_FILE = `^nodes/(delivery/settle/settle|(${FAMILY})/([^/]+)/\\3)\\.ts$`;

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: "no-family-to-family",
      comment: "amqp, salesforce and sql never import each other: what both need belongs in delivery, common or format.",
      severity: "error",
      from: { path: `^nodes/(${FAMILY})/` },
      to: { path: `^nodes/(${FAMILY})/`, pathNot: "^nodes/$1/" },
    },
    {
      name: "no-ground-to-family",
      comment: "delivery, common and format stand below the families.",
      severity: "error",
      from: { path: "^nodes/(delivery|common|format|editor)/" },
      to: { path: `^nodes/(${FAMILY})/` },
    },
    {
      name: "no-ground-to-delivery",
      comment: "common and format know nothing of deliveries.",
      severity: "error",
      from: { path: "^nodes/(common|format)/" },
      to: { path: "^nodes/delivery/" },
    },
    {
      name: "no-client-to-node",
      comment: "client/ is the protocol without Node-RED in sight: it imports no node's folder.",
      severity: "error",
      from: { path: `^nodes/(${FAMILY})/client/` },
      to: { path: `^nodes/(${FAMILY})/(?!client/)` },
    },
    {
      name: "node-red-only-in-node-files",
      comment: "Only the files that Node-RED loads may know it, types included.",
      severity: "error",
      from: { path: "^nodes/", pathNot: NODE_FILE },
      to: { path: "(^|/)node_modules/(@types/)?(@node-red|node-red)(/|$)|^@?node-red" },
    },
    {
      name: "no-node-to-node",
      comment: "A node file is loaded by Node-RED; others talk to it through RED.nodes.getNode and its types only.",
      severity: "error",
      from: { path: "^nodes/" },
      to: { path: NODE_FILE, dependencyTypesNot: ["type-only"] },
    },
    {
      name: "no-emulator-in-nodes",
      comment: "The pack is shipped without its emulator and tests; the emulator knows nothing of the pack.",
      severity: "error",
      from: { path: "^(nodes|cli)/" },
      to: { path: "^(emulator|test|bench|demo)/" },
    },
    {
      name: "no-nodes-in-cli",
      comment: "The command and the nodes are compiled apart, and have nothing in common but the flows that the one writes and the others read.",
      severity: "error",
      from: { path: "^(nodes|cli)/" },
      to: { path: "^(nodes|cli)/", pathNot: "^$1/" },
    },
    {
      name: "no-nodes-in-emulator",
      comment: "An emulator that shares code with what it checks would share its mistakes.",
      severity: "error",
      from: { path: "^emulator/src/" },
      to: { path: "^(nodes|test|bench|demo)/" },
    },
    {
      name: "no-circular",
      comment: "Files that import each other are one thing in two files.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "no-undeclared",
      comment: "What the pack imports has to be in its package.json, or it is missing after an install from the palette.",
      severity: "error",
      from: { path: "^(nodes|cli)/" },
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown", "unknown", "undetermined"] },
    },
    {
      name: "no-dev-dependency-at-run-time",
      comment: "devDependencies are not installed with the pack; their types alone are gone after the build.",
      severity: "error",
      from: { path: "^(nodes|cli|emulator/src)/" },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    combinedDependencies: false,
    // packages that say by `exports` what may be imported of them, such as csv-parse/sync
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["types", "require", "node", "default"] },
    cache: { folder: ".cache/dependency-cruiser", strategy: "content" },
  },
};

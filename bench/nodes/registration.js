// Loaded by the Node-RED runtime of a benchmark; runs in its process, so that both share the delivery core.
module.exports = require("./bench-nodes.ts").register;

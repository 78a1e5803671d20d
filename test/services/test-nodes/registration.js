// Loaded by the Node-RED runtime of the tests; runs in their process, so that both share the delivery core.
module.exports = require("./test-nodes.ts").register;

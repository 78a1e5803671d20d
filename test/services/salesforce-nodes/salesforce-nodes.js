// The Salesforce nodes for the Node-RED runtime of the tests; they run in its process, so that both share the delivery core.
module.exports = (RED) => {
  for (const node of ["org", "case", "query", "publish", "record", "request", "bulk", "listen", "route"]) require(`../../../nodes/salesforce/${node}/${node}.ts`)(RED);
};

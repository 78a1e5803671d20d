// The SQL nodes for the Node-RED runtime of the tests; they run in its process, so that both share the delivery core.
module.exports = (RED) => {
  for (const node of ["database", "read", "write"]) require(`../../../nodes/sql/${node}/${node}.ts`)(RED);
};

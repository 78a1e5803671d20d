// The AMQP nodes for the Node-RED runtime of the tests; they run in its process, so that both share the delivery core.
module.exports = (RED) => {
  for (const node of ["broker", "in", "get", "out", "redrive"]) require(`../../../nodes/amqp/${node}/${node}.ts`)(RED);
};

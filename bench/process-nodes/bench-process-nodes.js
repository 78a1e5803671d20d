// Loaded by a Node-RED in a process of its own. Each node ends its run with a line "bench {seconds}" in the log.
const { connect } = require("amqplib");

module.exports = (RED) => {
  /** Sends `count` messages, `window` at most on their way; what is behind it wires them back to it when it has done with them. */
  function Pump(config) {
    RED.nodes.createNode(this, config);
    let sent = 0;
    let back = -1; // the first only shows that the way is open
    let began;
    const next = () => {
      sent += 1;
      this.send({ payload: message(sent) });
    };
    const start = () => next();
    RED.events.once("flows:started", start);
    this.on("close", () => RED.events.removeListener("flows:started", start));
    this.on("input", (_msg, _send, done) => {
      back += 1;
      if (back === 0) {
        sent = 0;
        began = performance.now();
        while (sent < config.window && sent < config.count) next();
      } else if (back === config.count) this.log(`bench ${(performance.now() - began) / 1000}`);
      else if (sent < config.count) next();
      done();
    });
  }

  /** Consumes a queue as a node does that thinks of nothing: acknowledges what it has sent on. */
  function AtOnce(config) {
    RED.nodes.createNode(this, config);
    const connecting = (async () => {
      const connection = await connect(config.url);
      const channel = await connection.createChannel();
      await channel.prefetch(config.prefetch);
      await channel.consume(config.queue, (taken) => {
        this.send({ payload: JSON.parse(taken.content), topic: taken.fields.routingKey });
        channel.ack(taken);
      });
      return connection;
    })();
    connecting.catch((error) => this.error(error));
    this.on("close", (done) => void connecting.then((connection) => connection.close()).then(done, done));
  }

  /** Tells how long `count` messages took, from the first to the last, or from the start of the flows. */
  function Tally(config) {
    RED.nodes.createNode(this, config);
    let count = 0;
    let began;
    const start = () => (began = performance.now());
    if (config.fromStart) RED.events.once("flows:started", start);
    this.on("close", () => RED.events.removeListener("flows:started", start));
    this.on("input", (_msg, _send, done) => {
      began ??= performance.now();
      count += 1;
      if (count === config.count) this.log(`bench ${(performance.now() - began) / 1000}`);
      done();
    });
  }

  RED.nodes.registerType("bench-pump", Pump);
  RED.nodes.registerType("bench-at-once", AtOnce);
  RED.nodes.registerType("bench-tally", Tally);
};

/** 300 bytes of JSON. */
function message(value) {
  const bare = { id: `m${value}`, value, text: "" };
  return { ...bare, text: "x".repeat(300 - JSON.stringify(bare).length) };
}

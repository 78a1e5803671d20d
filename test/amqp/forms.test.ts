import assert from "node:assert/strict";
import { formDefaults, formErrors } from "../services/form-defaults";

describe("the forms of the AMQP nodes", () => {
  for (const node of ["in", "get"]) {
    const type = `surewire-amqp-${node}`;
    const file = `nodes/amqp/${node}/${node}.html`;
    const errors = (more: object): string[] => formErrors({ ...formDefaults(type, file), type, broker: "broker", queue: "orders", ...more }, file);

    it(`mark a dead-letter queue of amqp ${node} that is the queue itself`, () => {
      for (const deadLetterQueue of [" orders ", "orders"]) assert.match(errors({ deadLetterQueue }).join(), /^deadLetterQueue: .*reason\.deadLetterQueue$/);
      assert.match(errors({ queue: " orders", deadLetterQueue: "orders" }).join(), /deadLetterQueue/);
      for (const deadLetterQueue of ["", undefined, "orders.dlq", "${DEAD}"]) assert.deepEqual(errors({ deadLetterQueue }), []);
    });
  }

  const errors = (more: object): string[] => formErrors({ ...formDefaults("surewire-amqp-in", "nodes/amqp/in/in.html"), type: "surewire-amqp-in", broker: "broker", queue: "orders", ...more }, "nodes/amqp/in/in.html");

  it("take any dead-letter queue for a temporary queue, whose name is another one each time", () => {
    assert.deepEqual(errors({ declare: "temporary", bindings: [{ exchange: "events", exchangeType: "topic" }], deadLetterQueue: "orders" }), []);
  });

  it("mark an address of a broker that names another virtual host than the form does, which is the one that is taken", () => {
    const file = "nodes/amqp/broker/broker.html";
    const broker = (url: string, vhost = "/"): string =>
      formErrors({ ...formDefaults("surewire-amqp-broker", file), type: "surewire-amqp-broker", urls: ["amqp://first", url], vhost }, file).join();
    assert.match(broker("amqp://host:5672/plant"), /^urls: /);
    assert.match(broker("amqp://host/%2F", "plant"), /^urls: /);
    for (const url of ["amqp://host", "amqp://host/", "amqp://host/%2f", "${BROKER}"]) assert.equal(broker(url), "", url);
    for (const vhost of ["a b", "${VHOST}"]) assert.equal(broker("amqps://host/a%20b", vhost), "", vhost);
  });

  it("mark an address of a broker that comes with settings, which are not used", () => {
    const file = "nodes/amqp/broker/broker.html";
    for (const url of ["amqp://host?heartbeat=30", "amqps://host/plant?verify=verify_none"]) {
      const saved = { ...formDefaults("surewire-amqp-broker", file), type: "surewire-amqp-broker", urls: [url], vhost: "plant" };
      assert.match(formErrors(saved, file).join(), /^urls: /, url);
    }
  });

  it("mark an exchange without a name that messages are to be sent to, and take it for a queue in flows that are older than that choice", () => {
    const file = "nodes/amqp/out/out.html";
    const out = (more: object): string[] => formErrors({ ...formDefaults("surewire-amqp-out", file), type: "surewire-amqp-out", broker: "broker", routingKey: "orders", ...more }, file);
    assert.match(out({ destination: "exchange" }).join(), /^exchange: /);
    assert.deepEqual(out({ destination: "exchange", exchange: "plant", routingKey: "" }), []);
    assert.deepEqual(out({ destination: undefined }), []);
    for (const destination of ["queue", undefined]) assert.match(out({ destination, routingKey: "" }).join(), /^routingKey: /);
    assert.deepEqual(out({ destination: undefined, exchange: "plant", routingKey: "" }), []);
  });

  it("mark a binding whose exchange has lost its type", () => {
    assert.match(errors({ bindings: [{ exchange: "events", exchangeType: " " }] }).join(), /^bindings: /);
    assert.deepEqual(errors({ bindings: [{ exchange: "events" }, { exchange: "others", exchangeType: "x-delayed-message" }] }), []);
  });
});

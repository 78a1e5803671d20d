import assert from "node:assert/strict";
import { connectionName } from "../../../../nodes/amqp/client/connection/connection-name";

describe("the name of a broker's connections", () => {
  const nodes = [
    { id: "t2", label: "Packing" },
    { id: "t1", label: "Line 1" },
    { id: "s1", name: "Retry later" },
    { id: "t3", label: "Elsewhere" },
    { id: "a", z: "t1", broker: "b" },
    { id: "b2", z: "t1", broker: "b" },
    { id: "c", z: "t2", broker: "b" },
    { id: "d", z: "s1", broker: "b" },
    { id: "e", z: "t3", broker: "another" },
  ];

  it("is the node's and the tabs' that use it, each once", () => {
    assert.equal(connectionName("b", "plant", nodes), "node-red plant: Line 1, Packing, Retry later");
  });

  it("is the id where there is no name, alone where nothing uses it", () => {
    assert.equal(connectionName("c", "", nodes), "node-red c");
  });

  it("is cut when it is long", () => {
    const name = connectionName("b", "x".repeat(200), nodes);
    assert.equal(name.length, 120);
    assert.ok(name.endsWith("…"));
  });
});

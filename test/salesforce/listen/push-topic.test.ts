import assert from "node:assert/strict";
import { waitFor } from "../../services/wait";
import { ListenSuite } from "./listen-flow";

describe("salesforce listen with a PushTopic of its own", function () {
  this.timeout(60_000);
  const suite = new ListenSuite();
  const { flow } = suite;
  const topic = { declareTopic: true, topicQuery: "SELECT Id, Subject FROM Case WHERE Origin = 'Web'", topicOperations: ["create"], topicFields: "All", channel: "/topic/WebCases" };
  const insert = (...records: Record<string, unknown>[]): string[] => suite.org.control.insert({ object: "Case", records }).ids;

  it("creates it, and receives the records that match it and its filter", async () => {
    await suite.deploy(suite.fresh({ ...topic, channel: "/topic/WebCases?Subject='hot'" }));
    await flow.shows(/^\/topic\/WebCases/);
    const ids = insert(...["hot", "cold"].flatMap((Subject) => ["Web", "Phone"].map((Origin) => ({ Subject, Origin }))));
    insert({ Subject: "hot", Origin: "Web" });
    const [first] = await flow.has(2);
    assert.deepEqual([first?.msg.payload, first?.msg.topic, first?.msg.salesforce.type, suite.org.records("PushTopic").length], [{ Id: ids[0], Subject: "hot" }, "/topic/WebCases", "created", 1]);
  });

  it("changes the existing one to what its form says now, goes on where it was, and receives its events", async () => {
    const listener = suite.fresh(topic);
    await suite.deploy(listener);
    await flow.shows(/^\/topic\/WebCases/);
    const [id = ""] = insert({ Subject: "hot", Origin: "Web" });
    await flow.has(1);
    flow.release();
    await flow.shows(/WebCases$/);
    await flow.clear();
    insert({ Subject: "meanwhile", Origin: "Web" });
    await suite.deploy({ ...listener, topicQuery: "SELECT Id, Subject, Priority\nFROM Case", topicOperations: ["update", "delete"] });
    const [missed] = await flow.has(1);
    assert.equal(missed?.msg.payload.Subject, "meanwhile");
    const [declared, ...others] = suite.org.records("PushTopic");
    assert.deepEqual([declared?.Query, declared?.NotifyForOperationCreate, declared?.NotifyForOperationDelete, others], ["SELECT Id, Subject, Priority FROM Case", false, true, []]);
    insert({ Subject: "not told", Origin: "Web" });
    await suite.client.rest.request({ method: "PATCH", path: `/sobjects/Case/${id}`, body: { Priority: "High" } });
    await suite.client.rest.request({ method: "DELETE", path: `/sobjects/Case/${id}` });
    await flow.has(3);
    assert.deepEqual(flow.held.slice(1).map(({ msg }) => [msg.salesforce.type, msg.payload]), [["updated", { Id: id, Subject: "hot", Priority: "High" }], ["deleted", { Id: id }]]);
  });

  it("creates it again when somebody has deleted it", async () => {
    await suite.deploy(suite.fresh(topic));
    await flow.shows(/^\/topic\/WebCases/);
    insert({ Subject: "before", Origin: "Web" });
    await flow.has(1);
    const [made] = suite.org.records("PushTopic");
    await suite.client.rest.request({ method: "DELETE", path: `/sobjects/PushTopic/${String(made?.Id)}` });
    suite.org.control.dropStreams({});
    await waitFor("another one", () => suite.org.records("PushTopic").length === 1);
  });

  it("reports why the org refuses it", async () => {
    await suite.deploy(suite.fresh({ ...topic, channel: "/topic/Odd", topicQuery: "SELECT Id, No_Field__c FROM Case" }));
    await flow.shows(/The org refuses the PushTopic Odd/);
    assert.equal(flow.status().fill, "red");
  });

  it("reports that no kind of change is ticked", async () => {
    await suite.deploy(suite.fresh({ ...topic, topicOperations: [] }));
    await flow.shows(/The PushTopic needs something to tell of/);
    assert.deepEqual([flow.status().fill, suite.org.records("PushTopic")], ["red", []]);
  });
});

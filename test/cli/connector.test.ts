import assert from "node:assert/strict";
import type { FlowNode } from "../../cli/import/flow";
import { formErrors } from "../services/form-defaults";
import { imported, type Result } from "./support";

interface Division {
  name: string;
  whenType: string;
  when: string;
  property: string;
  org: string;
  owner: string;
  recordType: string;
  defaults: { field: string; value: string; valueType: string }[];
}

const named = ({ flow }: Result, name: string): FlowNode => {
  const found = flow.filter((node) => node.name === name);
  assert.equal(found.length, 1, `${found.length} nodes called ${name}`);
  return found[0]!;
};
const divisions = (node: FlowNode): Division[] => node.divisions as Division[];
const rows = (list: unknown): unknown[] => (list as Division["defaults"]).map(({ field, value, valueType }) => [field, value, valueType]);
const field = (node: FlowNode, name: string): unknown => (node.mapping as Division["defaults"]).find((row) => row.field === name)?.value;
const orgName = ({ flow }: Result, id: unknown): unknown => flow.find((node) => node.id === id)?.name;

describe("surewire-import makes of a device connector", () => {
  describe("with a queue for each division (connector-queues.json)", () => {
    const result = imported("connector-queues.json");

    it("a wire from each queue to a salesforce case, and one place for all that fails", () => {
      assert.equal(result.the("tab").label, "Acme devices");
      for (const [queue, name] of [["north", "North"], ["south", "South"], ["east", "East"]] as const) {
        const source = named(result, queue);
        assert.deepEqual([source.type, source.queue, source.prefetch], ["surewire-amqp-in", queue, 50]);
        assert.deepEqual(result.after(source), [`open a case for ${name}`]);
        assert.deepEqual(result.after(named(result, `open a case for ${name}`)), ["cases"]);
      }
      assert.equal((result.the("catch").scope as string[]).length, 6);
      assert.deepEqual(result.after(result.the("catch")), ["failed"]);
    });

    it("bindings to the exchanges, each routing key by itself", () => {
      assert.deepEqual(named(result, "north").bindings, [{ exchange: "devices.north", exchangeType: "topic", routingKey: "alarm.#" }]);
      assert.deepEqual(named(result, "south").bindings, ["alarm.hot", "alarm.wet"].map((routingKey) => ({ exchange: "devices.south", exchangeType: "topic", routingKey })));
      assert.deepEqual(named(result, "east").bindings, [{ exchange: "devices.east", exchangeType: "fanout", routingKey: "" }]);
    });

    it("a division that takes all of its queue, with its default attributes", () => {
      const [north, ...others] = divisions(named(result, "open a case for North"));
      assert.equal(others.length, 0);
      assert.deepEqual({ ...north, defaults: rows(north?.defaults) }, {
        name: "North", whenType: "topic", when: "", property: "", org: "", owner: "", recordType: "",
        defaults: [["Origin", "Device", "str"], ["Priority", "High", "str"], ["Subject", "Alarm of {{payload.device.name}}", "template"], ["Reason", "null", "json"], ["Site__c", "N-1", "str"]],
      });
      assert.deepEqual(rows(divisions(named(result, "open a case for South"))[0]?.defaults), [
        ["Origin", "Device", "str"], ["SuppliedName", "payload.device.name", "msg"], ["Severity__c", "3", "num"], ["Urgent__c", "true", "bool"],
      ]);
    });

    it("fields by their own names where no mapping says more, the ones of the default attributes among them", () => {
      const node = named(result, "open a case for East");
      for (const name of ["Subject", "Description", "Site__c", "Severity__c"]) assert.equal(field(node, name), `payload.${name}`);
    });

    it("an org for each user, who signs in as the file did, with secrets from the environment", () => {
      const orgs = result.flow.filter(({ type }) => type === "surewire-salesforce-org");
      assert.deepEqual(orgs.map(({ name, loginUrl, flow }) => [name, loginUrl, flow]), [
        ["org of North", "https://acme.my.salesforce.com", "password"],
        ["org of South", "https://acme.my.salesforce.com", "password"],
      ]);
      assert.deepEqual(orgs.map(({ credentials }) => credentials), [
        { clientId: "3MVG9-acme", username: "north@acme.example", clientSecret: "${SUREWIRE_ORG_CLIENT_SECRET}", password: "${SUREWIRE_NORTH_PASSWORD}", securityToken: "${SUREWIRE_NORTH_SECURITY_TOKEN}" },
        { clientId: "3MVG9-acme", username: "south@acme.example", clientSecret: "${SUREWIRE_ORG_CLIENT_SECRET}", password: "${SOUTH_SECRET}" },
      ]);
      assert.deepEqual(["North", "South", "East"].map((name) => orgName(result, named(result, `open a case for ${name}`).org)), ["org of North", "org of South", "org of North"]);
      assert.equal(result.said("SUREWIRE_ORG_CLIENT_SECRET").length, 1);
      assert.match(result.said("SUREWIRE_NORTH_PASSWORD").join(), /password for North, which stands at divisions\[0\]\.user\.password/);
      assert.match(result.report, /sign-in by password is blocked in newer orgs/);
    });

    it("the broker of the tenant", () => {
      const broker = result.the("surewire-amqp-broker");
      assert.deepEqual([broker.urls, broker.vhost, broker.credentials], [["amqps://mq.acme.example:5671"], "devices", { username: "connector", password: "${SUREWIRE_BROKER_PASSWORD}" }]);
    });

    it("a word about messages that come twice", () => assert.match(result.report, /a message that comes twice makes two cases/));
  });

  describe("with divisions that share a queue (connector-shared-queue.json)", () => {
    const result = imported("connector-shared-queue.json");
    const node = result.the("surewire-salesforce-case");

    it("one line, and a condition for each routing key", () => {
      const source = result.the("surewire-amqp-in");
      assert.deepEqual([source.queue, source.retries, source.deadLetterQueue, source.format], ["cases", 3, "cases.failed", "json"]);
      assert.deepEqual((source.bindings as { routingKey: string }[]).map(({ routingKey }) => routingKey), ["pump.*", "door.#", "gate.#"]);
      assert.deepEqual(divisions(node).map(({ name, whenType, when, org }) => [name, whenType, when, org]), [
        ["pumps", "topic", "pump.*", ""], ["doors", "topic", "door.#", ""], ["doors", "topic", "gate.#", ""],
      ]);
      assert.deepEqual([divisions(node)[0]?.owner, divisions(node)[0]?.recordType], ["Pump crew", "Alarm"]);
    });

    it("a mapping in each division where they differ, a message's value before a fixed one", () => {
      assert.deepEqual(node.mapping, []);
      assert.deepEqual(rows(node.defaults), [["Origin", "Device", "str"], ["Priority", "Low", "str"]]);
      const mapped = [["Subject", "payload.event.title", "msg"], ["Description", "payload.event.text", "msg"], ["Status", "brand new", "str"], ["SuppliedName", "{{payload.device}} in {{payload.place}}", "template"]];
      assert.deepEqual(rows(divisions(node)[0]?.defaults), [["Origin", "Device", "str"], ["Priority", "High", "str"], ...mapped]);
      assert.deepEqual(rows(divisions(node)[1]?.defaults), [
        ["Origin", "Device", "str"], ["Priority", '$exists(payload.event.priority) ? payload.event.priority : "Low"', "jsonata"], ...mapped,
      ]);
    });

    it("an upsert by the external id, and what else the file says", () => {
      assert.deepEqual([node.externalIdField, node.externalId, node.assignment, node.batchSize], ["Device_Event_Id__c", "payload.event.id", "off", 200]);
    });

    it("one org, which signs in by JWT with the key of the environment", () => {
      const org = result.the("surewire-salesforce-org");
      assert.deepEqual([org.name, org.loginUrl, org.flow, org.apiVersion], ["org", "https://test.salesforce.com", "jwt-bearer", "62.0"]);
      assert.deepEqual(org.credentials, { clientId: "3MVG9-shared", username: "devices@shared.example", privateKey: "${SUREWIRE_ORG_PRIVATE_KEY}" });
    });
  });

  it("a division told by its exchange, where those of a queue differ", () => {
    const result = imported({ tenant: {}, divisions: { a: { queue: "q", exchange: "one", key: "#" }, b: { queue: "q", exchange: "two" } } });
    assert.deepEqual(divisions(result.the("surewire-salesforce-case")).map(({ whenType, property, when }) => [whenType, property, when]), [["property", "amqp.exchange", "one"], ["property", "amqp.exchange", "two"]]);
  });

  it("a sign-in by what the file contains: only the app, a user without password, or a user without app", () => {
    const org = (login: object): [unknown, unknown, string] => {
      const result = imported({ tenant: login, divisions: [{ queue: "q" }] });
      const { flow, keyFile } = result.the("surewire-salesforce-org");
      return [flow, keyFile, result.report];
    };
    assert.equal(org({ clientId: "a", clientSecret: "b" })[0], "client-credentials");
    assert.match(org({ clientId: "a", clientSecret: "b" })[2], /client credentials need the My Domain address/);
    assert.match(org({ clientId: "a", user: "c" })[2], /neither password nor key/);
    assert.equal(org({ clientId: "a", user: "c" })[0], "jwt-bearer");
    assert.equal(org({ user: "c", password: "d" })[0], "soap-login");
    assert.equal(org({ clientId: "a", clientSecret: "b", user: "c", password: "d", grantType: "client_credentials" })[0], "client-credentials");
  });

  describe("with faults (connector-bad.json)", () => {
    const result = imported("connector-bad.json");

    it("a flow of what can be used, and a list of what cannot", () => {
      assert.equal(({} as { polluted?: boolean }).polluted, undefined);
      const said: [string, RegExp][] = [
        ["tenant.clientSecret.nested", /^unknown/], ["tenant.sparkle", /^unknown/], ["tenant.passwrod", /is org.password meant/], ["tenant.accessToken", /signs in by itself/], ["tenant.loginUrl", /https address/],
        ["tenant.grantType", /is expected/], ["tenant.apiVersion", /retired/], ["tenant.proxy", /HTTPS_PROXY/], ["tenant.amqp.protocol", /only AMQP 0-9-1/], ["tenant.amqp.heartbeat", /a time is expected/],
        ["tenant.format", /json, xml or text/], ["tenant.object", /only cases/], ["tenant.assignmentRule", /id of a rule/], ["divisions", /A is the name of more than one/],
      ];
      for (const [path, words] of said) assert.match(result.said(path).join("; "), words, path);
      assert.match(result.report, /nowhere has neither queue nor exchange/);
      assert.match(result.report, /made names no queue: made\.made is made/);
      assert.match(result.report, /A has the same as another division of its queue/);
      assert.match(result.report, /C shares its queue and has no routing key/);
      const shared = result.flow.find((node) => node.type === "surewire-salesforce-case" && divisions(node).length > 1);
      assert.deepEqual(divisions(shared!).map(({ name, when }) => [name, when]), [["A", "a"], ["A", "a"], ["C", ""]]);
    });

    it("only fields that can be ones", () => {
      const shared = result.flow.find((node) => node.type === "surewire-salesforce-case" && divisions(node).length > 1);
      assert.deepEqual(rows(divisions(shared!)[0]?.defaults).slice(0, 2), [["Account", '{"Ext__c":"7"}', "json"], ["Priority", "High", "str"]]);
      assert.match(result.said("divisions[1].attributes").join(), /List; left out/);
    });
  });

  it("nodes whose forms find nothing wrong, but for what the file does not say", () => {
    const forms: Record<string, string> = {
      "surewire-amqp-broker": "nodes/amqp/broker/broker.html",
      "surewire-amqp-in": "nodes/amqp/in/in.html",
      "surewire-salesforce-case": "nodes/salesforce/case/case.html",
      "surewire-salesforce-org": "nodes/salesforce/org/org.html",
    };
    const errors = (file: string): string[] => imported(file).flow.filter(({ type }) => type in forms).flatMap((node) => formErrors(node, forms[node.type]!).map((error) => `${node.type} ${error.split(":")[0]}`));
    assert.deepEqual(errors("connector-queues.json"), []);
    assert.deepEqual(errors("connector-shared-queue.json"), []);
    assert.deepEqual(errors("connector-bad.json"), ["surewire-amqp-in queue", "surewire-salesforce-org loginUrl"]);
  });

  it("nothing, where there is no division", () => {
    for (const divided of [[], {}, null]) assert.throws(() => imported({ tenant: {}, divisions: divided }), /section divisions is empty/);
  });

  it("nothing of a bridge that has sites, too", () => {
    const { flow } = imported({ database: { driver: "sqlite", file: "a.db", table: "t" }, broker: { host: "mq", source: { queue: "q" } }, sites: ["north"] });
    assert.ok(flow.some(({ type }) => type === "surewire-sql-write"));
  });

  it("the same whether divisions stand beside the tenant or within it", () => {
    const division = [{ name: "a", queue: "q", user: "u" }];
    const [beside, within] = [imported({ tenant: { clientId: "c" }, divisions: division }), imported({ tenant: { clientId: "c", divisions: division } })];
    assert.deepEqual(within.flow, beside.flow);
  });
});

import assert from "node:assert/strict";
import type { Emulator } from "../../../../emulator/src/index";
import { ConnectorError } from "../../../../nodes/common/errors";
import { CaseExtras } from "../../../../nodes/salesforce/client/cases/case-extras";
import type { CaseItem, CaseWork } from "../../../../nodes/salesforce/client/cases/case-item";
import { callError } from "../../../../nodes/salesforce/client/errors";
import { SelectIn } from "../../../../nodes/salesforce/client/query/select-in";
import { clientCredentials, Orgs } from "../../support";
import { calls, errorOf, item, items, persist, values, writerFor } from "./case-support";

const FILES = [{ name: "run.csv", data: Buffer.from("t;92\n") }, { name: "photo.jpg", data: Buffer.from([0xff, 0xd8, 0]) }];
const full = (): Partial<CaseItem> => ({ comment: "92 °C\r\nin bearing 2 ", attachments: FILES });
const WHEN = { before: "before the org has acted", during: "in the middle of the answer", after: "after the org has acted" };

describe("Comments and files", () => {
  const orgs = new Orgs();
  let org: Emulator;
  beforeEach(async () => (org = await orgs.start()));
  afterEach(() => orgs.stop());

  const counts = () => ["Case", "CaseComment", "ContentVersion", "ContentDocumentLink"].map((object) => org.records(object).length);

  it("of 50 new cases cost two calls more, and nothing is looked at", async () => {
    values(await writerFor(orgs, org, { caseNumber: true }).write(items(50, full)));
    assert.deepEqual(counts(), [50, 50, 100, 200]);
    assert.deepEqual(calls(org), { "POST composite": 1, "POST composite/sobjects": 2 });
    const [file] = org.records("ContentVersion");
    assert.deepEqual([file?.Title, file?.PathOnClient, file?.ContentSize], ["run", "run.csv", 5]);
    assert.equal(Buffer.from(String(file?.VersionData), "base64").toString(), "t;92\n");
  });

  it("that come again with their case are not doubled; another text and another content are new", async () => {
    const writer = writerFor(orgs, org);
    values(await writer.write([item("a", {}, full())]));
    values(await writer.write([item("a", {}, full())]));
    assert.deepEqual(counts().slice(0, 3), [1, 1, 2]);
    values(await writer.write([item("a", {}, { comment: "93 °C", attachments: [{ name: "run.csv", data: Buffer.from("t;93\n") }] })]));
    assert.deepEqual(counts().slice(0, 3), [1, 2, 3]);
  });

  it("give no case another owner, whatever the org does with the case when it gets them", async () => {
    values(await writerFor(orgs, org).write([item("a", {}, full())]));
    const sent = org.control.stats().lastRequests.filter(({ path }) => path.endsWith("/composite/sobjects"));
    assert.deepEqual(sent.map(({ headers }) => headers["sforce-auto-assign"]), ["FALSE", "FALSE"]);
  });

  it("whose call was not answered in time are looked for a minute later, as the org may still be at it", async () => {
    const late = (error: ConnectorError) => ({ request: () => Promise.reject(error) });
    const retryAfter = async (error: ConnectorError): Promise<unknown> => {
      const rest = late(error) as never;
      const work = { item: { comment: "hot" }, stored: { id: "500000000000001AAA" } } as CaseWork;
      await new CaseExtras(rest, new SelectIn(rest)).add([work]);
      return work.error?.details.retryAfter;
    };
    const away = (details: object): ConnectorError => new ConnectorError("ORG_UNAVAILABLE", "no answer", { details: { outcomeUnknown: true, ...details } });
    assert.deepEqual(await Promise.all([retryAfter(away({ network: "TIMEOUT" })), retryAfter(away({ status: 504 })), retryAfter(away({ network: "ECONNRESET" }))]), [60_000, 60_000, undefined]);
  });

  it("are left alone until then, though their case is tried again before, as other batches get through", async () => {
    const calls: string[] = [];
    let now = 0;
    const request = ({ method }: { method: string }): Promise<unknown> => {
      calls.push(method);
      if (method === "GET") return Promise.resolve({ body: { records: [{ ParentId: "500000000000001AAA", CommentBody: "hot" }] } });
      return Promise.reject(new ConnectorError("ORG_UNAVAILABLE", "no answer", { details: { outcomeUnknown: true, network: "TIMEOUT" } }));
    };
    const rest = { request } as never;
    const extras = new CaseExtras(rest, new SelectIn(rest), undefined, { ticks: () => now });
    const work = { item: { comment: "hot" }, stored: { id: "500000000000001AAA" } } as CaseWork;
    const told = ({ error }: CaseWork): unknown[] => [error?.scope, error?.details.retryAfter];
    const tried = async (): Promise<unknown[]> => {
      delete work.error;
      await extras.add([work]);
      return told(work);
    };
    await tried();
    now = 20_000;
    assert.deepEqual([await tried(), calls], [["system", 40_000], ["POST"]]);
    now = 60_000;
    assert.deepEqual([await tried(), calls], [[undefined, undefined], ["POST", "GET"]]);
  });

  it("are looked for a minute later as well where it was the second call, for one that was locked, that was not answered in time", async () => {
    const answers = [
      { body: [{ success: false, errors: [{ statusCode: "UNABLE_TO_LOCK_ROW", message: "locked" }] }] },
      new ConnectorError("ORG_UNAVAILABLE", "no answer", { details: { outcomeUnknown: true, network: "TIMEOUT" } }),
    ];
    const rest = { request: () => { const answer = answers.shift(); return answer instanceof ConnectorError ? Promise.reject(answer) : Promise.resolve(answer); } } as never;
    const work = { item: { comment: "hot" }, stored: { id: "500000000000001AAA" } } as CaseWork;
    await new CaseExtras(rest, new SelectIn(rest)).add([work]);
    assert.deepEqual([work.error?.scope, work.error?.details.retryAfter], ["system", 60_000]);
  });

  it("are not sent for a case that is left", async () => {
    const writer = writerFor(orgs, org, { onRepeat: "leave" });
    values(await writer.write([item("a")]));
    values(await writer.write([item("a", {}, full())]));
    assert.deepEqual(counts().slice(0, 3), [1, 0, 0]);
  });

  for (const withId of [true, false]) {
    const who = withId ? "with an external id" : "without an external id, within the process";
    const options = withId ? { caseNumber: true } : { caseNumber: true, externalIdField: undefined };
    const make = (id: string, more: Partial<CaseItem>): CaseItem => (withId ? item(id, {}, more) : { fields: { Subject: id }, ...more });

    for (const [what, more] of [["comments", { comment: "hot" }], ["files", { attachments: FILES }]] as const) {
      for (const when of ["before", "during", "after"] as const) {
        it(`are there exactly once when the connection breaks ${WHEN[when]} with ${what} (${who})`, async () => {
          const writer = writerFor(orgs, org, options);
          values(await writer.write([make("warm-up", {})]));
          org.control.resetConnections({ when, method: "POST", path: "composite/sobjects" });
          values(await persist(writer, ["a", "b", "c"].map((id) => make(id, { ...more }))));
          assert.deepEqual(counts().slice(0, 3), what === "comments" ? [4, 3, 0] : [4, 0, 6]);
        });
      }
    }

    it(`are written when a lock is gone (${who})`, async () => {
      const rule = { condition: "ParentId != null", errorCode: "UNABLE_TO_LOCK_ROW", message: "unable to obtain exclusive access", times: 2 };
      org.control.addRule({ object: "CaseComment", ...rule });
      values(await persist(writerFor(orgs, org, options), [make("a", full()), make("b", full())]));
      assert.deepEqual(counts().slice(0, 3), [2, 2, 4]);
    });
  }

  it("that are refused fail their message and no other; the case is stored and named", async () => {
    const batch = [item("a", {}, { comment: "x".repeat(4001) }), item("b", {}, full())];
    const outcomes = await writerFor(orgs, org, { caseNumber: true }).write(batch);
    const error = errorOf(outcomes);
    const [stored] = org.records("Case");
    assert.deepEqual([error.code, error.retryable, error.details.caseId, error.details.statusCode], ["ORG_REFUSED", false, stored?.Id, "STRING_TOO_LONG"]);
    assert.match(error.message, new RegExp(`Case ${String(stored?.CaseNumber)} is stored, but not its comment`));
    assert.ok(outcomes[1]?.ok);
    assert.deepEqual(counts().slice(0, 3), [2, 1, 2]);
  });

  const lost = (): never => {
    throw new ConnectorError("ORG_UNAVAILABLE", "h broke the connection", { details: { network: "ECONNRESET", outcomeUnknown: true } });
  };
  const broken = (): never => {
    throw new ConnectorError("ORG_UNAVAILABLE", "UNKNOWN_EXCEPTION (HTTP 500)", { details: { status: 500, outcomeUnknown: true } });
  };
  const blocked = (): never => {
    throw callError({ status: 403, headers: {}, body: "<html>blocked</html>" });
  };
  for (const [what, refuse, code] of [["by a page", blocked, "ORG_REFUSED"], ["by a reset", lost, "ORG_BUSY"], ["as the org fails over them", broken, "ORG_BUSY"]] as const) {
    it(`that never get through, ${what}, fail by themselves in the end, and hold up no others`, async () => {
      const ids = org.control.insert({ object: "Case", records: Array.from({ length: 4 }, () => ({ Subject: "a" })) }).ids;
      const { rest } = orgs.client(clientCredentials(org));
      const request = rest.request.bind(rest);
      let left = 0;
      // some of them the org has stored by the time that the answer is lost
      rest.request = async (call) => {
        const text = String(call.body);
        if (!text.includes("EICAR")) return request(call);
        if (refuse === lost && left++ === 6) await request({ ...call, body: text.replaceAll("EICAR", "x".repeat(4001)) });
        return refuse();
      };
      const works = ids.map((id, index): CaseWork => ({ item: item(id, {}, { comment: index === 2 ? "EICAR" : "fine" }), links: {}, stored: { id, how: "created" } }));
      const extras = new CaseExtras(rest, new SelectIn(rest));
      const isHeld = ({ error }: CaseWork): boolean => error?.scope === "system";
      for (let tries = 0; tries < 10 && (tries === 0 || works.some(isHeld)); tries += 1) {
        for (const work of works) delete work.error;
        await extras.add(works);
      }
      assert.deepEqual(works.map(({ error }) => error?.code), [undefined, undefined, code, undefined]);
      assert.deepEqual([works[2]?.error?.scope, works[2]?.error?.retryable], ["message", true]);
      assert.equal(org.records("CaseComment").length, 3);
    });
  }

  it("fail alone if they never get through, however many there are in a batch", async () => {
    const ids = org.control.insert({ object: "Case", records: Array.from({ length: 64 }, () => ({ Subject: "a" })) }).ids;
    const { rest } = orgs.client(clientCredentials(org));
    const request = rest.request.bind(rest);
    rest.request = (call) => (String(call.body).includes("EICAR") ? Promise.resolve().then(blocked) : request(call));
    const works = ids.map((id, index): CaseWork => ({ item: item(id, {}, { comment: index % 8 === 3 ? "EICAR" : "fine" }), links: {}, stored: { id, how: "created" } }));
    const extras = new CaseExtras(rest, new SelectIn(rest));
    let left = works;
    for (let tries = 0; tries < 60 && left.length > 0; tries += 1) {
      for (const work of left) delete work.error;
      await extras.add(left);
      left = left.filter(({ error }) => error?.scope === "system");
    }
    assert.deepEqual(works.flatMap(({ error }, index) => (error?.scope === "message" ? index : [])), [3, 11, 19, 27, 35, 43, 51, 59]);
    assert.deepEqual([left.length, org.records("CaseComment").length], [0, 56]);
  });

  it("are held while the org fails over all of them", async () => {
    const ids = org.control.insert({ object: "Case", records: [{ Subject: "a" }, { Subject: "b" }] }).ids;
    const { rest } = orgs.client(clientCredentials(org));
    rest.request = () => Promise.resolve().then(broken);
    const works = ids.map((id): CaseWork => ({ item: item(id, {}, { comment: "fine" }), links: {}, stored: { id, how: "created" } }));
    const extras = new CaseExtras(rest, new SelectIn(rest));
    for (let tries = 0; tries < 8; tries += 1) {
      for (const work of works) delete work.error;
      await extras.add(works);
      assert.deepEqual(works.map(({ error }) => error?.scope), ["system", "system"]);
    }
  });

  it("are split over calls by their size", async () => {
    const [id = ""] = org.control.insert({ object: "Case", records: [{ Subject: "a" }] }).ids;
    const { rest } = orgs.client(clientCredentials(org));
    const attachments = ["1.bin", "2.bin", "3.bin"].map((name) => ({ name, data: Buffer.alloc(3000, 1) }));
    const work: CaseWork = { item: item("a", {}, { attachments }), links: {}, stored: { id, how: "created" } };
    await new CaseExtras(rest, new SelectIn(rest), { charactersPerCall: 9000 }).add([work]);
    assert.equal(work.error, undefined);
    assert.equal(org.records("ContentVersion").length, 3);
    assert.equal(calls(org)["POST composite/sobjects"], 2);
  });
});

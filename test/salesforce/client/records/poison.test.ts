import assert from "node:assert/strict";
import { ConnectorError } from "../../../../nodes/common/errors";
import { callError } from "../../../../nodes/salesforce/client/errors";
import type { Fields, RecordResult } from "../../../../nodes/salesforce/client/records/collections";
import { RecordBatch, type RecordItem } from "../../../../nodes/salesforce/client/records/record-batch";
import { saveRecords } from "../../../../nodes/salesforce/client/records/save-records";
import { RecordWriter } from "../../../../nodes/salesforce/client/records/record-writer";
import type { RestCalls, RestClient, RestRequest } from "../../../../nodes/salesforce/client/rest";

const broken = (): never => {
  throw new ConnectorError("ORG_UNAVAILABLE", "UNKNOWN_EXCEPTION (HTTP 500)", { details: { status: 500, outcomeUnknown: true } });
};

/** An org that answers 500 to a record named poison; `works`: whether it answers anything else. */
function orgWith(works: boolean): { rest: RestCalls; calls: RestRequest[] } {
  const calls: RestRequest[] = [];
  const request = async (call: RestRequest): Promise<unknown> => {
    calls.push(call);
    await Promise.resolve();
    if (!works) return broken();
    if (call.method === "GET") return { status: 200, headers: {}, body: { records: [] } };
    const { records } = JSON.parse(String(call.body)) as { records: Fields[] };
    if (records.some(({ Name }) => Name === "poison")) return broken();
    return { status: 200, headers: {}, body: records.map(() => ({ id: "001000000000001AAA", success: true, errors: [] })) };
  };
  return { rest: { request } as RestCalls, calls };
}

/** Writes one record until it is through or has failed by itself, ten times at most. */
async function persist(rest: RestCalls): Promise<unknown> {
  const writer = new RecordWriter(rest);
  const batch = {};
  for (let tries = 0; tries < 10; tries += 1) {
    const results = await writer.update({ object: "Account", records: [{ Id: "001000000000001AAA", Name: "poison" }] }, [batch]).catch(() => undefined);
    if (results) return results[0];
  }
  return "held";
}

describe("A record that makes the org fail", () => {
  it("fails by itself in the end, though it is alone in its call, when the org works otherwise", async () => {
    const result = (await persist(orgWith(true).rest)) as { ok: false; error: ConnectorError };
    assert.deepEqual([result.ok, result.error.code, result.error.scope], [false, "ORG_BUSY", "message"]);
  });

  it("fails by itself also where it is to be deleted, and the others go", async () => {
    const gone: string[] = [];
    let works = true;
    const request = async ({ path }: RestRequest): Promise<unknown> => {
      await Promise.resolve();
      const ids = (new URL(path, "http://org").searchParams.get("ids") ?? "").split(",").filter((id) => id !== "");
      if (!works || ids.includes("poison")) return broken();
      if (ids.length === 0) throw new ConnectorError("ORG_REFUSED", "MISSING_ARGUMENT", { details: { status: 400, errorCode: "MISSING_ARGUMENT" } });
      gone.push(...ids);
      return { status: 200, headers: {}, body: ids.map((id) => ({ id, success: true, errors: [] })) };
    };
    const deleted = async (...ids: string[]): Promise<RecordResult[] | undefined> => {
      const writer = new RecordWriter({ request } as RestCalls);
      const items = ids.map((id) => ({ id }));
      for (let tries = 0; tries < 10; tries += 1) {
        const results = await writer.delete({ ids }, items).catch(() => undefined);
        if (results) return results;
      }
      return undefined;
    };
    const told = (results: RecordResult[] | undefined): unknown[] | undefined => results?.map((result) => (result.ok ? "gone" : [result.error.code, result.error.scope]));
    assert.deepEqual(told(await deleted("a", "poison", "b")), ["gone", ["ORG_BUSY", "message"], "gone"]);
    assert.deepEqual(gone.sort(), ["a", "b"]);
    assert.deepEqual(told(await deleted("poison")), [["ORG_BUSY", "message"]]);
    works = false;
    assert.equal(await deleted("a", "b"), undefined, "held while the org fails at everything");
  });

  describe("as it is read", () => {
    let works: boolean;
    let isBlocked: boolean;
    let given: RecordItem[];
    beforeEach(() => {
      works = true;
      isBlocked = false;
    });

    const readFrom = async (...items: RecordItem[]): Promise<string[]> => {
      const request = async ({ method, body }: RestRequest): Promise<unknown> => {
        await Promise.resolve();
        if (!works) return broken();
        if (method === "GET") return { status: 200, headers: {}, body: { records: [] } };
        if (isBlocked) throw new ConnectorError("ORG_UNAVAILABLE", "The org's address answered HTTP 403", { details: { status: 403 } });
        const { ids } = body as { ids: string[] };
        return ids.includes("poison") ? broken() : { status: 200, headers: {}, body: ids.map((Id) => ({ Id })) };
      };
      const options = { operation: "retrieve", externalIdField: "", allOrNone: false, fields: ["Name"], headers: {}, someRefusedFails: () => true } as const;
      const batch = new RecordBatch({ request } as unknown as RestClient, { ...options, fields: [...options.fields] });
      given = items;
      const outcomes = new Map<RecordItem, string>();
      for (let tries = 0; tries < 10 && given.length > 0; tries += 1) {
        const results = await batch.write(given);
        results.forEach((one, index) => outcomes.set(given[index] as RecordItem, one.ok ? "read" : one.error.scope === "system" ? "held" : one.error.code));
        given = given.filter((item) => outcomes.get(item) === "held");
      }
      return items.map((item) => outcomes.get(item) ?? "");
    };
    const one = (Id: string): RecordItem => ({ object: "Account", records: [{ Id }], list: false });

    it("fails by itself, and the others are read", async () => {
      assert.deepEqual(await readFrom(one("a"), one("poison"), one("b")), ["read", "ORG_BUSY", "read"]);
      assert.deepEqual(await readFrom(one("poison")), ["ORG_BUSY"]);
    });

    it("in a list fails its message", async () => {
      assert.deepEqual(await readFrom({ object: "Account", records: [{ Id: "a" }, { Id: "poison" }], list: true }, one("b")), ["ORG_BUSY", "read"]);
    });

    it("is held with the others while somebody on the way lets no such call through, but others", async () => {
      isBlocked = true;
      assert.deepEqual(await readFrom(one("a"), one("b")), ["held", "held"]);
    });

    it("is held with the others while the org fails at everything", async () => {
      works = false;
      assert.deepEqual(await readFrom(one("a"), { ...one("b"), list: true }), ["held", "held"]);
    });
  });

  it("is not looked for among those to be deleted while the org fails at each, though it answers a call without any, nor call by call while it does not answer at all", async () => {
    const held = async (answer: (ids: string) => never): Promise<number> => {
      let calls = 0;
      const request = async ({ path }: RestRequest): Promise<unknown> => {
        await Promise.resolve();
        calls += 1;
        return answer(new URL(path, "http://org").searchParams.get("ids") ?? "");
      };
      const writer = new RecordWriter({ request } as RestCalls);
      const ids = Array.from({ length: 200 }, (_, index) => String(index));
      const items = ids.map((id) => ({ id }));
      for (let tries = 0; tries < 6; tries += 1) await assert.rejects(writer.delete({ ids }, items), { scope: "system" });
      return calls;
    };
    const refuse = (): never => {
      throw new ConnectorError("ORG_REFUSED", "MISSING_ARGUMENT", { details: { status: 400, errorCode: "MISSING_ARGUMENT" } });
    };
    await held((ids) => (ids === "" ? refuse() : broken()));
    const calls = await held(() => {
      throw new ConnectorError("ORG_UNAVAILABLE", "h gave no answer within 120 s", { details: { network: "TIMEOUT", outcomeUnknown: true } });
    });
    assert.ok(calls < 6 + 6, String(calls));
  });

  it("fails by itself also where all of its call are such: one at a time, for it may be the org that fails at whatever it is to write", async () => {
    const writer = new RecordWriter(orgWith(true).rest);
    let left = [1, 2, 3].map((Id) => ({ Id, Name: "poison" }));
    const failed: number[][] = [];
    for (let tries = 0; tries < 30 && left.length > 0; tries += 1) {
      const results = await writer.update({ object: "Account", records: left }, left).catch(() => undefined);
      const isHeld = (place: number): boolean => results?.[place]?.ok === false && results[place].error.scope === "system";
      if (results) failed.push(left.filter((_, place) => !isHeld(place)).map(({ Id }) => Id));
      if (results) left = left.filter((_, place) => isHeld(place));
    }
    assert.deepEqual(failed, [[1], [2], [3]]);
  });

  it("fails with all of its list where it stands in one of all or none, and holds up no other", async () => {
    const records = [{ Id: "1", Name: "poison" }, { Id: "2", Name: "a" }];
    const scopes = async (rest: RestCalls): Promise<unknown> => {
      const writer = new RecordWriter(rest);
      for (let tries = 0; tries < 10; tries += 1) {
        const results = await writer.update({ object: "Account", records, allOrNone: true }, records).catch(() => undefined);
        if (results) return results.map((result) => (result.ok ? "stored" : result.error.scope));
      }
      return "held";
    };
    const { rest, calls } = orgWith(true);
    assert.deepEqual(await scopes(rest), ["message", "message"]);
    assert.ok(calls.every(({ method, body }) => method === "GET" || (JSON.parse(String(body)) as { records: Fields[] }).records.length === 2), "never by halves");
    assert.equal(await scopes(orgWith(false).rest), "held");
  });

  it("is held when the org fails at everything", async () => assert.equal(await persist(orgWith(false).rest), "held"));
});

describe("A record that somebody on the way to the org minds, as firewalls do,", () => {
  const page = (status: number): never => {
    throw callError({ status, headers: { "content-type": "text/html" }, body: "<html>Request blocked. Support id 4711</html>" });
  };
  /** @param blocks which texts are not let through */
  function behind(blocks: (text: string, method: string) => boolean, refuse: () => never): { rest: RestCalls; stored: Fields[] } {
    const stored: Fields[] = [];
    const request = async (call: RestRequest): Promise<unknown> => {
      await Promise.resolve();
      if (blocks(String(call.body), call.method)) return refuse();
      if (call.method === "GET") return { status: 200, headers: {}, body: { records: [] } };
      const { records } = JSON.parse(String(call.body)) as { records: Fields[] };
      if (records.length === 0) throw new ConnectorError("ORG_REFUSED", "MISSING_ARGUMENT", { details: { status: 400, errorCode: "MISSING_ARGUMENT" } });
      stored.push(...records);
      return { status: 200, headers: {}, body: records.map(() => ({ id: "001000000000001AAA", success: true, errors: [] })) };
    };
    return { rest: { request } as RestCalls, stored };
  }
  const records = Array.from({ length: 20 }, (_, index) => ({ Id: `0010000000000${10 + index}`, Name: index === 7 ? "<script>" : `n${index}` }));
  /** Writes until nothing is held, twenty times at most. */
  async function written(write: (writer: RecordWriter) => Promise<RecordResult[]>, rest: RestCalls): Promise<RecordResult[] | undefined> {
    const writer = new RecordWriter(rest);
    for (let tries = 0; tries < 20; tries += 1) {
      const results = await write(writer).catch((error: unknown) => void assert.equal((error as ConnectorError).scope, "system"));
      if (results) return results;
    }
    return undefined;
  }
  const reset = (): never => {
    throw new ConnectorError("ORG_UNAVAILABLE", "h broke the connection", { details: { network: "ECONNRESET", outcomeUnknown: true } });
  };

  for (const [what, refuse] of [["a page of 403", () => page(403)], ["a page of 400", () => page(400)], ["a reset connection", reset]] as const) {
    it(`fails by itself in the end, and holds up no other: ${what}`, async () => {
      const { rest, stored } = behind((text) => text.includes("<script>"), refuse);
      const results = await written((writer) => writer.update({ object: "Account", records }, records), rest);
      assert.deepEqual(results?.flatMap(({ ok }, index) => (ok ? [] : index)), [7]);
      assert.ok(results?.every((result) => result.ok || (result.error.scope === "message" && result.error.retryable)));
      assert.equal(stored.length, 19);
    });
  }

  it("fails with all of its list where it stands in one of all or none", async () => {
    const { rest, stored } = behind((text) => text.includes("<script>"), () => page(403));
    const results = await written((writer) => writer.update({ object: "Account", records, allOrNone: true }, records), rest);
    assert.ok(results?.every((result) => !result.ok && result.error.scope === "message" && result.error.retryable));
    assert.equal(stored.length, 0);
  });

  it("is created no second time while it is looked for", async () => {
    const { rest, stored } = behind((text) => text.includes("<script>"), () => page(403));
    const results = await written((writer) => writer.create({ object: "Account", records }), rest);
    assert.deepEqual(results?.flatMap(({ ok }, index) => (ok ? [] : index)), [7]);
    assert.deepEqual(stored.map(({ Name }) => Name), records.filter((_, index) => index !== 7).map(({ Name }) => Name));
  });

  it("is not blamed while nothing that writes gets through", async () => {
    const { rest } = behind((_, method) => method !== "GET", () => page(403));
    assert.equal(await written((writer) => writer.update({ object: "Account", records: records.slice(0, 1) }, records), rest), undefined);
    assert.equal(await written((writer) => writer.update({ object: "Account", records }, records), rest), undefined);
  });

  it("holds up no other a second time when it is tried once more in place, also in other company", async () => {
    const { rest } = behind((text) => text.includes("<script>"), () => page(403));
    const writer = new RecordWriter(rest);
    assert.ok(await written(() => writer.update({ object: "Account", records }, records), rest));
    const [, first, , , , , , poison] = records as Fields[];
    const again = [{ ...first }, poison as Fields];
    assert.deepEqual((await writer.update({ object: "Account", records: again }, again)).map(({ ok }) => ok), [true, false]);
  });

  it("is found, too, where it comes behind a call that has passed, as its batch goes by several", async () => {
    let most = 5;
    const { rest, stored } = behind((text) => text.includes("<script>"), () => page(403));
    const request = async (call: RestRequest): Promise<unknown> => {
      const sent = (JSON.parse(String(call.body)) as { records: Fields[] }).records;
      const isOver = sent.length > most;
      return isOver ? { status: 200, headers: {}, body: sent.map(() => ({ success: false, errors: [{ statusCode: "CANNOT_EXECUTE_FLOW_TRIGGER", message: "Apex CPU time limit exceeded" }] })) } : rest.request(call);
    };
    const writer = new RecordWriter({ request } as RestCalls);
    const harmless = records.map((record) => ({ ...record, Name: "n" }));
    assert.ok((await writer.update({ object: "Account", records: harmless }, harmless)).every(({ ok }) => ok));
    most = 200;
    stored.length = 0;
    const results = await written(() => writer.update({ object: "Account", records }, records), rest);
    assert.deepEqual(results?.flatMap(({ ok }, index) => (ok ? [] : index)), [7]);
  });

  it("is not alone to blame where the org answers a large batch too late: it goes by smaller calls, also from then on", async () => {
    const sizes: number[] = [];
    const { rest } = behind((text) => {
      const { records: sent = [] } = (text === "undefined" ? {} : JSON.parse(text)) as { records?: Fields[] };
      sizes.push(sent.length);
      return sent.length > 6;
    }, () => {
      throw new ConnectorError("ORG_UNAVAILABLE", "h gave no answer within 60 s", { details: { network: "TIMEOUT", outcomeUnknown: true } });
    });
    const writer = new RecordWriter(rest);
    let results: RecordResult[] | undefined;
    for (let tries = 0; tries < 20 && !results; tries += 1) results = await writer.update({ object: "Account", records }, records).catch(() => undefined);
    assert.ok(results?.every(({ ok }) => ok));
    sizes.length = 0;
    await writer.update({ object: "Account", records }, records);
    assert.deepEqual(sizes, [5, 5, 5, 5]);
  });
});

describe("A search among records that get no answer in time", () => {
  const request = (isSlow: (records: Fields[]) => boolean): { rest: RestCalls; slow: () => number } => {
    let slow = 0;
    const send = async (call: RestRequest): Promise<unknown> => {
      await Promise.resolve();
      const { records } = JSON.parse(String(call.body)) as { records: Fields[] };
      if (!isSlow(records)) return { status: 200, headers: {}, body: records.map(() => ({ id: "001000000000001AAA", success: true, errors: [] })) };
      slow += 1;
      throw new ConnectorError("ORG_UNAVAILABLE", "h gave no answer within 120 s", { details: { network: "TIMEOUT", outcomeUnknown: true } });
    };
    return { rest: { request: send } as RestCalls, slow: () => slow };
  };
  const records = Array.from({ length: 200 }, (_, index) => ({ Id: String(index), Name: index === 137 ? "slow" : "n" }));
  const search = (rest: RestCalls): Promise<RecordResult[]> => saveRecords(rest, { object: "Account", operation: "update", records, search: true });

  it("finds one of 200, and waits for no more than ten calls where all are slow", async () => {
    const one = request((sent) => sent.some(({ Name }) => Name === "slow"));
    assert.deepEqual((await search(one.rest)).flatMap(({ ok }, index) => (ok ? [] : index)), [137]);
    const all = request((sent) => sent.length > 0);
    assert.ok((await search(all.rest)).every((result) => !result.ok && result.error.scope === "message" && result.error.retryable));
    assert.deepEqual([one.slow() <= 9, all.slow()], [true, 10]);
  });
});

describe("Records too large for one call", () => {
  it("are parted by their size before anything is sent, and those of all or none are not", async () => {
    const { rest, calls } = orgWith(true);
    const records = Array.from({ length: 2 }, () => ({ Body: "x".repeat(21_000_000) }));
    const results = await saveRecords(rest, { object: "Attachment", records });
    assert.ok(results.every(({ ok }) => ok));
    assert.equal(calls.length, 2);
    await saveRecords(rest, { object: "Attachment", records, allOrNone: true });
    assert.equal(calls.length, 3);
  });

  it("do not fail the others for a type that only one of them names", async () => {
    const request = async (call: RestRequest): Promise<unknown> => {
      await Promise.resolve();
      const text = String(call.body);
      if (text.includes("Nope__c")) throw new ConnectorError("ORG_OBJECT_UNKNOWN", "INVALID_TYPE: sObject type 'Nope__c' is not supported. (HTTP 400)", { details: { errorCode: "INVALID_TYPE" } });
      return { status: 200, headers: {}, body: (JSON.parse(text) as { records: Fields[] }).records.map(() => ({ id: "500000000000001AAA", success: true, errors: [] })) };
    };
    const parent = { Owner: { attributes: { type: "Nope__c" }, Key__c: "1" } };
    const results = await saveRecords({ request } as RestCalls, { object: "Case", records: [{ Subject: "a" }, parent, { Subject: "b" }] });
    assert.deepEqual(results.map(({ ok }) => ok), [true, false, true]);
    assert.equal(results[1]?.ok === false && results[1].error.scope, "message");
    await assert.rejects(saveRecords({ request } as RestCalls, { object: "Nope__c", records: [{ Name: "a" }] }), (error: ConnectorError) => error.scope === "system");
  });
});

import assert from "node:assert/strict";
import { ConnectorError } from "../../../../nodes/common/errors";
import { SelectIn } from "../../../../nodes/salesforce/client/query/select-in";
import type { RestClient } from "../../../../nodes/salesforce/client/rest";

const VALUES = Array.from({ length: 400 }, (_, index) => `sensor-${index}@acme.example`);
const selection = { object: "Contact", fields: ["Id", "Email"], field: "Email", values: VALUES };

describe("A look-up of many values", () => {
  let asked: string[];
  /** An org behind a proxy that takes addresses up to `longest`. */
  function behind(longest: number): SelectIn {
    asked = [];
    const request = ({ path }: { path: string }): Promise<object> => {
      asked.push(path);
      if (path.length > longest) return Promise.reject(new ConnectorError("PAYLOAD_TOO_LARGE", "URI Too Long", { details: { status: 414 } }));
      const records = [...decodeURIComponent(path).matchAll(/'([^']+)'/g)].map(([, Email]) => ({ Email }));
      return Promise.resolve({ body: { records } });
    };
    return new SelectIn({ request } as unknown as RestClient);
  }

  it("goes by shorter queries, from then on, where a proxy takes no long ones", async () => {
    const select = behind(4_000);
    assert.deepEqual((await select.rows(selection)).map(({ Email }) => Email), VALUES);
    const refused = asked.filter(({ length }) => length > 4_000).length;
    assert.equal(refused, 2);
    assert.equal((await select.rows(selection)).length, VALUES.length);
    assert.equal(asked.filter(({ length }) => length > 4_000).length, refused);
  });

  it("fails where it takes none at all", async () => {
    await assert.rejects(behind(10).rows(selection), { code: "PAYLOAD_TOO_LARGE" });
    assert.ok(asked.length < 10);
  });
});

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../services/wait";
import { describePack } from "./support/pack-suite";
import { oldest } from "./support/toolchain";

describePack({
  title: "Node-RED 4.1 on Node 20, install scripts blocked",
  toolchain: oldest,
  // npm 12 blocks them by default
  environment: { npm_config_ignore_scripts: "true" },
  schemes: ["light"],
  jsforce: (version) => version === "3.10.16",
  more(nodeRed) {
    describe("without the binary of odbc", () => {
      const flow = [
        { id: "tab", type: "tab", label: "odbc" },
        { id: "database", type: "surewire-sql-database", engine: "odbc", connectionString: "DRIVER=none", dialect: "auto" },
        { id: "once", type: "inject", z: "tab", props: [{ p: "payload" }], payload: '{"id":1}', payloadType: "json", once: true, onceDelay: "0.1", wires: [["write"]] },
        {
          id: "write", type: "surewire-sql-write", z: "tab", database: "database", mode: "insert", table: "t",
          columns: [{ column: "id", value: "payload.id", valueType: "msg" }], keys: [], statements: [], batchSize: 200, linger: 20, wires: [[]],
        },
      ];

      it("says how to get it, once, and goes on running", async () => {
        assert.equal(existsSync(join(nodeRed().userDir, "node_modules", "odbc", "lib", "bindings")), false);
        const from = nodeRed().log.length;
        const response = await fetch(`${nodeRed().url}flows`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(flow) });
        assert.ok(response.ok);
        const log = await waitFor("the message about odbc", () => (/npm rebuild odbc/.test(nodeRed().log.slice(from)) ? nodeRed().log.slice(from) : undefined));
        assert.match(log, /npm install-scripts approve odbc/);
        assert.equal((await nodeRed().sets()).length > 0, true);
      });
    });
  },
});

import { describePack } from "./support/pack-suite";
import { newest } from "./support/toolchain";

describePack({
  title: "Node-RED 5 on Node 24",
  toolchain: newest,
  schemes: ["light", "dark"],
  // 3.10.16 is the last that runs on Node 20; here npm must have found a later one
  jsforce: (version) => /^3\./.test(version) && version !== "3.10.16",
});

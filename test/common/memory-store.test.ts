import { MemoryStore } from "../../nodes/common/memory-store";
import { itIsShared, itSettlesRaces } from "./shared-store";

describe("the store in memory", () => {
  const store = new MemoryStore();
  itIsShared(() => store);
  itSettlesRaces(() => store);
});

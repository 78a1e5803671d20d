import path from "node:path";

/** For `node --require`: lets a process of a test's own read TypeScript, as the tests themselves do. */
export const TYPESCRIPT = path.resolve(__dirname, "../../scripts/lib/typescript.cjs");

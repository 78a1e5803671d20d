import { stopAll } from "./service";

/** Stops the shared servers when all test files of the run are through. */
export const mochaHooks = {
  async afterAll(this: Mocha.Context): Promise<void> {
    this.timeout(60_000);
    await stopAll();
  },
};

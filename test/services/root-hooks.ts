import { stopAll } from "./service";

/** Stops the shared servers after the last test file of a run. */
export const mochaHooks = {
  async afterAll(this: Mocha.Context): Promise<void> {
    this.timeout(60_000);
    await stopAll();
  },
};

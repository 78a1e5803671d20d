import { randomInt } from "node:crypto";
import { describeRandomFaults } from "./random-faults";
import { describeRandomFlows } from "./random-flows";

const seeds = (count: number): number[] => Array.from({ length: count }, () => randomInt(1_000, 2 ** 31));

describeRandomFlows(seeds(500));
describeRandomFaults(seeds(500));
describeRandomFlows(seeds(250), { further: true });
describeRandomFaults(seeds(250), { further: true });
describeRandomFlows(seeds(250), { further: true, odd: true });
describeRandomFaults(seeds(250), { further: true, odd: true });

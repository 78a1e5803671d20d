import { randomInt } from "node:crypto";
import { describeRandomFlows } from "./random-flows";

describeRandomFlows(Array.from({ length: 500 }, () => randomInt(1_000, 2 ** 31)));

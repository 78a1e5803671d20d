import { describeRandomFlows } from "../flows/random-flows";

describeRandomFlows(Array.from({ length: 40 }, (_, index) => index + 1));

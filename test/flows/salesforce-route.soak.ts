import { describeDay } from "../salesforce/route/day";
import { describeKilledDay } from "./killed-day";

const CASES = Number(process.env.SUREWIRE_CASES ?? 2_000);

describeDay(CASES);
describeKilledDay(CASES, 1);
describeKilledDay(CASES, 2);

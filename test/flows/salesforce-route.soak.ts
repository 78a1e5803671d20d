import { describeDay } from "../salesforce/route/day";

describeDay(Number(process.env.SUREWIRE_CASES ?? 2_000));

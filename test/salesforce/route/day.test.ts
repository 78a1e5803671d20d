import { describeDay } from "./day";

describeDay(Number(process.env.SUREWIRE_CASES ?? 200));

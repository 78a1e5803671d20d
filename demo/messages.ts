/** What the devices of the demo send. */
export interface DeviceMessage {
  /** External id of the case that is to come of it; "" when none can. */
  id: string;
  /** What keeps it from becoming a case. */
  fault?: "not JSON" | "refused";
  body: Buffer;
}

const DEVICES = ["pump 7", "press 2", "boiler 1", "conveyor 4", "fan 12"];
const EVENTS = ["too hot", "no pressure", "bearing worn", "belt slips", "filter full"];

export const MESSAGES = 1_000;
export const READINGS = 10_000;
const NOT_JSON = 10;
const REFUSED = 10;
const REPEATED = 50;
/** Numbers that `npm run demo -- --check` asks for. */
export const EXPECTED = { cases: MESSAGES - NOT_JSON - REFUSED, deadLetters: NOT_JSON + REFUSED, rows: READINGS };

function deviceMessage(number: number): DeviceMessage {
  const id = `evt-${String(number).padStart(4, "0")}`;
  const device = DEVICES[number % DEVICES.length];
  const event = EVENTS[number % EVENTS.length];
  // every hundredth, and not the same one
  if (number % 100 === 20) return { id: "", fault: "not JSON", body: Buffer.from(`${device}; ${event}; ${id}`) };
  const refused = number % 100 === 70;
  const priority = refused ? "Catastrophic" : number % 3 === 0 ? "High" : "Low";
  const body = Buffer.from(JSON.stringify({ id, device, event, text: `${device} reports: ${event}`, priority }));
  return refused ? { id: "", fault: "refused", body } : { id, body };
}

/** 1,000 messages of devices; 10 of them are not JSON, and in 10 the priority is none the org knows. */
export function deviceMessages(): DeviceMessage[] {
  return Array.from({ length: MESSAGES }, (_, number) => deviceMessage(number));
}

/** The {@link REPEATED} good ones that are sent a second time. */
export function repeated(messages: DeviceMessage[]): DeviceMessage[] {
  return messages.filter(({ fault }) => fault === undefined).filter((_, index) => index % 19 === 0).slice(0, REPEATED);
}

/** 10,000 readings of sensors, one row each. */
export function readings(): Buffer[] {
  const start = Date.UTC(2026, 0, 1);
  return Array.from({ length: READINGS }, (_, number) => {
    const at = new Date(start + number * 1000).toISOString();
    return Buffer.from(JSON.stringify({ id: `r-${number}`, device: `sensor ${number % 40}`, value: 20 + (number % 70) / 10, at }));
  });
}

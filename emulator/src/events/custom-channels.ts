import type { Org } from "../org";
import { changedObject } from "./channels";

/** A custom channel, which has several events, or the changes of several objects, under one name. */
export interface ChannelDeclaration {
  /** Ends with `__chn`. */
  name: string;
  /** `event` for platform events, such as `/event/Alerts__chn`; `data` for change events, such as `/data/Support__chn`. */
  kind: "event" | "data";
  /** Names of events, such as `Device_Alert__e`, or of change events, such as `CaseChangeEvent`. The changes of such an object are captured even if it is not enabled. */
  members: string[];
}

/** The custom channels of the org. In a real org these are `PlatformEventChannel` records and their members. */
export class CustomChannels {
  private readonly channels = new Map<string, ChannelDeclaration>();

  constructor(private readonly org: Org) {}

  /** Adds a channel, or replaces the one with this name. @throws Error in plain words when it cannot be used */
  declare({ name, kind, members }: ChannelDeclaration): void {
    if (typeof name !== "string" || !/^[A-Za-z]\w*__chn$/.test(name)) throw new Error(`the name of a channel must end with __chn: ${name}`);
    if (kind !== "event" && kind !== "data") throw new Error(`kind of ${name} must be event or data`);
    if (!Array.isArray(members)) throw new Error(`${name} needs a list of members`);
    for (const member of members) if (!this.isMember(kind, String(member))) throw new Error(`${String(member)} cannot be a member of ${name}`);
    this.channels.set(name, { name, kind, members });
  }

  /** Returns the channel of this kind and name. `undefined` if there is none. */
  get(kind: ChannelDeclaration["kind"], name: string): ChannelDeclaration | undefined {
    const channel = this.channels.get(name);
    return channel?.kind === kind ? channel : undefined;
  }

  /** Whether a channel has the changes of an object. @param member for example `CaseChangeEvent` */
  captures(member: string): boolean {
    for (const { kind, members } of this.channels.values()) if (kind === "data" && members.includes(member)) return true;
    return false;
  }

  private isMember(kind: ChannelDeclaration["kind"], member: string): boolean {
    if (kind === "data") return changedObject(this.org, member) !== undefined;
    const object = this.org.schema.object(member);
    return object !== undefined && object.platformEvent && object.name === member;
  }
}

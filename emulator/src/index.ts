/** A strict Salesforce org on this machine, for tests and demos. */
export { startEmulator, type Emulator } from "./emulator";
export { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEFAULT_PASSWORD, DEFAULT_USERNAME, type ClientOptions, type CometdTimes, type EmulatorOptions, type PubSubOptions } from "./options";
export type { Control, StatsReading } from "./control/control";
export type { StreamReading } from "./cometd/cometd-session";
export type { StreamFault } from "./cometd/stream-faults";
export type { BulkFault, BulkPace } from "./bulk/pace";
export type { FailNext, FaultScope, RequestLimit, ResetConnections, Slow, Unavailable } from "./control/faults";
export type { BusEvent, ChangeEvent, ChangeHeader, ChangeType, GapType, GenericEvent, PublishedEvent, TopicEvent } from "./events/bus-event";
export type { KillStreams, PubSubFault } from "./pubsub/hub";
export type { ManagedDefinition } from "./pubsub/managed-subscriptions";
export type { StreamState } from "./pubsub/rpc";
export type { RequestRecord } from "./control/stats";
export type { UserState } from "./org";
export type { FieldDefinition, FieldType, ObjectDefinition, PicklistValue, RuleDefinition } from "./schema/types";
export type { Row } from "./store/table";
export type { UserOptions } from "./users";
export type { LimitName } from "./limits";

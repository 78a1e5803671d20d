import type { BrokerAddress } from "./broker-url";
import type { ConnectionFailure } from "./connection-failure";

/** The result of a round in which no host accepted the connection. */
export interface RoundOutcome {
  /** The failure to report: the first refusal if there was one, since waiting does not fix it; else the last failure. */
  failure: ConnectionFailure;
  /** Whether every host has refused. A host that did not answer may accept the connection when it is back. */
  allRefused: boolean;
}

/** Tries the hosts of a broker in turn, each once in a round. There is a reason to wait only after a full round. */
export class HostRound {
  private index = 0;
  private failures: ConnectionFailure[] = [];

  /** @param hosts at least one */
  constructor(private readonly hosts: readonly BrokerAddress[]) {}

  /** The host to try now. */
  get current(): BrokerAddress {
    return this.hosts[this.index % this.hosts.length] as BrokerAddress;
  }

  /**
   * Notes that the current host has failed, and moves on to the next.
   *
   * @returns the result of the round if it is over; `undefined` while hosts are left in it
   */
  failed(failure: ConnectionFailure): RoundOutcome | undefined {
    this.index += 1;
    this.failures.push(failure);
    if (this.failures.length < this.hosts.length) return undefined;
    const { failures } = this;
    this.failures = [];
    return { failure: failures.find(({ lane }) => lane === "refused") ?? failure, allRefused: failures.every(({ lane }) => lane === "refused") };
  }

  /** Begins a new round: earlier failures no longer count. */
  begin(): void {
    this.failures = [];
  }

  /** Makes the host with this address the current one, because another connection has just reached it. */
  prefer(address: BrokerAddress): void {
    const index = this.hosts.findIndex(({ protocol, hostname, port }) => protocol === address.protocol && hostname === address.hostname && port === address.port);
    if (index >= 0) this.index = index;
  }
}

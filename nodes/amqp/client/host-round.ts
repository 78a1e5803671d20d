import type { BrokerAddress } from "./broker-url";
import type { ConnectionFailure } from "./connection-failure";

/** How a round through all hosts has ended, when none took the connection. */
export interface RoundOutcome {
  /** What to say: a refusal, where there was one, since waiting does not mend it. */
  failure: ConnectionFailure;
  /** Whether every host refused. One that did not answer may take the connection when it is back. */
  allRefused: boolean;
}

/** The hosts of a broker, tried in turn: each once in a round, and only then is there a reason to wait. */
export class HostRound {
  private index = 0;
  private failures: ConnectionFailure[] = [];

  /** @param hosts at least one */
  constructor(private readonly hosts: readonly BrokerAddress[]) {}

  /** The host to try. */
  get current(): BrokerAddress {
    return this.hosts[this.index % this.hosts.length] as BrokerAddress;
  }

  /**
   * The current host failed: the next is the current one.
   *
   * @returns how the round has ended, or `undefined` while there are hosts left in it
   */
  failed(failure: ConnectionFailure): RoundOutcome | undefined {
    this.index += 1;
    this.failures.push(failure);
    if (this.failures.length < this.hosts.length) return undefined;
    const { failures } = this;
    this.failures = [];
    return { failure: failures.find(({ lane }) => lane === "refused") ?? failure, allRefused: failures.every(({ lane }) => lane === "refused") };
  }

  /** Whatever failed so far no longer counts. */
  begin(): void {
    this.failures = [];
  }

  /** Takes the host with this address next: another connection has just found it up. */
  prefer(address: BrokerAddress): void {
    const index = this.hosts.findIndex(({ protocol, hostname, port }) => protocol === address.protocol && hostname === address.hostname && port === address.port);
    if (index >= 0) this.index = index;
  }
}

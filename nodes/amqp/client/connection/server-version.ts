import type { ChannelModel } from "amqplib";

/** The version of a server, to check what it can do. */
export interface ServerVersion {
  atLeast(major: number, minor: number): boolean;
}

/** Returns the version of the connected server. A server that does not report one counts as new. */
export function serverVersion(model: ChannelModel): ServerVersion {
  const [major = NaN, minor = NaN] = String(model.connection.serverProperties.version ?? "").split(".").map(Number);
  return {
    atLeast(wantedMajor, wantedMinor) {
      if (Number.isNaN(major)) return true;
      return major > wantedMajor || (major === wantedMajor && (Number.isNaN(minor) || minor >= wantedMinor));
    },
  };
}

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate and its key: their files and the content of these. */
export interface Certificate {
  certFile: string;
  keyFile: string;
  cert: Buffer;
  key: Buffer;
}

/** A certificate authority of the tests. */
export class Authority {
  readonly folder = mkdtempSync(join(tmpdir(), "surewire-ca-"));
  readonly ca: Certificate;

  constructor(private readonly name = "surewire test authority") {
    this.ca = this.make("ca", ["-x509", "-subj", `/CN=${this.name}`, "-addext", "basicConstraints=critical,CA:TRUE"]);
  }

  /** Makes a certificate for a server. @param names for example `DNS:localhost` */
  server(...names: string[]): Certificate {
    return this.signed("server", "server", `subjectAltName=${names.join(",")}\nextendedKeyUsage=serverAuth`);
  }

  /** Makes a certificate for a client. @param name the user name that the broker takes from it */
  client(name: string): Certificate {
    return this.signed(`client-${name}`, name, "extendedKeyUsage=clientAuth");
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private signed(file: string, commonName: string, extensions: string): Certificate {
    const at = (ending: string): string => join(this.folder, `${file}.${ending}`);
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", `/CN=${commonName}`, "-keyout", at("key"), "-out", at("csr"));
    writeFileSync(at("ext"), `${extensions}\n`);
    openssl("x509", "-req", "-in", at("csr"), "-CA", this.ca.certFile, "-CAkey", this.ca.keyFile, "-CAcreateserial", "-days", "2", "-extfile", at("ext"), "-out", at("crt"));
    return read(at("crt"), at("key"));
  }

  private make(file: string, options: string[]): Certificate {
    const [certFile, keyFile] = [join(this.folder, `${file}.crt`), join(this.folder, `${file}.key`)];
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", ...options, "-keyout", keyFile, "-out", certFile);
    return read(certFile, keyFile);
  }
}

function read(certFile: string, keyFile: string): Certificate {
  return { certFile, keyFile, cert: readFileSync(certFile), key: readFileSync(keyFile) };
}

function openssl(...args: string[]): void {
  execFileSync("openssl", args, { stdio: "pipe" });
}

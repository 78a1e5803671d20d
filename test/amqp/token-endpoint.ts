import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** What one request was. */
export interface Asked {
  authorization: string | undefined;
  form: URLSearchParams;
}

/** An authorisation server that answers as the test says. */
export class FakeTokenEndpoint {
  readonly asked: Asked[] = [];
  /** Status and body of the next answers; `undefined`: it never answers. */
  answer: (asked: Asked) => { status: number; body?: object | string; headers?: Record<string, string> } | undefined = () => ({ status: 500 });
  private readonly server = createServer((request, response) => void this.handle(request, response));

  /** @returns its token URL */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return this.url;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as { port: number }).port}/token`;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const asked = { authorization: request.headers.authorization, form: new URLSearchParams(body) };
    this.asked.push(asked);
    const answer = this.answer(asked);
    if (!answer) return;
    response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers });
    response.end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body ?? {}));
  }
}

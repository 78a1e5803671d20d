import type { ApiError, FailedAnswer } from "../errors";

/** Whether an answer is a fault of the SOAP API. */
export function isSoapFault(answer: FailedAnswer): boolean {
  return answer.status === 500 && /^[^<]*(?:<\?xml[^>]*\?>\s*)?<(?:\w+:)?Envelope\b/.test(answer.body) && /<faultcode>/.test(answer.body);
}

/**
 * Returns the error of a SOAP fault: its code without the namespace, and its text without the code at the beginning. `undefined` if the answer is not a fault.
 */
export function soapFault(answer: FailedAnswer): ApiError | undefined {
  if (!isSoapFault(answer)) return undefined;
  const code = /<faultcode>\s*(?:[\w-]+:)?([\w-]+)\s*<\/faultcode>/.exec(answer.body)?.[1] ?? "UNKNOWN_EXCEPTION";
  const text = unescape(/<faultstring>([^]*?)<\/faultstring>/.exec(answer.body)?.[1] ?? "").trim();
  return { code, message: text.startsWith(`${code}:`) ? text.slice(code.length + 1).trim() : text, fields: [] };
}

const NAMED: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function unescape(text: string): string {
  return text.replace(/&(#?\w{1,8});/g, (whole, name: string) => {
    if (!name.startsWith("#")) return NAMED[name] ?? whole;
    const code = name.startsWith("#x") ? parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

import { escaped } from "../client/soap/escaped";

/** Headers of the page to which the org sends the browser back. It may load nothing, no page may frame it, and its address, which holds the used code, is sent to no one. */
export const PAGE_HEADERS = {
  "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
};

/** Returns the page as HTML: a heading and a sentence. */
export function callbackPage(heading: string, text: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(heading)}</title>
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem}</style></head>
<body><h1>${escaped(heading)}</h1><p>${escaped(text)}</p></body></html>
`;
}

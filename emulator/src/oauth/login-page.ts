import type { Reply } from "../http";
import { escapeXml } from "../soap/xml";

const STYLE = `:root { color-scheme: light dark; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 22rem; margin: 12vh auto; padding: 0 1rem; }
  label { display: block; margin-top: 1rem; }
  input { width: 100%; box-sizing: border-box; font: inherit; padding: .5rem; }
  button { font: inherit; padding: .5rem 1rem; margin: 1.5rem .5rem 0 0; }
  [role=alert] { color: #c23934; }`;

/** No other page may show this one in a frame, and it may load nothing. */
const HEADERS = { "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'", "X-Frame-Options": "DENY" };

/**
 * Returns the page on which a user logs in and allows or denies access to an app.
 *
 * @param action the address to which the form is sent, which is that of the page itself
 * @param last the last input, and what was wrong with it
 */
export function loginPage(action: string, clientId: string, scope: string, last?: { username: string; problem: string }): Reply {
  const problem = last ? `<p role="alert">${escapeXml(last.problem)}</p>` : "";
  return page(
    "Log in",
    `<h1>Salesforce emulator</h1>
<p>The app <strong>${escapeXml(clientId)}</strong> asks for <strong>${escapeXml(scope)}</strong>.</p>${problem}
<form method="post" action="${escapeXml(action)}">
<label>Username <input name="username" autocomplete="username" value="${escapeXml(last?.username ?? "")}" autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button name="decision" value="approve">Log in and allow</button><button name="decision" value="deny">Deny</button>
</form>`,
  );
}

/** Returns the page for an error that must not be sent to any address. */
export function refusalPage(error: string, description: string): Reply {
  const text = `error=${error}&error_description=${encodeURIComponent(description)}`;
  return { ...page("OAuth error", `<h1>We can't authorize you because of an OAuth error.</h1><p>${escapeXml(text)}</p>`), status: 400 };
}

function page(title: string, body: string): Reply {
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title><style>${STYLE}</style></head><body>${body}</body></html>`;
  return { status: 200, html, headers: HEADERS };
}

/**
 * The page at `/`, which shows the newest cases. It asks the control API once a second. It builds the table only with `textContent`, so that nothing that a device sends
 * can become markup.
 */
export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'">
<title>Cases – Salesforce emulator</title>
<style>
  :root { color-scheme: light dark; --line: #8884; --soft: #777; --new: #2e844a33; --bad: #ba0517; --head: #8881; }
  @media (prefers-color-scheme: dark) { :root { --soft: #aaa; --bad: #fe7765; } }
  * { box-sizing: border-box; }
  body { margin: 0 auto; max-width: 1200px; padding: 1.5rem 1rem; font: 15px/1.45 system-ui, sans-serif; }
  h1 { margin: 0 0 .25rem; font-size: 1.35rem; }
  p { margin: 0 0 1rem; color: var(--soft); }
  strong { font-size: 1.6rem; color: CanvasText; font-variant-numeric: tabular-nums; }
  .scroll { overflow-x: auto; }
  table { width: 100%; border-collapse: collapse; }
  th, td { padding: .4rem .6rem; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
  td:nth-child(3) { white-space: normal; overflow-wrap: anywhere; min-width: 14rem; }
  th { background: var(--head); font-weight: 600; }
  td { font-variant-numeric: tabular-nums; }
  tr.new td { animation: arrive 2s ease-out; }
  @keyframes arrive { from { background: var(--new); } }
  @media (prefers-reduced-motion: reduce) { tr.new td { animation: none; } }
  #state { color: var(--bad); }
</style>
</head>
<body>
<h1>Salesforce emulator</h1>
<p>
  <strong id="total">0</strong> cases · <span id="calls">0</span> API calls · <span id="logins">0</span> logins
  <span id="state" role="status"></span>
</p>
<div class="scroll">
<table>
<thead><tr><th>Case</th><th>Created</th><th>Subject</th><th>Status</th><th>Priority</th><th>Origin</th><th>Device event</th></tr></thead>
<tbody id="rows"></tbody>
</table>
</div>
<p id="empty">No cases yet. They appear here as they come in.</p>
<script>
"use strict";
const FIELDS = ["CaseNumber", "CreatedDate", "Subject", "Status", "Priority", "Origin", "Device_Event_Id__c"];
const SHOWN = 100;
const element = (id) => document.getElementById(id);
let known = new Set();
let first = true;

function toRow(record) {
  const row = document.createElement("tr");
  if (!first && !known.has(record.Id)) row.className = "new";
  for (const field of FIELDS) {
    const cell = document.createElement("td");
    const value = record[field];
    const isTime = field === "CreatedDate";
    cell.textContent = isTime ? new Date(value.replace("+0000", "Z")).toLocaleTimeString() : String(value ?? "");
    row.append(cell);
  }
  return row;
}

async function get(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(String(response.status));
  return response.json();
}

async function refresh() {
  try {
    const [cases, stats] = await Promise.all([get("/__emu/records/Case?limit=" + SHOWN), get("/__emu/stats")]);
    element("total").textContent = cases.total.toLocaleString();
    element("calls").textContent = stats.apiCalls.toLocaleString();
    element("logins").textContent = stats.logins.toLocaleString();
    element("rows").replaceChildren(...cases.records.map(toRow));
    element("empty").hidden = cases.total > 0;
    element("state").textContent = "";
    known = new Set(cases.records.map((record) => record.Id));
    first = false;
  } catch {
    element("state").textContent = "· the emulator does not answer";
  }
  setTimeout(refresh, 1000);
}
refresh();
</script>
</body>
</html>
`;

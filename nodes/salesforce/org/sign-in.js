/* The buttons of the org's form: Connect to Salesforce, and Test connection. Written into the html of the form. */
(function () {
  "use strict";

  const TEXTS = ["loginUrl", "flow", "keyFile", "apiVersion", "timeout"];
  const CREDENTIALS = ["clientId", "clientSecret", "username", "password", "securityToken", "privateKey", "accessToken"];
  /** How often the runtime is asked whether the pop-up has come back, in ms. */
  const INTERVAL = 500;

  /** What is under way: `{ popup, timer }`. */
  let waiting;

  function formValues(node) {
    return surewire.formValues(node, TEXTS, CREDENTIALS);
  }

  function show(where, ok, content) {
    $(where).empty().append(surewire.finding(ok, content));
  }

  /** A list of what was found out: names and values. */
  function facts(node, report) {
    const list = $("<dl/>");
    function add(key, value) {
      if (value) list.append($("<dt/>").text(node._("org.test." + key)), $("<dd/>").text(value));
    }
    const kind = report.sandbox ? " (" + node._("org.host.sandbox") + ")" : "";
    add("organization", (report.organization ? report.organization + kind + ", " : "") + (report.orgId || ""));
    add("instance", report.instance);
    add("username", report.username);
    add("apiVersion", report.apiVersion);
    if (report.usage) {
      const percent = report.usage.limit ? Math.floor(report.usage.used / report.usage.limit * 100) : 0;
      add("usage", node._("org.test.calls", { used: String(report.usage.used), limit: String(report.usage.limit), percent: String(percent) }));
    }
    (report.scarce || []).forEach(function (limit) {
      list.append($("<dt/>").text(limit.name), $("<dd/>").text(limit.used + " / " + limit.limit));
    });
    return list;
  }

  function callbackUrl() {
    return new URL("surewire/salesforce-org/callback", window.location.href.replace(/[?#].*$/, "")).href;
  }

  /** Ends what is under way, and closes its pop-up. */
  function endSignIn() {
    if (!waiting) return;
    clearTimeout(waiting.timer);
    waiting.popup.close();
    waiting = undefined;
  }

  function connect(node) {
    const where = "#surewire-org-connect-result";
    endSignIn();
    // opened at once, since a later one would be blocked
    const popup = window.open("", "surewire-salesforce-connect", "width=640,height=760");
    if (!popup) return show(where, false, node._("org.connect.blocked"));
    popup.opener = null;
    const mine = (waiting = { popup: popup, timer: undefined });
    const failed = function (text) {
      if (waiting !== mine) return;
      endSignIn();
      show(where, false, text);
    };
    $(where).text(node._("org.connect.waiting"));
    surewire.ask("salesforce-org/connect", Object.assign(formValues(node), { callback: callbackUrl() }))
      .done(function (begun) {
        if (waiting !== mine) return;
        popup.location.href = begun.url;
        follow(begun.handle);
      })
      .fail(function (request) { failed(surewire.failure(request)); });

    function follow(handle) {
      mine.timer = setTimeout(function () {
        surewire.ask("salesforce-org/connect/" + handle)
          .done(function (outcome) {
            if (waiting !== mine) return;
            if (outcome.status === "waiting") return follow(handle);
            if (outcome.status === "failed") return failed(outcome.problem);
            endSignIn();
            $("#node-config-input-connectedAs").val(outcome.username).trigger("change");
            $("#node-config-input-connectedAt").val(new Date().toISOString());
            show(where, true, node._("org.connect.done", { username: outcome.username, instance: outcome.instance }));
          })
          .fail(function (request) { failed(surewire.failure(request)); });
      }, INTERVAL);
    }
  }

  function prepareSignIn(node) {
    $("#surewire-org-callback").val(callbackUrl()).on("focus", function () { this.select(); });
    if (node.connectedAs) {
      const since = node.connectedAt ? new Date(node.connectedAt).toLocaleString() : "";
      show("#surewire-org-connect-result", true, node._("org.connect.connected", { username: node.connectedAs, since: since }));
    }
    $("#surewire-org-connect").on("click", function () { connect(node); });
    surewire.testButton("org", {
      path: "salesforce-org/test",
      values: function () { return formValues(node); },
      show: function (report) { return surewire.finding(report.ok, report.ok ? facts(node, report) : report.problem); },
    });
  }

  window.surewire = Object.assign(window.surewire || {}, { salesforce: { prepareSignIn, endSignIn } });
})();

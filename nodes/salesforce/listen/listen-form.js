/* The form of the listen node. Written into its html. */
(function () {
  "use strict";
  const { say, reason, number, checked } = surewire.catalogue("surewire-salesforce-listen");
  const OPERATIONS = ["create", "update", "delete", "undelete"];
  /** What stands in the field at first, for each kind of channel. */
  const EXAMPLES = ["/event/Device_Alert__e", "/event/Plant__chn", "/data/ChangeEvents", "/data/CaseChangeEvent", "/data/Device__ChangeEvent", "/topic/OpenCases", "/topic/OpenCases?Status='New'", "/u/notices"];
  const CHANNEL = /^\/((topic|event|data)\/[^/?]+|u(\/[^/?]+)+)(\?.+)?$/;

  function isTopic(channel) {
    return /^\s*\/topic\//.test(channel || "");
  }

  /** Whether the node makes the PushTopic. */
  function declares(node) {
    return surewire.field(node, "declareTopic") === true && isTopic(surewire.field(node, "channel"));
  }

  function checkChannel(node, value, options) {
    if (surewire.isBlank(value)) return surewire.check.required(value, options);
    if (surewire.isEnvironment(value)) return true;
    const channel = String(value).trim();
    if (!CHANNEL.test(channel)) return reason("reason.channel", options);
    if (channel.includes("?") && !isTopic(channel)) return reason("reason.filter", options);
    if (surewire.field(node, "transport") === "pubsub" && !/^\/(event|data)\//.test(channel)) return reason("reason.pubsub", options);
    return declares(node) && channel.split("?")[0].length > "/topic/".length + 25 ? reason("reason.topicName", options) : true;
  }

  function checkTopicQuery(node, value, options) {
    if (!declares(node) || surewire.isEnvironment(value)) return true;
    if (surewire.isBlank(value)) return surewire.check.required(value, options);
    return /^\s*SELECT\b[\s\S]*\bId\b[\s\S]*\bFROM\b/i.test(value) ? true : reason("reason.topicQuery", options);
  }

  /** Which kind of channel it is, for the note below. */
  function kindOf(channel) {
    const kind = (/^\s*\/(topic|event|data|u)\//.exec(channel || "") || [])[1];
    return kind === "event" && /__chn\s*$/.test(channel) ? "event-channel" : kind || "none";
  }

  function press() {
    const node = this;
    const name = node.name || node.channel || "salesforce listen";
    $.ajax({ url: "surewire/salesforce-listen/" + encodeURIComponent(node.id), type: "POST", contentType: "application/json", data: "{}" })
      .done(function (answer) {
        RED.notify(node._("listen.button." + answer.action, { name: name }), { type: "success", id: "surewire-listen-" + node.id, timeout: 2000 });
      })
      .fail(function (xhr) {
        const why = (xhr.responseJSON && xhr.responseJSON.message) || xhr.statusText || String(xhr.status);
        RED.notify(node._("listen.button.failed", { name: name, reason: why }), "error");
      });
  }

  RED.nodes.registerType("surewire-salesforce-listen", {
    category: "surewire",
    color: "#8FC1E3",
    icon: "surewire-salesforce-listen.svg",
    paletteLabel: "salesforce listen",
    inputs: 0,
    outputs: 2,
    defaults: {
      name: { value: "" },
      org: { value: "", type: "surewire-salesforce-org", required: true, label: say("label.org") },
      transport: { value: "cometd" },
      channel: checked("channel", "", (value, options, node) => checkChannel(node, value, options)),
      declareTopic: { value: false },
      topicQuery: checked("topicQuery", "", (value, options, node) => checkTopicQuery(node, value, options)),
      topicOperations: {
        value: OPERATIONS,
        label: say("label.topicOperations"),
        validate: function (value, options) { return !declares(this) || !Array.isArray(value) || value.length > 0 ? true : reason("reason.topicOperations", options); },
      },
      topicFields: { value: "Referenced" },
      replayFrom: { value: "stored" },
      staleReplay: { value: "all" },
      maxInFlight: number("maxInFlight", { value: 200, min: 1, max: 10000 }),
      ...surewire.settleDefaults({ poisonLimit: true }),
      store: { value: "", type: "surewire-sql-database", required: false, label: say("label.store") },
      listener: { value: "" },
      standby: checked("standby", false, (value, options, node) => value === true && surewire.isBlank(surewire.field(node, "store")) ? reason("reason.standby", options) : true),
      leaseTime: number("leaseTime", { value: 30, min: 3, max: 3600 }),
      dedupeWindow: number("dedupeWindow", { value: 10000, min: 0, max: 100000 }),
      startPaused: { value: false },
      inputs: { value: 0 },
    },
    label: function () { return this.name || this.channel || "salesforce listen"; },
    labelStyle: function () { return this.name ? "node_label_italic" : ""; },
    inputLabels: function () { return this._("listen.port.input"); },
    outputLabels: function (index) { return this._(index === 0 ? "listen.port.events" : "listen.port.dead-letters"); },
    button: {
      enabled: function () { return !this.changed; },
      onclick: press,
    },
    oneditprepare: function () {
      const node = this;
      surewire.prepare(node);
      EXAMPLES.forEach(function (channel) { $("<option/>", { value: channel }).appendTo("#node-input-channel-words"); });
      OPERATIONS.forEach(function (operation) {
        const box = $("<input/>", { type: "checkbox", id: "node-input-operation-" + operation }).css({ width: "auto", margin: "0 5px 0 0", verticalAlign: "baseline" });
        box.prop("checked", (node.topicOperations || OPERATIONS).includes(operation));
        $("<label/>", { for: box.attr("id") }).css({ width: "auto", marginRight: "14px" }).append(box, document.createTextNode(node._("listen.operation." + operation))).appendTo("#node-input-topicOperations-boxes");
      });
      surewire.settleRows("#node-input-settle-rows", node, { poisonLimit: true });
      surewire.showUnwired(node, 1, "dead-letters");
      function show() {
        const channel = $("#node-input-channel").val();
        const replayFrom = $("#node-input-replayFrom").val() || "stored";
        $("#node-input-channel-note").text(node._("listen.channel-note." + kindOf(channel)));
        $("#node-input-topic-rows").toggle(isTopic(channel));
        $("#node-input-declared-rows").toggle($("#node-input-declareTopic").prop("checked"));
        $("#node-input-replayFrom-note").text(node._("listen.replayFrom-note." + replayFrom)).toggleClass("surewire-warning", replayFrom !== "stored");
        surewire.showStandby();
      }
      $("#node-input-channel, #node-input-transport, #node-input-declareTopic, #node-input-replayFrom, #node-input-store, #node-input-standby").on("change keyup", function () {
        show();
        surewire.revalidate(node);
      });
      show();
      if (node.store || node.listener) $("#node-input-position-more").prop("open", true);
      surewire.controlInput(node);
    },
    oneditsave: function () {
      this.topicOperations = OPERATIONS.filter(function (operation) { return $("#node-input-operation-" + operation).prop("checked"); });
      surewire.save(this);
    },
  });
})();

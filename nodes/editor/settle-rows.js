/* The rows of a form that set how a source settles its deliveries. */
(function () {
  "use strict";
  const { formRow, revalidate, showDuration, text } = window.surewire;
  const ICONS = { deadline: "hourglass-half", retries: "repeat", retryDelay: "clock-o", retryMaxDelay: "clock-o", poisonLimit: "flask" };

  /**
   * Puts the rows that every source has into the form: `settle`, `retries`, `retryDelay`, `retryMaxDelay`, `deadline`. `options.deadLetterQueue`, a placeholder text, adds
   * the row `deadLetterQueue`, and `options.poisonLimit` the row `poisonLimit`. To be called in oneditprepare; Node-RED saves these fields like those of the form.
   */
  function settleRows(selector, node, options) {
    const target = $(selector).empty();
    const defaults = surewire.settleDefaults(options);
    const settle = $("<select/>");
    ["flow", "node", "delivery"].forEach(function (value) {
      $("<option/>", { value: value, text: text("settle." + value) }).appendTo(settle);
    });
    const note = $("<div/>", { class: "surewire-note", "aria-live": "polite" });
    target.append(formRow("settle", "check-circle-o", settle.css("width", "70%")).append(note));
    settle.val(node.settle || "flow");
    function showNote() {
      note.text(text("settle-note." + settle.val())).toggleClass("surewire-warning", settle.val() === "delivery");
      target.find(".surewire-retry").toggle(settle.val() !== "delivery");
    }

    const more = $("<details/>", { class: "surewire-more surewire-retry" }).append($("<summary/>", { text: text("label.retry") })).appendTo(target);
    ["retries", "retryDelay", "retryMaxDelay", "deadline"].forEach(function (property) {
      const input = $("<input/>", { type: "text", inputmode: "numeric" }).css("width", "110px");
      more.append(formRow(property, ICONS[property], input));
      input.val(node[property] === undefined ? defaults[property].value : node[property]);
      if (property !== "retries") showDuration(input);
    });
    if (options && options.deadLetterQueue !== undefined) {
      const input = $("<input/>", { type: "text", placeholder: options.deadLetterQueue });
      more.append(formRow("deadLetterQueue", "inbox", input));
      input.val(node.deadLetterQueue || "");
    }
    if (options && options.poisonLimit) {
      const input = $("<input/>", { type: "text", inputmode: "numeric" }).css("width", "110px");
      more.append(formRow("poisonLimit", ICONS.poisonLimit, input).attr("id", "node-input-poisonLimit-row").append(" ", $("<span/>", { class: "surewire-unit", text: text("unit.poisonLimit") })));
      input.val(node.poisonLimit === undefined ? defaults.poisonLimit.value : node.poisonLimit);
    }
    settle.on("change", showNote);
    showNote();
    target.find("input, select").on("change keyup paste", function () {
      if (!$(this).attr("skipValidation")) revalidate(node);
    });
  }

  /**
   * Shows a warning below the settle rows while nothing is wired to an output without which the node stops.
   *
   * @param port number of the output, from 0; `undefined` when the node has no such output now
   * @param key key of the warning's text, under `unwired`
   */
  function showUnwired(node, port, key) {
    const isWired = RED.nodes.filterLinks({ source: { id: node.id }, sourcePort: port }).length > 0;
    const isMissing = port !== undefined && !isWired;
    // made only once: screen readers do not read a text that is added together with its element
    if ($("#node-input-unwired").length === 0) $("<div/>", { id: "node-input-unwired", class: "surewire-note surewire-warning", "aria-live": "polite" }).insertAfter("#node-input-settle-rows");
    $("#node-input-unwired").toggle(isMissing).text(isMissing ? text("unwired." + key) : "");
  }

  window.surewire = Object.assign(window.surewire || {}, { settleRows, showUnwired });
})();

/* Single fields of a form: numbers, times, rows with a label of the shared catalogue. */
(function () {
  "use strict";
  const { element, isBlank, text } = window.surewire;

  /** Keeps numbers numbers: Node-RED reads every field as text. For oneditsave; `${ENV}` and the empty text stay as they are. */
  function saveNumbers(node, properties) {
    properties.forEach(function (property) {
      const value = element(node, property).val();
      const changed = String(node[property]) !== String(value);
      if (changed && !isBlank(value) && Number.isFinite(Number(value))) node[property] = Number(value);
    });
  }

  /**
   * Shows what a new node has, where a property was not saved: in flows that are older than it, or written by hand. For oneditprepare, before typed
   * inputs are made of the fields.
   */
  function showDefaults(node) {
    Object.entries(node._def.defaults).forEach(function ([name, property]) {
      if (node[name] !== undefined || typeof property.value === "object") return;
      const input = element(node, name);
      if (input.attr("type") === "checkbox") input.prop("checked", property.value);
      else input.val(property.value);
    });
  }

  /** Milliseconds in words: 1500000 → "25 min". */
  function duration(value) {
    const ms = Number(value);
    if (isBlank(value) || !Number.isFinite(ms)) return "ms";
    const units = [["h", 3600000], ["min", 60000], ["s", 1000]];
    const unit = units.find(function (entry) { return ms >= entry[1]; });
    if (!unit) return "ms";
    return "ms = " + Number((ms / unit[1]).toFixed(2)) + " " + unit[0];
  }

  /** Shows the unit behind a field that holds milliseconds, and what that is in s, min or h. */
  function showDuration(selector) {
    const input = $(selector);
    const unit = $("<span/>", { class: "surewire-unit" }).insertAfter(input);
    function show() { unit.text(duration(input.val())); }
    input.on("change keyup paste", show);
    show();
  }

  /** A row of a form around an input or select: its label stands in the shared catalogue under the name of the property. */
  function formRow(property, icon, control) {
    const row = $("<div/>", { class: "form-row" });
    const label = $("<label/>", { for: "node-input-" + property }).appendTo(row);
    $("<i/>", { class: "fa fa-" + icon }).appendTo(label);
    label.append(" ", $("<span/>", { text: text("label." + property) }));
    // the space stands for the line break between them in a form's own html
    row.append(" ", control.attr("id", "node-input-" + property));
    return row;
  }

  window.surewire = Object.assign(window.surewire || {}, { saveNumbers, showDefaults, showDuration, formRow });
})();

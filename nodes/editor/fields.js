/* The fields of a form: what every form does with its fields when it opens and when it is saved, and fields that several forms have. */
(function () {
  "use strict";
  const { element, isBlank, rows, text } = window.surewire;

  /** For each node whose form is open: the properties that were not saved, each with the value that it stands for. */
  const unsaved = new WeakMap();

  /** Returns the properties of a node that have a field in its form, each with its field. */
  function fieldsOf(node) {
    return Object.keys(node._def.defaults)
      .map(function (name) { return [name, element(node, name)]; })
      .filter(function (entry) { return entry[1].length > 0; });
  }

  /** Returns the properties of a node that are objects with a field for their JSON, `node-input-<name>-text`, each with its field. */
  function jsonFieldsOf(node) {
    return Object.keys(node._def.defaults)
      .map(function (name) { return [name, element(node, name + "-text")]; })
      .filter(function (entry) { return entry[1].length > 0; });
  }

  /**
   * To be called at the beginning of oneditprepare, before fields become typed inputs. A property that was not saved, because the flow is older than the property or was
   * written by hand, shows the value of a new node. The time in s, min or h is shown behind a field in ms, and an object is shown as JSON.
   *
   * @param meant the values that unsaved properties stand for, where these differ from a new node's
   */
  function prepare(node, meant) {
    const values = Object.entries(node._def.defaults).map(function ([name, property]) { return [name, property.value]; });
    unsaved.set(node, new Map(values.concat(Object.entries(meant || {})).filter(function ([name]) { return node[name] === undefined; })));
    fieldsOf(node).forEach(function ([name, input]) {
      const isConfigNode = node._def.defaults[name].type !== undefined;
      const value = unsaved.get(node).get(name);
      if (node[name] === undefined && typeof value !== "object" && !isConfigNode) {
        if (input.attr("type") === "checkbox") input.prop("checked", value);
        else input.val(value);
      }
      if (input.attr("data-unit") === "ms") showDuration(input);
    });
    jsonFieldsOf(node).forEach(function ([name, input]) {
      makeTyped(input.val(toJsonText(node[name]) || "{}"), { default: "json", types: ["json"] });
    });
  }

  /**
   * To be called at the end of oneditsave. Turns the text of number fields into numbers, except `${ENV}` and the empty text. Saves the fields of objects, and the lists
   * that `surewire.list` has made. Properties that were not saved before stay unsaved while none of them is changed: to look at a node of an older flow does not
   * change it.
   */
  function save(node) {
    fieldsOf(node).forEach(function ([name, input]) {
      if (["numeric", "decimal"].includes(input.attr("inputmode"))) saveNumber(node, name);
    });
    jsonFieldsOf(node).forEach(function ([name, input]) { node[name] = fromJsonText(input.typedInput("value")); });
    Object.keys(node._def.defaults).forEach(function (name) {
      const target = element(node, name + "-list");
      if (target.data("surewire-list")) node[name] = rows(target);
    });
    const older = Array.from(unsaved.get(node));
    if (!older.every(function ([name, meant]) { return isStill(node, name, meant); })) return;
    older.forEach(function ([name]) {
      delete node[name];
      element(node, name).removeAttr("id"); // else Node-RED would find the field by it and save its value
    });
  }

  /** Whether a property has this value: in its field in the open form or, if it has no field, in the node. */
  function isStill(node, name, value) {
    const input = element(node, name);
    if (input.length === 0) return JSON.stringify(node[name]) === JSON.stringify(value);
    if (input.attr("type") === "checkbox") return input.prop("checked") === value;
    return (isBlank(input.val()) ? "" : input.val()) === String(value);
  }

  function saveNumber(node, property) {
    const value = element(node, property).val();
    const changed = String(node[property]) !== String(value);
    if (changed && !isBlank(value) && Number.isFinite(Number(value))) node[property] = Number(value);
  }

  /** Returns the unit of milliseconds and, from 1 s on, the same time in s, min or h: 1500000 → "ms = 25 min". */
  function duration(value) {
    const ms = Number(value);
    if (isBlank(value) || !Number.isFinite(ms)) return text("unit.ms");
    const units = [["h", 3600000], ["min", 60000], ["s", 1000]];
    const unit = units.find(function (entry) { return ms >= entry[1]; });
    if (!unit) return text("unit.ms");
    return text("unit.ms") + " = " + Number((ms / unit[1]).toFixed(2)) + " " + text("unit." + unit[0]);
  }

  /** Shows, behind a field with milliseconds, the unit and the same time in s, min or h. */
  function showDuration(input) {
    const unit = $("<span/>", { class: "surewire-unit" }).insertAfter(input).before(" ");
    function show() { unit.text(duration(input.val())); }
    input.on("change keyup paste", show);
    show();
  }

  /**
   * Turns a field of a form into a typed input. Node-RED hides the field and shows another one, which has no label. The label of the field is given to that one, so
   * that screen readers read it, and a click on it sets the focus.
   */
  function makeTyped(input, options) {
    input.typedInput(options);
    const id = input.attr("id") + "-shown";
    input.next(".red-ui-typedInput-container").find(".red-ui-typedInput-input").attr("id", id);
    $('label[for="' + input.attr("id") + '"]').attr("for", id);
    return input;
  }

  /** Turns the field of a property into a typed input; the first of `types` is the default. */
  function typed(property, types) {
    return makeTyped($("#node-input-" + property), { default: types[0].value || types[0], types: types, typeField: "#node-input-" + property + "Type" });
  }

  /**
   * Connects a select, `#node-input-<property>-choice`, with the field of a property that holds one of `words` or the user's own text. The option `own` of the select
   * stands for such a text. @returns the select
   */
  function choice(property, words, own) {
    const field = $("#node-input-" + property);
    const select = $("#node-input-" + property + "-choice").val(words.includes(field.val()) ? field.val() : own);
    return select.on("change", function () {
      if (select.val() !== own) field.val(select.val());
      else if (words.includes(field.val())) field.val("");
      field.trigger("change");
    });
  }

  /** Connects the check box that gives a source an input, by which the source is paused and started. */
  function controlInput(node) {
    $("#node-input-control")
      .prop("checked", node.inputs === 1)
      .on("change", function () { $("#node-input-inputs").val($(this).prop("checked") ? 1 : 0); });
  }

  /** Shows the rows `standby` and `leaseTime` only where they have an effect: instances need a database to agree which of them stands by. */
  function showStandby() {
    const hasStore = !isBlank($("#node-input-store").val());
    if (!hasStore) $("#node-input-standby").prop("checked", false);
    $("#node-input-standby-row").toggle(hasStore);
    $("#node-input-leaseTime-row").toggle($("#node-input-standby").prop("checked"));
  }

  /** Returns the text of an object for a field. The node saves the object. A value that is no object stays text, so that `check.jsonObject` can give the reason. */
  function toJsonText(value) {
    if (typeof value === "string") return value;
    return value && Object.keys(value).length > 0 ? JSON.stringify(value) : "";
  }

  /** The reverse of {@link toJsonText}. */
  function fromJsonText(text) {
    if (text.trim() === "") return {};
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }

  /** Returns a row of a form around an input or select. The text of its label is in the shared catalogue, under the name of the property. */
  function formRow(property, icon, control) {
    const row = $("<div/>", { class: "form-row" });
    const label = $("<label/>", { for: "node-input-" + property }).appendTo(row);
    $("<i/>", { class: "fa fa-" + icon }).appendTo(label);
    label.append(" ", $("<span/>", { text: text("label." + property) }));
    // the space replaces the line break between label and field in a form's own html
    row.append(" ", control.attr("id", "node-input-" + property));
    return row;
  }

  const shared = { prepare, save, saveNumber, showDuration, makeTyped, typed, choice, controlInput, showStandby, toJsonText, fromJsonText, formRow };
  window.surewire = Object.assign(window.surewire || {}, shared);
})();

/* The rows of a form that set how content is read or written. */
(function () {
  "use strict";
  const { field, formRow, isBlank, isEnvironment, list, named, rows, suggest, text } = window.surewire;
  const PREFIX = "formatOptions-";
  const FORMATS = ["auto", "json", "xml", "delimited", "text", "buffer"];
  const XML_NAME = /^[\p{L}_:][\p{L}\p{M}\p{N}_:.\u00b7-]*$/u;

  /** The options of formats: in which formats they exist, whether only for reading (`only: "in"`) or only for writing (`only: "out"`), and how the row looks. */
  const OPTIONS = [
    { name: "delimiter", icon: "arrows-h", formats: ["delimited"], width: "110px", suggest: [",", ";", "\\t", "|"], unit: true },
    { name: "quote", icon: "quote-right", formats: ["delimited"], width: "110px", suggest: ['"', "'"], unit: true },
    { name: "header", icon: "header", formats: ["delimited"], check: true },
    { name: "columns", icon: "columns", formats: ["delimited"], list: true },
    { name: "rootElement", icon: "sitemap", formats: ["xml"], only: "out" },
    { name: "rowElement", icon: "bars", formats: ["xml"], only: "out" },
    { name: "attributePrefix", icon: "at", formats: ["xml"], width: "110px" },
    { name: "arrays", icon: "list-ol", formats: ["xml"], only: "in", list: true },
    { name: "encoding", icon: "language", formats: ["xml", "delimited", "text"], suggest: ["utf-8", "utf-16le", "iso-8859-1", "windows-1252"] },
  ];

  /** Returns the formats that are chosen in the form now, each with its direction. */
  function formatsOf(node, direction) {
    const formats = [{ format: field(node, "format") || "auto", direction: direction }];
    if (field(node, "request")) formats.push({ format: field(node, "replyFormat") || "auto", direction: "in" });
    return formats;
  }

  function isUsed(option, formats) {
    return formats.some(function (used) {
      return option.formats.includes(used.format) && (!option.only || !used.direction || option.only === used.direction);
    });
  }

  /** Returns what is wrong with the value of an option; empty when nothing is. */
  function problem(name, value, all) {
    if (isEnvironment(value)) return "";
    switch (name) {
      case "delimiter":
        if (value === "") return text("reason.required");
        return all.quote && value.includes(all.quote) ? text("reason.delimiter-quote") : "";
      case "quote":
        return value.length > 1 ? text("reason.quote") : "";
      case "rootElement":
      case "rowElement":
        return isBlank(value) || XML_NAME.test(value.trim()) ? "" : text("reason.xml-name");
      case "columns": {
        const twice = value.find(function (column, index) { return value.indexOf(column) !== index; });
        return twice === undefined ? "" : text("reason.list-twice", { value: twice });
      }
    }
    return "";
  }

  /** The `validate` of the options. It checks only those that a chosen format has. */
  function checkFormatOptions(node, value, options) {
    const all = Object.assign(surewire.formatOptions(), value);
    const formats = formatsOf(node);
    for (const option of OPTIONS) {
      const wrong = isUsed(option, formats) ? problem(option.name, all[option.name], all) : "";
      if (wrong) return named(options, text("label." + PREFIX + option.name) + " " + wrong);
    }
    return true;
  }

  /** Returns the id of the field of an option. A list must not have the id of a property: Node-RED would read it as a field. */
  function idOf(option) {
    return "node-input-" + PREFIX + option.name + (option.list ? "-list" : "");
  }

  function selector(option) {
    return "#" + idOf(option);
  }

  function control(option) {
    if (option.list) return $("<ol/>");
    if (option.check) return $("<input/>", { type: "checkbox", class: "surewire-check" });
    return $("<input/>", { type: "text" }).css("width", option.width || "70%");
  }

  function makeRow(option, saved, direction) {
    const input = control(option);
    const row = formRow(PREFIX + option.name, option.icon, input).attr("id", "node-input-" + PREFIX + option.name + "-row");
    row.children("label").attr("for", idOf(option));
    input.attr("id", idOf(option));
    const note = text("format-note." + option.name + (["columns", "encoding"].includes(option.name) ? "-" + direction : ""));
    if (option.check) row.append($("<label/>", { class: "surewire-words", for: idOf(option), text: note }));
    else if (option.unit) row.append($("<span/>", { class: "surewire-unit", text: note }));
    else row.append($("<div/>", { class: "surewire-note", text: note }));
    if (option.suggest) suggest(input, option.suggest);
    if (option.check) input.prop("checked", saved === true || saved === "true");
    else if (!option.list) input.val(saved);
    return row;
  }

  /** Returns the values that the rows have now. */
  function read() {
    const values = {};
    OPTIONS.forEach(function (option) {
      const input = $(selector(option));
      values[option.name] = option.list ? rows(input) : option.check ? input.prop("checked") : input.val();
    });
    return Object.assign(surewire.formatOptions(), values); // in the order of the defaults
  }

  /**
   * Puts `format` and the options of the chosen formats into the form. To be called in oneditprepare.
   *
   * @param direction `in` if content is read, `out` if it is written. With `out`, replies may be read, if the form has `request` and `replyFormat`
   */
  function formatRows(target, node, direction) {
    const place = $(target).empty();
    const choice = $("<select/>").css("width", "70%");
    FORMATS.forEach(function (format) {
      $("<option/>", { value: format, text: text("format." + (format === "auto" ? "auto-" + direction : format)) }).appendTo(choice);
    });
    place.append(formRow("format", "file-text-o", choice));
    choice.val(node.format || "auto");
    const saved = Object.assign(surewire.formatOptions(), node.formatOptions);
    OPTIONS.forEach(function (option) {
      place.append(makeRow(option, saved[option.name], direction));
      if (option.list) list(selector(option), { node: node, rows: saved[option.name], plain: true, columns: [{ name: option.name, label: text("label." + PREFIX + option.name) }], changed: mark });
    });

    function mark() {
      if ($(selector(OPTIONS[OPTIONS.length - 1])).length === 0) return; // some rows are still missing
      const now = read();
      OPTIONS.forEach(function (option) {
        if (!option.list) $(selector(option)).toggleClass("input-error", problem(option.name, now[option.name], now) !== "");
      });
    }
    function show() {
      const formats = formatsOf(node, direction);
      OPTIONS.forEach(function (option) { $("#node-input-" + PREFIX + option.name + "-row").toggle(isUsed(option, formats)); });
      mark();
    }
    place.on("change keyup paste", "input", mark);
    choice.add("#node-input-request, #node-input-replyFormat").on("change", show);
    show();
  }

  /** To be called in oneditsave of a node that uses {@link formatRows}, before `surewire.save`. */
  function saveFormatRows(node) {
    node.formatOptions = read();
  }

  window.surewire = Object.assign(window.surewire || {}, { formatRows, saveFormatRows, checkFormatOptions });
})();

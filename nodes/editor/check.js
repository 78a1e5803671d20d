/* Checks of the fields of a form, each of which gives the reason in words. */
(function () {
  "use strict";

  const CATALOGUE = "@surewire/node-red-connectors/surewire-editor:editor.";

  /** Returns a text from the catalogue that all forms share. */
  function text(key, values) {
    return RED._(CATALOGUE + key, values);
  }

  // names may contain dots and dashes, since groups, flows and subflows have variables, too
  const ENVIRONMENT = /^\$(\{[^\s{}]+\}|\([^\s()]+\))$/;

  /** Whether the whole value is a reference to an environment variable, which only the runtime can judge. */
  function isEnvironment(value) {
    return ENVIRONMENT.test(String(value));
  }

  /** Matches a reference inside a value. */
  const PART = /\$\{[^\s{}]+\}/;

  function isBlank(value) {
    return value === undefined || value === null || String(value).trim() === "" || value === "_ADD_";
  }

  /** Returns `reason` with the property's label before it, like Node-RED's own reasons. */
  function named(options, reason) {
    return options && options.label ? options.label + ": " + reason : reason;
  }

  /** Returns the element of a property in the form of a node or a config node. */
  function element(node, property) {
    const config = node._def && node._def.category === "config";
    return $((config ? "#node-config-input-" : "#node-input-") + property);
  }

  /**
   * Returns the current value of another property: from the open form when this node is being edited, else the saved one.
   * (An open form may belong to another node, whose fields have the same ids.)
   */
  function field(node, property) {
    const edited = RED.editor.getEditStack().some(function (entry) { return entry && entry.id === node.id; });
    const input = edited ? element(node, property) : $();
    if (input.length === 0) return node[property];
    return input.attr("type") === "checkbox" ? input.prop("checked") : input.val();
  }

  /**
   * Checks for `validate(value, options)`. Each returns true or the reason as text; a value that is only `${ENV}` is accepted.
   * The function that calls them must take two arguments, or Node-RED does not show the reason.
   */
  const check = {
    /** The value must not be empty. */
    required: function (value, options) {
      return isBlank(value) ? named(options, text("reason.required")) : true;
    },

    /** The value must not have a reference to an environment variable beside other text: Node-RED replaces whole values only. */
    whole: function (value, options) {
      return !isEnvironment(value) && PART.test(String(value)) ? named(options, text("reason.variable")) : true;
    },

    /** The value must be a whole number from `limits.min` to `limits.max`, or empty if `limits.blank`. */
    integer: function (value, options, limits) {
      const range = Object.assign({ min: 0, max: Number.MAX_SAFE_INTEGER, blank: false }, limits);
      if (isEnvironment(value)) return true;
      if (isBlank(value)) return range.blank ? true : named(options, text("reason.required"));
      const number = Number(value);
      if (Number.isInteger(number) && number >= range.min && number <= range.max) return true;
      const open = range.max === Number.MAX_SAFE_INTEGER;
      return named(options, text(open ? "reason.integer-from" : "reason.integer", { min: range.min, max: range.max }));
    },

    /** The value must be a URL with one of `protocols` (["https:", "http:"]) and, unless `credentials` is true, without user name and password. */
    url: function (value, options, protocols, credentials) {
      if (isEnvironment(value)) return true;
      if (isBlank(value)) return named(options, text("reason.required"));
      const whole = check.whole(value, options);
      if (whole !== true) return whole;
      let url;
      try {
        url = new URL(String(value).trim());
      } catch {
        return named(options, text("reason.url", { example: protocols[0] + "//host" }));
      }
      if (!protocols.includes(url.protocol) || url.hostname === "") {
        return named(options, text("reason.url", { example: protocols.map(function (name) { return name + "//host"; }).join(", ") }));
      }
      if (!credentials && (url.username || url.password)) return named(options, text("reason.url-credentials"));
      return true;
    },

    /**
     * The value must be a list of at least `rules.min` rows (default 0). `rules.row(row, index)` returns true for a good row, or the reason.
     * `rules.unique` names a column in which no value may occur twice.
     */
    list: function (rows, options, rules) {
      const wanted = Object.assign({ min: 0 }, rules);
      if (isEnvironment(rows)) return true;
      const list = Array.isArray(rows) ? rows : [];
      if (list.length < wanted.min) return named(options, text("reason.list-empty"));
      const seen = new Set();
      for (let index = 0; index < list.length; index++) {
        const result = wanted.row ? wanted.row(list[index], index) : true;
        if (result !== true) return named(options, text("reason.list-row", { row: index + 1, reason: result || text("reason.invalid") }));
        if (!wanted.unique) continue;
        const value = list[index][wanted.unique];
        if (seen.has(value)) return named(options, text("reason.list-twice", { value: value }));
        seen.add(value);
      }
      return true;
    },

    /** A statement or query must have no `:name` in quotes, where it would be text. This finds the usual mistakes; the runtime checks exactly. */
    names: function (statement, options) {
      return /':[A-Za-z_]\w*'/.test(statement) ? named(options, text("reason.quoted-name")) : true;
    },

    /** The value must be the API name of a field of Salesforce. */
    fieldName: function (value, options) {
      return isEnvironment(value) || /^[A-Za-z]\w*$/.test(String(value).trim()) ? true : named(options, text("reason.field"));
    },

    /** Checks the value of a typed input, as Node-RED does. `template` is a type of ours: its braces must match. An empty value is accepted, except for a path. */
    value: function (value, options, type) {
      if (type === "msg" && isBlank(value)) return named(options, text("reason.path"));
      if (type !== "template") return RED.validators.typedInput({ type: type }).call(null, value, options || {});
      const closed = String(value).split("{{").length === String(value).split("}}").length;
      return closed && !/\{\{\s*\}\}/.test(value) ? true : named(options, text("reason.template"));
    },

    /** Checks the value of a property's typed input, which must not be empty. The node has the type in the property with `Type` behind its name. */
    typed: function (value, options, node, property) {
      return isBlank(value) ? check.required(value, options) : check.value(value, options, field(node, property + "Type"));
    },

    /** The value must be the name of another queue than `queue`, or empty. */
    otherQueue: function (value, options, queue) {
      return isBlank(value) || String(value).trim() !== String(queue).trim() ? true : named(options, text("reason.deadLetterQueue"));
    },

    /** The value must be the JSON text of an object, or empty. */
    jsonObject: function (value, options) {
      if (isBlank(value) || isEnvironment(value)) return true;
      try {
        const parsed = JSON.parse(value);
        if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return true;
      } catch (error) {
        return named(options, text("reason.json", { problem: error.message }));
      }
      return named(options, text("reason.json-object"));
    },
  };

  /** Checks the whole open form again, which Node-RED does after a change of any field. */
  function revalidate(node) {
    element(node, "name").trigger("change");
  }

  window.surewire = Object.assign(window.surewire || {}, { text, isEnvironment, isBlank, named, element, field, check, revalidate });
})();

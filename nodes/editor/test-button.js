/* What the buttons of config nodes share that have the runtime test the settings in the form. */
(function () {
  "use strict";
  const { text } = window.surewire;

  /** Returns the values in the fields of a form. A secret that was not changed has the editor's placeholder; the runtime knows the secret itself. */
  function formValues(node, properties, credentials) {
    const values = { id: node.id, credentials: {} };
    function read(name) {
      const value = $("#node-config-input-" + name).val();
      return value === "_ADD_" ? "" : value;
    }
    properties.forEach(function (name) { values[name] = read(name); });
    credentials.forEach(function (name) { values.credentials[name] = read(name); });
    return values;
  }

  /** Calls an endpoint of this package: by POST with `values`, by GET without. */
  function ask(path, values) {
    const options = values ? { method: "POST", contentType: "application/json", data: JSON.stringify(values) } : { method: "GET" };
    return $.ajax(Object.assign({ url: "surewire/" + path, timeout: 60000 }, options));
  }

  /** Returns a text that tells why a request has failed. */
  function failure(request) {
    const said = request.responseJSON && request.responseJSON.message;
    return said || text(request.status === 401 || request.status === 403 ? "test.not-allowed" : "test.no-answer");
  }

  /** Returns an element that shows one result, good or bad. @param content text, or an element */
  function finding(ok, content) {
    const icon = $("<i/>", { class: "fa " + (ok ? "fa-check-circle" : "fa-exclamation-triangle"), "aria-hidden": "true" });
    return $("<div/>", { class: "surewire-finding" }).append(icon, typeof content === "string" ? $("<span/>").text(content) : content);
  }

  /**
   * Makes the button `#surewire-<name>-test` test the settings in the form, and show the results in `#surewire-<name>-test-result`.
   *
   * @param options `path`: path of the endpoint; `values()` returns what is sent to it; `show(answer)` returns the elements to show
   */
  function testButton(name, options) {
    const button = $("#surewire-" + name + "-test");
    const result = $("#surewire-" + name + "-test-result");
    button.on("click", function () {
      button.prop("disabled", true);
      result.text(text("test.running"));
      ask(options.path, options.values())
        .done(function (answer) { result.empty().append(options.show(answer)); })
        .fail(function (request) { result.empty().append(finding(false, failure(request))); })
        .always(function () {
          const left = document.activeElement === document.body; // a disabled button loses the focus
          button.prop("disabled", false);
          if (left) button.trigger("focus");
        });
    });
  }

  window.surewire = Object.assign(window.surewire || {}, { formValues, ask, failure, finding, testButton });
})();

"use strict";
// Shows the document that the server publishes. Texts become text nodes, never markup.

let api;

const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
};

const resolve = (schema) => {
  const name = schema?.$ref?.split("/").pop();
  return name ? api.components.schemas[name] : schema;
};

// One line that says what a schema asks for.
const brief = (schema) => {
  if (schema === true || schema === undefined) return "anything";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf || schema.oneOf) {
    return [...new Set((schema.anyOf ?? schema.oneOf).map(brief))].join(" | ");
  }
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((word) => JSON.stringify(word)).join(" | ");
  const type = Array.isArray(schema.type) ? schema.type.join(" | ") : schema.type ?? "anything";
  if (type === "array") return `array of ${brief(schema.items)}` + (schema.maxItems ? `, at most ${schema.maxItems}` : "");
  const bounds = [];
  if (schema.format) bounds.push(schema.format);
  if (schema.pattern) bounds.push(`/${schema.pattern}/`);
  const [least, most] = [schema.minLength ?? schema.minimum, schema.maxLength ?? schema.maximum];
  if (least || (most !== undefined && most < 1e15)) bounds.push(`${least ?? ""}…${most < 1e15 ? most : ""}`);
  return bounds.length ? `${type} (${bounds.join(", ")})` : type;
};

const fieldsOf = (schema) => {
  const object = resolve(schema);
  const fields = Object.entries(object?.properties ?? {}).map(([name, inner]) => ({
    name,
    schema: inner,
    must: object.required?.includes(name) ?? false,
    text: inner.description ?? resolve(inner)?.description ?? "",
  }));
  return fields.sort((one, other) => other.must - one.must);
};

const table = (rows) => {
  if (rows.length === 0) return undefined;
  const body = element("tbody");
  for (const row of rows) {
    body.append(element("tr", {},
      element("td", {}, element("code", {}, row.name), row.must ? element("span", { className: "must", title: "required" }, " *") : ""),
      element("td", {}, element("code", {}, brief(row.schema))),
      element("td", {}, row.text)));
  }
  return element("table", {}, element("tbody", {}), body);
};

// A schema's fields; below them, folded away, those of the schemas that it names.
const shape = (schema, seen = new Set()) => {
  const out = element("div");
  const fields = table(fieldsOf(schema));
  if (fields) out.append(fields); else out.append(element("p", {}, element("code", {}, brief(schema))));
  const named = new Set();
  const collect = (part) => {
    if (part === null || typeof part !== "object") return;
    if (part.$ref) { named.add(part.$ref); return; }
    Object.values(part).forEach(collect);
  };
  collect(resolve(schema)?.properties ?? {});
  for (const reference of named) {
    const target = resolve({ $ref: reference });
    if (seen.has(reference) || !target?.properties) continue;
    const inner = element("details", {}, element("summary", {}, element("code", {}, reference.split("/").pop())));
    inner.addEventListener("toggle", () => {
      if (inner.open && inner.childElementCount === 1) {
        inner.append(element("div", { className: "inside" }, shape({ $ref: reference }, new Set([...seen, reference]))));
      }
    });
    out.append(inner);
  }
  return out;
};

const permission = (rule) => {
  if (!rule) return undefined;
  const relations = ["stranger", "member", "sender"];
  const head = element("tr", {}, element("th", {}, rule.action), ...relations.map((it) => element("th", {}, it)));
  const rows = ["user", "agent", "admin"].map((role) => element("tr", {},
    element("td", {}, role), ...relations.map((it) => element("td", {}, rule[role][it] === "allowed" ? "✓" : String(rule[role][it])))));
  return element("div", {}, element("h3", {}, "Who may"), element("table", {}, element("tbody", {}, head, ...rows)));
};

// A body to begin with: what is required, and words where there are some.
const example = (schema) => {
  const out = {};
  for (const { name, schema: inner, must } of fieldsOf(schema)) {
    if (must) out[name] = inner.enum?.[0] ?? (inner.anyOf ? 1 : inner.format === "email" ? "ada@example.com" : "");
  }
  return JSON.stringify(out, null, 2);
};

const trial = (method, path, operation) => {
  const out = element("div", { className: "try" }, element("h3", {}, "Try it here"));
  const inputs = (operation.parameters ?? []).map((parameter) => {
    const input = element("input", { placeholder: parameter.name, ariaLabel: parameter.name });
    out.append(input);
    return { parameter, input };
  });
  const schema = operation.requestBody?.content["application/json"].schema;
  const body = schema && element("textarea", { value: example(schema), ariaLabel: "Body", spellcheck: false });
  const answer = element("pre", { hidden: true });
  const button = element("button", { type: "button" }, "Send");
  button.addEventListener("click", async () => {
    const query = new URLSearchParams();
    let address = path;
    for (const { parameter, input } of inputs) {
      if (parameter.in === "path") address = address.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else if (input.value !== "") query.append(parameter.name, input.value);
    }
    const headers = {};
    const token = document.getElementById("token").value.trim();
    if (token && operation.security) headers.Authorization = `Bearer ${token}`;
    if (body) headers["Content-Type"] = "application/json";
    answer.hidden = false;
    answer.textContent = "…";
    try {
      const response = await fetch(address + (query.size ? `?${query}` : ""), { method: method.toUpperCase(), headers, body: body?.value });
      let text = await response.text();
      try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* shown as it is */ }
      answer.textContent = `${response.status} ${response.statusText}\n${text}`;
    } catch (error) {
      answer.textContent = String(error);
    }
  });
  out.append(body ?? "", element("p", {}, button), answer);
  return out;
};

const content = (method, path, operation) => {
  const inside = element("div", { className: "inside" });
  inside.append(permission(operation["x-permission"]) ?? element("p", {}, "Anybody may."));
  const parameters = table((operation.parameters ?? []).map((it) => (
    { name: it.name, schema: it.schema, must: it.required, text: it.description ?? (it.in === "path" ? "In the path." : "") })));
  if (parameters) inside.append(element("h3", {}, "Parameters"), parameters);
  const body = operation.requestBody?.content["application/json"].schema;
  if (body) inside.append(element("h3", {}, "Body"), shape(body));
  inside.append(element("h3", {}, "Answers"));
  for (const [status, response] of Object.entries(operation.responses)) {
    const media = Object.values(response.content ?? {})[0];
    const line = element("summary", {}, element("code", {}, status), element("span", { className: "what" }, response.description));
    inside.append(element("details", { open: status.startsWith("2") && Boolean(operation.security) }, line,
      element("div", { className: "inside" }, media ? shape(media.schema) : "No body.")));
  }
  inside.append(trial(method, path, operation));
  return inside;
};

// What few look for stands at the end.
const LAST = ["health", "document"];

const take = (map, key) => {
  const value = map.get(key);
  map.delete(key);
  return value;
};

const show = () => {
  const place = document.getElementById("operations");
  place.replaceChildren();
  const groups = new Map();
  for (const [path, operations] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const tag = operation.tags[0];
      if (!groups.has(tag)) groups.set(tag, element("section", {}, element("h2", {}, tag)));
      const entry = element("details", { id: operation.operationId }, element("summary", {},
        element("span", { className: `method ${method}` }, method.toUpperCase()),
        element("span", { className: "path" }, path),
        element("span", { className: "what" }, operation.summary)));
      entry.dataset.text = JSON.stringify([path, method, operation]).toLowerCase();
      entry.addEventListener("toggle", () => {
        if (entry.open && entry.childElementCount === 1) entry.append(content(method, path, operation));
      });
      groups.get(tag).append(entry);
    }
  }
  for (const tag of LAST) if (groups.has(tag)) groups.set(tag, take(groups, tag));
  place.append(...groups.values(), element("p", { className: "nothing", id: "nothing", hidden: true }, "Nothing matches."));
};

const search = (text) => {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const section of document.querySelectorAll("main section")) {
    let inSection = 0;
    for (const entry of section.querySelectorAll(":scope > details")) {
      entry.hidden = !words.every((word) => entry.dataset.text.includes(word));
      if (!entry.hidden) inSection += 1;
    }
    section.hidden = inSection === 0;
    shown += inSection;
  }
  document.getElementById("nothing").hidden = shown > 0;
};

const begin = async () => {
  try {
    api = await (await fetch("/api/v1/openapi.json")).json();
  } catch (error) {
    document.getElementById("operations").textContent = `The document cannot be loaded: ${error}`;
    return;
  }
  document.getElementById("version").textContent = api.info.version;
  document.getElementById("introduction").textContent = api.info.description.replaceAll("`", "");
  show();
  const field = document.getElementById("search");
  field.addEventListener("input", () => search(field.value));
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/INPUT|TEXTAREA/.test(document.activeElement.tagName)) {
      event.preventDefault();
      field.focus();
    }
  });
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target) {
    target.open = true;
    target.scrollIntoView();
  }
};

begin();

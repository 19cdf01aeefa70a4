// Renders /api/openapi.json without any library.
"use strict";

/** An element with attributes and children; texts are never parsed as HTML. */
function element(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Text with `code` spans, as nodes. */
function inline(text) {
  return (text || "").split("`").map((part, i) => (i % 2 ? element("code", {}, part) : part));
}

/** A paragraph of text with `code` spans. */
function prose(text) {
  return element("p", {}, ...inline(text));
}

/** The name of a type, linked to its schema where it has one. */
function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return element("a", { href: "#schema-" + name }, name);
  }
  const options = schema.oneOf || schema.anyOf || schema.allOf;
  if (options) {
    const span = element("span", {});
    options.forEach((option, i) => span.append(...(i ? [" or "] : []), typeOf(option)));
    return span;
  }
  if (schema.enum) return schema.enum.join(" | ");
  const types = [].concat(schema.type || "any");
  if (types.includes("array")) return element("span", {}, "list of ", typeOf(schema.items) || "any");
  const text = types.join(" or ");
  return schema.format ? `${text} (${schema.format})` : text;
}

function table(heads, rows) {
  const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
  const body = rows.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, cell))));
  return element("div", { class: "scroll" },
    element("table", {}, element("thead", {}, head), element("tbody", {}, ...body)));
}

/** The fields of an object schema, those of allOf parts included. */
function fields(schema) {
  const own = Object.entries(schema.properties || {}).map(([name, field]) => [
    element("code", {}, name), typeOf(field), prose(field.description)]);
  const parts = (schema.allOf || []).flatMap((part) =>
    part.$ref ? [["all of", typeOf(part), ""]] : fields(part));
  return [...parts, ...own];
}

function operation(path, method, op) {
  const title = element("summary", {},
    element("span", { class: "method" }, method.toUpperCase()), element("code", {}, path), " ",
    ...inline(op.summary));
  const block = element("details", { id: op.operationId || method + path }, title);
  if (op.description) block.append(prose(op.description));
  if (op.parameters && op.parameters.length) {
    block.append(table(["parameter", "in", "type", ""], op.parameters.map((p) => [
      element("code", {}, p.name), p.in, typeOf(p.schema), prose(p.description)])));
  }
  const body = op.requestBody && Object.entries(op.requestBody.content || {});
  if (body) block.append(table(["body", "type"], body.map(([media, it]) => [media, typeOf(it.schema)])));
  block.append(table(["status", "", "body"], Object.entries(op.responses || {}).map(([status, it]) => {
    const types = element("span", {});
    Object.entries(it.content || {}).forEach(([media, content], i) => {
      types.append(...(i ? [element("br", {})] : []), typeOf(content.schema), " ", element("code", {}, media));
    });
    return [status, prose(it.description), types];
  })));
  return block;
}

function render(doc) {
  const content = document.getElementById("content");
  content.replaceChildren(prose(doc.info.description));
  const tags = new Map((doc.tags || []).map((tag) => [tag.name, { about: tag.description, blocks: [] }]));
  for (const [path, item] of Object.entries(doc.paths)) {
    for (const [method, op] of Object.entries(item)) {
      const name = (op.tags && op.tags[0]) || "other";
      if (!tags.has(name)) tags.set(name, { about: "", blocks: [] });
      tags.get(name).blocks.push(operation(path, method, op));
    }
  }
  for (const [name, { about, blocks }] of tags) {
    content.append(element("h2", { id: "tag-" + name }, name), prose(about), ...blocks);
  }
  content.append(element("h2", { id: "schemas" }, "schemas"));
  for (const [name, schema] of Object.entries((doc.components && doc.components.schemas) || {})) {
    const block = element("details", { id: "schema-" + name },
      element("summary", {}, element("code", {}, name)), prose(schema.description));
    const rows = fields(schema);
    if (rows.length) block.append(table(["field", "type", ""], rows));
    else block.append(element("p", {}, typeOf(schema)));
    if (schema.example) {
      block.append(element("pre", {}, JSON.stringify(schema.example, null, 2)));
    }
    content.append(block);
  }
  openTarget();
}

/** Opens the block that the address names. */
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.tagName === "DETAILS") target.open = true;
  target.scrollIntoView();
}

addEventListener("hashchange", openTarget);
fetch("/api/openapi.json")
  .then((response) => {
    if (!response.ok) throw new Error("status " + response.status);
    return response.json();
  })
  .then(render)
  .catch((error) => {
    document.getElementById("content").replaceChildren(
      element("p", { role: "alert" }, `The document could not be loaded: ${error.message}. Reload to try again.`));
  });

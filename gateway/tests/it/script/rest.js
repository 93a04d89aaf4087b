"use strict";

// The REST door of the server under test, for scripts whose people sign in there first.

const assert = require("node:assert/strict");
const { randomBytes } = require("node:crypto");

module.exports = { at };

function at(base) {
  // Somebody new; `token` is an admin's where a role is asked for.
  async function register(name, role, token) {
    const email = `${name.toLowerCase()}-${randomBytes(4).toString("hex")}@example.com`;
    const body = { name, email, password: "correct horse", role };
    const { data } = await rest("POST", "/api/v1/auth/register", 201, { token, body });
    const { accessToken, refreshToken } = data.tokens;
    return { id: data.user._id, name, email, token: accessToken, refreshToken };
  }

  // The body of an answer that has this status.
  async function rest(method, path, status, { token, body }) {
    const headers = { "Content-Type": "application/json" };
    if (token !== undefined) headers.Authorization = `Bearer ${token}`;
    const answer = await fetch(base + path, { method, headers, body: JSON.stringify(body) });
    const json = await answer.json();
    assert.equal(answer.status, status, JSON.stringify(json));
    assert.equal(json.success, status < 400);
    return json;
  }

  return { register, rest };
}

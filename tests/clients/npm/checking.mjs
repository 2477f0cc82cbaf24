// What the scripts here share: each check runs once and prints one line of JSON, which the harness reads.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

export const URL_ROOT = process.env.CLIENT_URL;
export const V1 = `${URL_ROOT}/v1`;
export const KEY = "not-needed";
export const MODEL = "glimpse";
export const NO_MODEL = "no-such-model";
export const TEXT = "What is 3 plus 4?";
export const QUESTION = "What color is the circle?";
export const FOLLOW_UP = "How many shapes are there?";
export const COLORS = ["red", "green", "blue"];
export const IMAGE = readFileSync(process.env.CLIENT_IMAGE);
export const IMAGE_URL = `data:image/png;base64,${IMAGE.toString("base64")}`;
export const SCHEMA = {
  type: "object",
  properties: { color: { type: "string", enum: COLORS } },
  required: ["color"],
  additionalProperties: false,
};

const SAID_CHARS = 600;

export async function check(name, run) {
  let ok = true;
  let said;
  try {
    said = await run();
  } catch (error) {
    ok = false;
    said = `${error?.name}: ${error?.message}`;
  }
  console.log(JSON.stringify({ check: name, ok, said: String(said).slice(0, SAID_CHARS) }));
}

function holds(part) {
  return (text) => {
    assert.ok(String(text).toLowerCase().includes(part), String(text));
    return text;
  };
}

export const seven = holds("7");
export const red = holds("red");
export const one = holds("1");

// Which of the three colors a tiny model says under constraint is its own affair.
export function colorIn(document) {
  const fields = typeof document === "string" ? JSON.parse(document) : document;
  assert.ok(COLORS.includes(fields.color), JSON.stringify(document));
  return JSON.stringify(fields);
}

export async function refused(call) {
  try {
    await call();
  } catch (error) {
    const words = `${error.message} ${error.responseBody ?? ""}`;
    assert.ok(words.includes(NO_MODEL), words);
    assert.equal(error.status ?? error.statusCode, 404);
    return `${error.name}: ${error.message}`;
  }
  throw new Error("no error");
}

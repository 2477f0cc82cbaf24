// promptfoo: an evaluation of three prompts with its OpenAI provider.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const PROGRAM = join(HERE, "node_modules/promptfoo/dist/src/main.js");
const FOLDER = mkdtempSync(join(tmpdir(), "promptfoo-"));
const V1 = `${process.env.CLIENT_URL}/v1`;
const IMAGE_URL = `data:image/png;base64,${readFileSync(process.env.CLIENT_IMAGE).toString("base64")}`;
const SCHEMA = {
  type: "object",
  properties: { color: { type: "string", enum: ["red", "green", "blue"] } },
  required: ["color"],
  additionalProperties: false,
};
const TOOLS = [{ type: "function", function: { name: "say_color", parameters: SCHEMA } }];
const FORMAT = { type: "json_schema", json_schema: { name: "circle", strict: true, schema: SCHEMA } };
const PICTURE = [
  {
    role: "user",
    content: [
      { type: "image_url", image_url: { url: IMAGE_URL } },
      { type: "text", text: "What color is the circle?" },
    ],
  },
];
const TALK = [
  ...PICTURE,
  { role: "assistant", content: "Red." },
  { role: "user", content: "How many shapes are there?" },
];

function ask(prompt, config = {}, model = "glimpse") {
  const output = join(FOLDER, `out-${Math.random()}.json`);
  const file = join(FOLDER, "promptfooconfig.json");
  const provider = { id: `openai:chat:${model}`, config: { apiBaseUrl: V1, apiKey: "x", temperature: 0, ...config } };
  const prompts = [typeof prompt === "string" ? prompt : JSON.stringify(prompt)];
  writeFileSync(file, JSON.stringify({ prompts, providers: [provider], tests: [{ assert: [{ type: "javascript", value: "true" }] }] }));
  const words = [PROGRAM, "eval", "-c", file, "-o", output, "--no-cache", "--no-table", "--no-progress-bar"];
  const env = {
    ...process.env,
    PROMPTFOO_CONFIG_DIR: FOLDER,
    PROMPTFOO_DISABLE_TELEMETRY: "1",
    PROMPTFOO_DISABLE_UPDATE: "1",
    PROMPTFOO_REQUEST_BACKOFF_MS: "100",
  };
  const done = spawnSync(process.execPath, words, { env, encoding: "utf8", timeout: 60000 });
  let results;
  try {
    ({ results } = JSON.parse(readFileSync(output)).results);
  } catch {
    throw new Error(`${done.stdout}${done.stderr}`.slice(-500));
  }
  const [result] = results;
  return result;
}

function check(name, run) {
  let ok = true;
  let said;
  try {
    said = run();
  } catch (error) {
    ok = false;
    said = `${error.name}: ${error.message}`;
  }
  console.log(JSON.stringify({ check: name, ok, said: String(said).slice(0, 600) }));
}

function answered(result, part) {
  assert.ok(!result.error, result.error);
  const words = result.response.output;
  const text = typeof words === "string" ? words : JSON.stringify(words);
  assert.ok(text.toLowerCase().includes(part), text);
  return text;
}

check("text", () => answered(ask("What is 3 plus 4?"), "7"));
check("image", () => answered(ask(PICTURE), "red"));
check("follow-up", () => answered(ask(TALK), "1"));
check("structured", () => answered(ask(PICTURE, { response_format: FORMAT }), "color"));
check("tool", () => answered(ask(PICTURE, { tools: TOOLS, tool_choice: "required" }), "say_color"));
check("error", () => {
  const { error } = ask("What is 3 plus 4?", {}, "no-such-model");
  assert.ok(error.includes("no-such-model"), error);
  return error;
});

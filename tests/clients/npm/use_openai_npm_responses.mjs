// The official client of OpenAI for JavaScript: responses.

import assert from "node:assert/strict";
import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import {
  check, colorIn, COLORS, FOLLOW_UP, IMAGE_URL, KEY, MODEL, NO_MODEL, one, QUESTION, red, refused, SCHEMA, seven,
  TEXT, V1,
} from "./checking.mjs";

const client = new OpenAI({ baseURL: V1, apiKey: KEY, maxRetries: 0 });
const image = { type: "input_image", image_url: IMAGE_URL, detail: "auto" };
const asked = [{ role: "user", content: [image, { type: "input_text", text: QUESTION }] }];
const tools = [{ type: "function", name: "say_color", parameters: SCHEMA, strict: true }];
const circle = z.object({ color: z.enum(COLORS) });

function ask(input, options = {}) {
  return client.responses.create({ model: MODEL, input, temperature: 0, ...options });
}

await check("text", async () => seven((await ask(TEXT)).output_text));

await check("image", async () => red((await ask(asked)).output_text));

await check("stream", async () => {
  const events = client.responses.stream({ model: MODEL, input: asked, temperature: 0 });
  let words = "";
  events.on("response.output_text.delta", (event) => (words += event.delta));
  assert.equal((await events.finalResponse()).output_text, words);
  return red(words);
});

await check("follow-up", async () => {
  const first = await ask(asked);
  const kept = (await ask(FOLLOW_UP, { previous_response_id: first.id })).output_text;
  const appended = (await ask([...asked, ...first.output, { role: "user", content: FOLLOW_UP }])).output_text;
  assert.equal(kept, appended);
  return one(kept);
});

await check("structured", async () => {
  const format = zodTextFormat(circle, "circle");
  const parsed = await client.responses.parse({ model: MODEL, input: asked, temperature: 0, text: { format } });
  return colorIn(parsed.output_parsed);
});

await check("tool", async () => {
  const response = await ask(asked, { tools, tool_choice: "required" });
  const call = response.output.find((item) => item.type === "function_call");
  colorIn(call.arguments);
  const told = { type: "function_call_output", call_id: call.call_id, output: "Thank you." };
  await ask([...asked, ...response.output, told], { tools });
  return JSON.stringify(call);
});

await check("error", () => refused(() => client.responses.create({ model: NO_MODEL, input: TEXT })));

// The official client of OpenAI for JavaScript: chat completions.

import assert from "node:assert/strict";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import {
  check, colorIn, COLORS, FOLLOW_UP, IMAGE_URL, KEY, MODEL, NO_MODEL, one, QUESTION, red, refused, SCHEMA, seven,
  TEXT, V1,
} from "./checking.mjs";

const client = new OpenAI({ baseURL: V1, apiKey: KEY, maxRetries: 0 });
const image = { type: "image_url", image_url: { url: IMAGE_URL } };
const asked = [{ role: "user", content: [image, { type: "text", text: QUESTION }] }];
const tools = [{ type: "function", function: { name: "say_color", parameters: SCHEMA, strict: true } }];
const circle = z.object({ color: z.enum(COLORS) });

function ask(messages, options = {}) {
  return client.chat.completions.create({ model: MODEL, messages, temperature: 0, ...options });
}

await check("text", async () => {
  const reply = await ask([{ role: "user", content: TEXT }]);
  return seven(reply.choices[0].message.content);
});

await check("image", async () => red((await ask(asked)).choices[0].message.content));

await check("stream", async () => {
  let words = "";
  let usage;
  for await (const chunk of await ask(asked, { stream: true, stream_options: { include_usage: true } })) {
    words += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.ok(usage.completion_tokens > 0);
  const events = client.chat.completions.stream({ model: MODEL, messages: asked, temperature: 0 });
  assert.equal(await events.finalContent(), words);
  return red(words);
});

await check("follow-up", async () => {
  const first = (await ask(asked)).choices[0].message;
  return one((await ask([...asked, first, { role: "user", content: FOLLOW_UP }])).choices[0].message.content);
});

await check("structured", async () => {
  const format = zodResponseFormat(circle, "circle");
  const parsed = await client.chat.completions.parse({
    model: MODEL, messages: asked, temperature: 0, response_format: format,
  });
  return colorIn(parsed.choices[0].message.parsed);
});

await check("tool", async () => {
  const { message } = (await ask(asked, { tools, tool_choice: "required" })).choices[0];
  const [call] = message.tool_calls;
  colorIn(call.function.arguments);
  const told = { role: "tool", tool_call_id: call.id, content: "Thank you." };
  await ask([...asked, message, told], { tools });
  const events = client.chat.completions.stream({
    model: MODEL, messages: asked, temperature: 0, tools, tool_choice: "required",
  });
  const streamed = await events.finalMessage();
  colorIn(streamed.tool_calls[0].function.arguments);
  return JSON.stringify(call);
});

await check("error", () =>
  refused(() => client.chat.completions.create({ model: NO_MODEL, messages: [{ role: "user", content: TEXT }] })),
);

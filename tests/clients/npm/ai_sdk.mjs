// The checks of the AI SDK, for any of its providers.

import assert from "node:assert/strict";
import { generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { check, colorIn, COLORS, FOLLOW_UP, IMAGE, one, NO_MODEL, MODEL, QUESTION, red, refused, seven, TEXT } from "./checking.mjs";

const circle = z.object({ color: z.enum(COLORS) });
const asked = [
  { role: "user", content: [{ type: "file", data: IMAGE, mediaType: "image/png" }, { type: "text", text: QUESTION }] },
];

export async function checks(provider) {
  const settings = { model: provider(MODEL), temperature: 0, maxRetries: 0 };

  await check("text", async () => seven((await generateText({ ...settings, prompt: TEXT })).text));

  await check("image", async () => red((await generateText({ ...settings, messages: asked })).text));

  await check("stream", async () => {
    const result = streamText({ ...settings, messages: asked, onError() {} });
    let words = "";
    for await (const part of result.fullStream) {
      if (part.type === "error") throw part.error;
      if (part.type === "text-delta") words += part.text;
    }
    assert.ok((await result.usage).outputTokens > 0);
    return red(words);
  });

  await check("follow-up", async () => {
    const first = await generateText({ ...settings, messages: asked });
    const messages = [...asked, ...first.response.messages, { role: "user", content: FOLLOW_UP }];
    return one((await generateText({ ...settings, messages })).text);
  });

  await check("structured", async () => {
    const made = await generateObject({ ...settings, messages: asked, schema: circle });
    return colorIn(made.object);
  });

  await check("tool", async () => {
    let called;
    const tools = {
      say_color: tool({ description: "Say a color.", inputSchema: circle, execute: (input) => { called = input; return "Thank you."; } }),
    };
    const made = await generateText({
      ...settings, messages: asked, tools, toolChoice: "required", stopWhen: stepCountIs(2), maxOutputTokens: 100,
    });
    colorIn(called);
    assert.equal(made.steps.length, 2);
    return JSON.stringify(called);
  });

  await check("error", () => refused(() => generateText({ ...settings, model: provider(NO_MODEL), prompt: TEXT })));
}

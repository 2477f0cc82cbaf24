// The AI SDK with its OpenAI provider for chat completions.

import { createOpenAI } from "@ai-sdk/openai";
import { checks } from "./ai_sdk.mjs";
import { KEY, V1 } from "./checking.mjs";

await checks(createOpenAI({ baseURL: V1, apiKey: KEY }).chat);

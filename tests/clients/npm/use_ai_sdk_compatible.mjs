// The AI SDK with its provider for servers that are compatible with OpenAI.

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { checks } from "./ai_sdk.mjs";
import { KEY, V1 } from "./checking.mjs";

await checks(
  createOpenAICompatible({ name: "viewfinder", baseURL: V1, apiKey: KEY, supportsStructuredOutputs: true, includeUsage: true }),
);

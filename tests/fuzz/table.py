"""The table of fuzz targets: each a function of bytes that raises only for a true defect.

A new one is a function in one of the `*_targets` files, its seeds, and a row here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path

from . import seeds
from .oracle import CPU_LIMIT_S, within

CORPUS = Path(__file__).parent / "corpus"
MOST_BYTES = 64 * 1024


@dataclass(frozen=True)
class Target:
    """`words` are tried in any place of an input; inputs have up to `most_bytes`.

    `function` is code, or its file and name, which are imported when they are needed: to trace what all of
    them import takes eight seconds.
    """

    name: str
    function: str | Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    words: str = ""
    most_bytes: int = 8192

    @cached_property
    def run(self) -> Callable[[bytes], None]:
        if not isinstance(self.function, str):
            return self.function
        file, name = self.function.split(".")
        run: Callable[[bytes], None] = getattr(import_module(f"{__package__}.{file}"), name)
        return run

    def check(self, data: bytes, limit_s: float = CPU_LIMIT_S) -> None:
        """Run it; Defect when it takes too long."""
        with within(limit_s):
            self.run(data)

    @property
    def corpus(self) -> Path:
        return CORPUS / self.name

    def kept(self) -> list[Path]:
        """The inputs of the repository, in the order of their names."""
        return sorted(file for file in self.corpus.glob("*") if file.is_file())


_JSON = r"""{ } [ ] : , "" \u \\ \ud83d\ude00 null true 1e999 -0 18446744073709551616"""
_CHAT = _JSON + (
    ' "model" "messages" "role" "user" "system" "assistant" "tool" "content" "type" "text" "image_url" "url"'
    ' "data:image/png;base64, "detail" "stream" "stop" "tools" "function" "name" "parameters" "tool_calls"'
    ' "arguments" "tool_choice" "response_format" "json_schema" "schema" "seed" "logprobs" "max_tokens"'
    ' "data: \\/ \\u002B'
)
_SCHEMA = _JSON + (
    ' "type" "object" "array" "string" "properties" "required" "items" "prefixItems" "anyOf" "oneOf" "allOf"'
    ' "$ref" "#/$defs/a" "$defs" "#" "enum" "const" "pattern" "minItems" "maxItems" "minLength" "maxLength"'
    ' "additionalProperties" "not" "if" "^(a?){9}$"'
)
_REPLY = _JSON + (
    ' "choices" "message" "delta" "finish_reason" "stop" "length" "logprobs" "top_logprobs" "token" "bytes"'
    ' "usage" "prompt_tokens" "completion_tokens" "prompt_tokens_details" "cached_tokens" "error" "code"'
    ' "tool_calls" "index" "function" "n_ctx" "detail" "reasoning_content" "role" "content"'
)
_HTTP = (
    "HTTP/1.1 HTTP/1.0 200 100 204 304 \\r\\n\\r\\n Content-Length: Transfer-Encoding: chunked 0 data: [DONE]"
)
_REQUEST = "GET POST CONNECT PRI Host: Connection: Upgrade: h2c HTTP2-Settings: close keep-alive 2\\r\\n"
_OTHER_APIS = (
    '"input" "instructions" "input_text" "input_image" "function_call" "call_id" "output" "system" "source"'
    ' "previous_response_id" "base64" "media_type" "data" "tool_use" "tool_use_id" "tool_result"'
    ' "input_schema" "max_output_tokens" "text" "format" "include" "reasoning" "thinking" "stop_sequences"'
)
_PATTERN = r"( ) [ ] ^ $ | ? * + {2} {0,} {,3} {1,2000} \d \w \s \D . (?: (?= (?! \x41 \u0041 a-z \."
_PNG = "IHDR IDAT IEND PLTE tRNS acTL fcTL eXIf iCCP tEXt RIFF WEBP VP8X VP8L ALPH ANIM ANMF Exif JFIF"
_GGUF = (
    "GGUF general.architecture general.type general.name general.alignment llama clip mmproj imatrix adapter"
    " split.count tokenizer.ggml.model llama.embedding_length llama.block_count clip.projector_type mlp"
    " mm.2.weight blk.0. .nextn. .in_sum2"
)
_NAMES = (
    ".gguf -00001-of-00002 mmproj imatrix mtp draft lora Q8_0 Q4_K_M UD-Q4_K_XL f16 bf16 config.json .onnx"
    " model.safetensors adapter_config.json model_index.json params.json sha256- .gguf.part-1 / ."
)
_FOLDER = _JSON + (
    ' "model_type" "text_config" "vision_config" "quantization" "bits" "max_position_embeddings" "dtype"'
    ' "weight_map" "metadata" "shape" "data_offsets" "F16" "__metadata__" model.safetensors'
)
_TOML = (
    "port host api_key allowed_hosts allowed_origins [limits] [engine] [engine_for.a] [fleet] [models.a]"
    " [endpoints.a] base_url http:// [[a]] ''' \"\"\" = true inf nan 0x 1979-05-27 { } [ ] \\u variants path"
)
_CLIP = "ftyp moov mdat trak stsz stts stco avc1 GIF89a ANMF ANIM VP8X \\x1a\\x45\\xdf\\xa3 OggS #EXTM3U"
_GROUPS = "0:: memory cpu,cpuacct ROOT cgroup cgroup2 rw, max 100000 inactive_file total_ - / .. \\040"
_KEYS = _JSON + ' "keys" "name" "sha256" "created_at" "ci"'
_HEADERS = (
    "localhost 127.0.0.1 [::1] example.org https:// null Bearer bearer the key application/json :80 None"
    " gzip identity app:// box"
)

TARGETS = (
    Target("outline", "wire_targets.read_outline", seeds.bodies, _CHAT),
    Target("strict_json", "wire_targets.read_json", seeds.bodies, _JSON),
    Target("chat_request", "wire_targets.read_request", seeds.bodies, _CHAT),
    Target("schema", "wire_targets.read_schema", seeds.schemas, _SCHEMA),
    Target("pattern", "wire_targets.read_pattern", seeds.patterns, _PATTERN, most_bytes=1100),
    Target("events", "wire_targets.read_events", seeds.events, "data: data \\r \\n [DONE] : event:"),
    Target("engine_stream", "client_targets.read_stream", seeds.engine_streams, _HTTP + " " + _REPLY),
    Target("engine_reply", "wire_targets.read_reply", seeds.engine_replies, _REPLY),
    Target("stop_strings", "wire_targets.cut_at_stops", seeds.stop_strings, "| a ab END", most_bytes=1024),
    Target("image_header", "media_targets.read_image_header", seeds.images, _PNG),
    Target("image", "media_targets.make_image", seeds.ordered_images, _PNG),
    Target("clip", "media_targets.make_frames", seeds.ordered_clips, _CLIP),
    Target(
        "data_url", "media_targets.read_data_url", seeds.data_urls, "data: ;base64, image/png / + = \\r\\n"
    ),
    Target("gguf", "files_targets.read_gguf", seeds.gguf_files, _GGUF),
    Target("gguf_on_hub", "files_targets.peek_at_hub", seeds.hub_files, _GGUF + " " + _NAMES),
    Target("listing", "files_targets.choose_files", seeds.listings, _NAMES),
    Target("model_folder", "files_targets.check_model_folder", seeds.model_folders, _FOLDER),
    Target("settings", "files_targets.read_settings", seeds.settings_files, _TOML),
    Target("cgroups", "files_targets.read_cgroups", seeds.control_groups, _GROUPS, most_bytes=2048),
    Target("stored_keys", "files_targets.read_keys", seeds.stored_keys, _KEYS),
    Target("headers", "gateway_targets.pass_guards", seeds.headers, _HEADERS),
    Target("connection", "gateway_targets.read_connection", seeds.connections, _HTTP + " " + _REQUEST),
    Target("other_apis", "gateway_targets.translate", seeds.other_apis, _CHAT + " " + _OTHER_APIS),
)
BY_NAME = {target.name: target for target in TARGETS}

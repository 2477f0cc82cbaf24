"""The tokenizer and the chat template of glimpse, and conversations as token sequences.

Called by the language stage and by the export.
"""

import random
from dataclasses import dataclass

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from training.conversations import Conversation, make_conversation

GRID_TOKENS = [f"<row_{row}_col_{column}>" for row in (1, 2) for column in (1, 2)]
START, END, PAD = "<|im_start|>", "<end_of_utterance>", "<pad>"
IMAGE, FAKE, GLOBAL = "<image>", "<fake_token_around_image>", "<global-img>"
SPECIAL = [PAD, START, END, IMAGE, FAKE, GLOBAL, *GRID_TOKENS]
VOCABULARY = 640
IMAGE_TOKENS = 9

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% elif part['type'] == 'text' %}{{ part['text'] }}"
    "{% elif part['type'] == 'media_marker' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<end_of_utterance>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""ChatML with SmolVLM's end token; a message's content is text or a list of parts."""


def image_prompt(*, tiled: bool) -> str:
    """The tokens for one image, as from Idefics3's processor: four tiles, if any, and the overview."""
    overview = f"{FAKE}{GLOBAL}{IMAGE * IMAGE_TOKENS}{FAKE}"
    if not tiled:
        return overview
    tiles = ""
    for row in (1, 2):
        for column in (1, 2):
            tiles += f"{FAKE}<row_{row}_col_{column}>" + IMAGE * IMAGE_TOKENS
        tiles += "\n"
    return f"{tiles}\n{overview}"


def make_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE with individual digits, trained on the conversations themselves."""
    tokenizer = Tokenizer(models.BPE())
    # llama.cpp's "smollm" pre-tokenizer: single digits, then GPT-2's byte-level rule.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(), trainer)
    if tokenizer.token_to_id("ĊĊ") is None or tokenizer.token_to_id("Ċ") is None:
        raise AssertionError("llama.cpp needs one token each for a line end and an empty line")
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=START,
        eos_token=END,
        pad_token=PAD,
        clean_up_tokenization_spaces=False,
        model_max_length=2048,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def _corpus() -> list[str]:
    texts = []
    for seed in range(4000):
        conversation = make_conversation(random.Random(f"corpus/{seed}"), f"corpus/{seed}")
        texts += [text for turn in conversation.turns for text in (turn.text, turn.answer)]
        texts += ["user\n", "assistant\n", "system\n", "\n\n", "\n"]
        texts += [conversation.system]
    return texts


@dataclass(frozen=True, slots=True)
class Sequence:
    """Token ids; `turns` holds the number of the turn for each token of an answer, else -1."""

    ids: list[int]
    turns: list[int]


class Encoder:
    """Turns conversations into sequences; caches the pieces it has encoded."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer
        self._pieces: dict[str, list[int]] = {}

    def encode(self, conversation: Conversation, *, tiled: bool) -> Sequence:
        sequence = Sequence([], [])
        if conversation.system:
            self._add(sequence, f"{START}system\n")
            self._add(sequence, conversation.system)
            self._add(sequence, f"{END}\n")
        for number, turn in enumerate(conversation.turns):
            self._add(sequence, f"{START}user\n")
            parts = [image_prompt(tiled=tiled)] * conversation.images.get(number, 0)
            parts.insert(0 if conversation.image_last else len(parts), turn.text)
            for part in parts:
                self._add(sequence, part)
            self._add(sequence, f"{END}\n{START}assistant\n")
            self._add(sequence, turn.answer, number)
            self._add(sequence, END, number)
            self._add(sequence, "\n")
        return sequence

    def _add(self, sequence: Sequence, text: str, turn: int = -1) -> None:
        piece = self._pieces.get(text)
        if piece is None:
            piece = self._pieces[text] = self._tokenizer.encode(text, add_special_tokens=False)
        sequence.ids.extend(piece)
        sequence.turns.extend([turn] * len(piece))

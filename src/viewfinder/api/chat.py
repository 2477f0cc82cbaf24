"""A conversation with one model, question by question; called by `viewfinder chat`."""

from collections.abc import Callable
from dataclasses import dataclass

from viewfinder.api.model import Model
from viewfinder.api.question import images_at, message_of
from viewfinder.api.streamed import StreamedAnswer
from viewfinder.core.errors import BadRequest
from viewfinder.core.paths import expanded
from viewfinder.scenes.messages import Message


@dataclass(frozen=True, slots=True)
class AttachedImage:
    """An image that comes with the next question: its path as it was named, and what is sent of it."""

    path: str
    url: str


class ModelChat:
    """All that was said is sent with every question, unchanged: the engine has most of it in its cache.

    A question that fails, or is stopped before the first word, is forgotten. Its images stay for the next
    one, unless the request was at fault.
    """

    def __init__(
        self, model: Model, *, system: str = "", max_tokens: int = 1024, temperature: float = 0.0
    ) -> None:
        self._model, self._system = model, system
        self._max_tokens, self._temperature = max_tokens, temperature
        self._answer: StreamedAnswer | None = None
        self._is_stopped = False
        self.messages: list[Message] = []
        self.images: list[AttachedImage] = []
        self.reset()

    def reset(self) -> None:
        """Forget everything but the system's words."""
        self.messages = [{"role": "system", "content": self._system}] if self._system else []
        self.images = []

    def attach(self, path: str) -> list[AttachedImage]:
        """Read an image or a clip, or all images in a folder, for the next question. Raises BadRequest."""
        new = [AttachedImage(str(file), url) for file, url in images_at(expanded(path))]
        self.images += new
        return new

    def ask(self, question: str, show: Callable[[str], None]) -> StreamedAnswer:
        """The answer, of which each piece is shown as it arrives. Raises what `Model.ask` raises."""
        message = message_of([image.url for image in self.images], question)
        if not self.images:
            message["content"] = question
        self._is_stopped = False
        answer = self._answer = self._model.answer_to(
            [*self.messages, message], max_tokens=self._max_tokens, temperature=self._temperature
        )
        if self._is_stopped:
            answer.stop()
        try:
            for piece in answer:
                show(piece)
        except BadRequest:
            self.images = []
            raise
        if answer.text:
            self.messages += [message, {"role": "assistant", "content": answer.text}]
            self.images = []
        return answer

    def why(self, answer: StreamedAnswer) -> str:
        """Why the model that answered was chosen; see `Model.why`."""
        return self._model.why(answer)

    def stop(self) -> None:
        """End the answer that is arriving; what has arrived stays. May be called from a signal handler."""
        self._is_stopped = True
        if self._answer is not None:
            self._answer.stop()

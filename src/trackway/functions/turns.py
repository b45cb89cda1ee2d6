"""The requests of one connection, answered in the order in which they came (RFC 9112, 9.3.2). Free of input and
output.

Those that are answered here begin as soon as they are read, and wait for each other only with their answers. One that
is passed on writes its answer itself: it begins when all before it are answered, and all behind it begin when it has
ended.
"""

from collections import deque


class Turn:
    """A request's place in the order; ``answer`` is the whole message of one that is answered here."""

    is_passed_on = False
    is_read = False
    has_begun = False
    closes = False
    """The connection ends with this answer."""
    size = 0
    """Bytes of the body that are held."""
    answer: bytes | None = None

    def begin(self) -> None:
        """Do what was asked, which each kind of request knows. Called once at most."""
        raise NotImplementedError


class Turns:
    """Who answers when. ``waiting`` are the requests that are not answered yet, oldest first."""

    def __init__(self) -> None:
        self.waiting: deque[Turn] = deque()
        self._passed_on = 0

    @property
    def last(self) -> Turn | None:
        """The newest."""
        return self.waiting[-1] if self.waiting else None

    def add(self, turn: Turn) -> None:
        """A request has come, perhaps without its body."""
        self.waiting.append(turn)
        if turn.is_passed_on:
            self._passed_on += 1
            self.begin_next()

    def read(self, turn: Turn) -> None:
        """The newest request, one that is answered here, has been read whole."""
        turn.is_read = True
        if not self._passed_on:
            self._begin(turn)

    def take(self, turn: Turn) -> None:
        """A request has come, one that is answered here, and whole."""
        self.waiting.append(turn)
        turn.is_read = True
        if not self._passed_on:
            turn.has_begun = True
            turn.begin()

    def due(self) -> list[Turn]:
        """Those whose answers can be written now; they are forgotten."""
        turns = self.waiting
        if len(turns) == 1:
            return [turns.popleft()] if turns[0].answer is not None else []
        due: list[Turn] = []
        while turns and turns[0].answer is not None:
            due.append(turns.popleft())
        return due

    def begin_next(self) -> None:
        """Let one that is passed on begin, if all before it are answered; to be called when that is written."""
        if self.waiting and self.waiting[0].is_passed_on:
            self._begin(self.waiting[0])

    def ended(self) -> None:
        """The one that was passed on has written its answer: those behind it begin, up to the next one of its kind."""
        self.waiting.popleft()
        self._passed_on -= 1
        for turn in list(self.waiting):
            if turn.is_passed_on:
                break
            if turn.is_read:
                self._begin(turn)

    def clear(self) -> list[Turn]:
        """Forget all; gives those that there were."""
        left = list(self.waiting)
        self.waiting.clear()
        self._passed_on = 0
        return left

    @staticmethod
    def _begin(turn: Turn) -> None:
        if not turn.has_begun and turn.answer is None:
            turn.has_begun = True
            turn.begin()

"""Generate: rows, or a column of them, made by a model that is asked through the gateway."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from volano.core.canon import canonical
from volano.core.lazy import lazy
from volano.data.column import check_name, check_number, check_one_of
from volano.data.errors import BadStepError
from volano.data.facts import content, said
from volano.data.made.answers import Answers, alone
from volano.data.made.asker import Answer, Asker, Place, key_of
from volano.data.made.asking import Asking, Outcome, Question, question
from volano.data.made.purse import Prices, Purse
from volano.data.made.schema import misfit, parsed, wrong_schema
from volano.data.step import STEPS, Notes, Record, settings_of

if TYPE_CHECKING:
    import jinja2
    from jinja2 import sandbox
else:
    jinja2, sandbox = lazy("jinja2"), lazy("jinja2.sandbox")

MOST_CHARS = 1_000_000
"""No prompt is longer; a template that goes wild is stopped by it."""
MISFIT = "the answer does not fit"
_OURS = ("id", "origin", "split", "made_by")
_HOW = frozenset(
    ("address", "key_env", "key_file", "concurrency", "retries", "timeout_s")
)  # how it is asked, which changes no answer


class _Bad(Exception):  # says why a row has no prompt, or an answer is none; never leaves this file
    pass


@STEPS.register("generate")
@dataclass(frozen=True, slots=True)
class Generate:
    """Asks a model about each row, and makes of the answer new rows or a column; what is made says so.

    `prompt` and `system` are templates over the row's columns (Jinja in a sandbox). `make: rows` puts
    `variants` new rows behind each (`{{ variant }}` is 1, 2, …), with the answer in the column `into` (`text`);
    `make: column` writes it into the row itself (`answer`). With a `schema` (JSON Schema's plain part) the answer
    must be JSON that fits, and an object's fields, or those of each object of a list, are a new row's columns.
    Answers that do not fit are set aside. `share` of the rows are asked about, chosen by their content.
    `originals: false` keeps the new rows alone.

    What is made has `made_by` (channel, release, digest of the prompt), and a new row's `origin` leads to the row and to
    the trace. Each answer is kept: the same question to the same channel is never paid for twice; another `seed`
    asks anew. Rows that get no answer go on without (`unmade: pass`), are dropped (`drop`), or end the Run (`fail`).

    `max_calls` answers at most, `max_spent_tokens`, and `max_cost` by `input_price` and `output_price` (of a million tokens;
    those under way may go over it by one) end the asking; so does the budget of the key in the gateway. `key_env` names the
    variable with the key, `key_file` a file. `enforce` has the channel hold to the schema too, where its model can.
    """

    name: ClassVar[str] = "generate"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = True
    keeps: ClassVar[bool] = True

    channel: str
    prompt: str
    system: str = ""
    make: str = "rows"
    into: str = ""
    variants: int = 1
    originals: bool = True
    share: float = 1.0
    schema: Any = None
    enforce: bool = False
    unmade: str = "pass"
    max_calls: int = 0
    max_spent_tokens: int = 0
    max_cost: float = 0.0
    input_price: float = 0.0
    output_price: float = 0.0
    max_tokens: int = 1024
    temperature: float | None = None
    concurrency: int = 8
    retries: int = 4
    timeout_s: float = 120.0
    address: str = "http://127.0.0.1:7070"
    key_env: str = "VOLANO_KEY"
    key_file: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        check_name(self.name, "channel", self.channel)
        check_one_of(self.name, "make", self.make, ("rows", "column"))
        check_one_of(self.name, "unmade", self.unmade, ("pass", "drop", "fail"))
        self._check_numbers()
        for setting in ("system", "prompt"):
            try:
                _environment().from_string(getattr(self, setting))
            except (jinja2.TemplateError, TypeError) as error:
                raise BadStepError(step=self.name, setting=setting, why=str(error)) from error
        if not self.prompt.strip():
            self._wrong("prompt", "it asks nothing")
        if not self.into:
            object.__setattr__(self, "into", "text" if self.make == "rows" else "answer")
        if self.into in _OURS:
            self._wrong("into", f"`{self.into}` is volano's own")
        if self.schema is not None and (why := wrong_schema(self.schema)):
            self._wrong("schema", why)
        if self.enforce and self.schema is None:
            self._wrong("enforce", "there is no `schema`")
        if self.make == "column" and (self.variants > 1 or not self.originals):
            self._wrong("make", "`variants` and `originals` are of new rows")
        _ = self.prompt_digest  # what it cannot say is told now

    @property
    def prompt_digest(self) -> str:
        """The digest of the templates and the schema."""
        told = canonical([self.system, self.prompt, self.schema])
        return f"sha256:{sha256(told).hexdigest()}"

    def survey(self, rows: Iterable[Record], folder: Path) -> None:
        """Write down what is asked about each row that is chosen, or why nothing is."""
        environment = _environment()
        templates = [
            (role, environment.from_string(text))
            for role, text in (("system", self.system), ("user", self.prompt))
            if text.strip()
        ]
        with (folder / "questions.jsonl").open("wb") as file:
            for at, row in enumerate(rows):
                if not self._chosen(row):
                    continue
                for variant in range(1, self.variants + 1):
                    seen = {"variant": variant, **row}
                    try:
                        told = [{"role": r, "content": _rendered(t, seen, r)} for r, t in templates]
                        line = [at, variant, told, ""]
                    except _Bad as why:
                        line = [at, variant, None, str(why)]
                    file.write(json.dumps(line).encode() + b"\n")

    def decide(
        self, folders: Sequence[Path], folder: Path, kept: Path | None = None
    ) -> list[dict[str, Any]]:
        """Ask all that is not known yet; return for each shard the file of its answers.

        Raises:
            NoKeyError, GatewayRefusedError, AnswersBusyError: as they say.
            BadStepError: a row got no answer, and none may be without.
        """
        kept = folder if kept is None else kept
        paths = [folder / f"{number}.jsonl" for number in range(len(folders))]
        still = [0] * len(paths)
        purse = Purse(
            self.max_calls, self.max_spent_tokens, self.max_cost,
            Prices(self.input_price, self.output_price),
        )  # fmt: skip
        about = [self.channel, self._options(), self.seed]
        name = sha256(canonical([about, self.prompt_digest])).hexdigest()
        with alone(kept, name, self.channel), closing(Answers(kept)) as answers:
            asking = Asking(answers, self._asker, purse, self._options(), self.concurrency)
            outcomes = asking.outcomes(self._questions(folders, about))
            with closing(outcomes):  # type: ignore[type-var]
                self._written(outcomes, paths, still)
        return [{"path": str(path), "open": n} for path, n in zip(paths, still, strict=True)]

    def final(self, items: Sequence[Mapping[str, Any]]) -> bool:
        """Whether the decision holds another time: not where somebody may answer later."""
        return not any(one["open"] for one in items)

    def known_by(self) -> dict[str, Any]:
        """Return the settings that rows follow from; not how the gateway is reached."""
        told = settings_of(self)
        return {name: told[name] for name in told if name not in _HOW}

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:
        """Yield the rows and what was made of them."""
        with Path(decided["path"]).open("rb") as file:
            lines = map(json.loads, file)
            ahead = next(lines, None)
            for at, row in enumerate(rows):
                told = []
                while ahead is not None and ahead["at"] == at:
                    told.append(ahead)
                    ahead = next(lines, None)
                yield from self._made(row, told, notes)

    def _made(self, row: Record, told: list[Any], notes: Notes) -> Iterator[Record]:
        made, without, detail = [], "", ""
        for one in told:
            if one["answer"] is None:
                without, detail = one["reason"], one["detail"]
                self._count(notes, without)
            else:
                answer = Answer(**one["answer"])
                try:
                    made += self._rows(row, answer, one["variant"])
                except _Bad as why:
                    without, detail = MISFIT, str(why)
                    notes.drop(self._aside(row, answer, one["variant"]), MISFIT, detail,
                               row.get("origin"))  # fmt: skip
                    self._count(notes, without)
                    if self.unmade == "fail":
                        self._wrong("unmade", f"an answer does not fit: {detail}")
        if without and not made and self.unmade == "drop":
            notes.drop(row, f"not made: {without}", detail or None)
            return
        if self.originals and (self.make == "rows" or not made):
            yield row
        for new in made:
            notes.change("made")
            yield new

    def _count(self, notes: Notes, without: str) -> None:
        if self.unmade != "drop":
            notes.change(f"not made: {without}")

    def _aside(self, row: Record, answer: Answer, variant: int) -> Record:
        origin = self._origin(row, answer, variant)
        return {"answer": answer.text, "made_by": self._maker(row, answer), "origin": origin}

    def _rows(self, row: Record, answer: Answer, variant: int) -> list[Record]:
        """Return the rows that an answer makes. Raises _Bad: it is not what was asked for."""
        value = self._value(answer)
        mark = {"made_by": self._maker(row, answer)}
        if self.make == "column":
            return [{**row, self.into: value, **mark}]
        listed = value if isinstance(value, list) else [value]
        if self.schema is None or not all(isinstance(one, dict) for one in listed):
            listed = [{self.into: value}]
        before = {name: item for name, item in row.items() if name not in ("id", "origin")}
        found = []
        for one in listed:
            if ours := set(one) & set(_OURS):
                raise _Bad(f"it says `{min(ours)}`, which is volano's own")
            found.append({**before, **one, **mark, "origin": self._origin(row, answer, variant)})
        return found

    def _value(self, answer: Answer) -> Any:
        if answer.finish == "length":
            raise _Bad(f"it was cut short after {answer.output_tokens} tokens")
        if not answer.text.strip():
            raise _Bad("it is empty")
        if self.schema is None:
            return answer.text.strip()
        try:
            value = parsed(answer.text)
        except ValueError as error:
            raise _Bad(f"it is no JSON: {error}"[:200]) from error
        if why := misfit(value, self.schema):
            raise _Bad(why)
        return value

    def _maker(self, row: Record, answer: Answer) -> dict[str, Any]:
        told: dict[str, Any] = {
            "channel": self.channel, "release": answer.release, "prompt": self.prompt_digest,
        }  # fmt: skip
        if self.make == "column":
            told["column"] = self.into
        return {**told, "from": row["made_by"]} if row.get("made_by") else told

    def _origin(self, row: Record, answer: Answer, variant: int) -> dict[str, Any]:
        told: dict[str, Any] = {"source": f"channel {self.channel}", "trace": answer.trace}
        if self.variants > 1:
            told["variant"] = variant
        return {**told, "from": row.get("origin")}

    def _questions(self, folders: Sequence[Path], about: Any) -> Iterator[Question]:
        for shard, one in enumerate(folders):
            with (one / "questions.jsonl").open("rb") as file:
                for line in file:
                    at, variant, messages, why = json.loads(line)
                    known = [*about, variant]
                    yield question((shard, at, variant), messages or (), known, why)

    def _written(
        self, outcomes: Iterator[Outcome], paths: Sequence[Path], still: list[int]
    ) -> None:
        """Write each shard's outcomes into its file."""
        ahead = next(outcomes, None)
        for shard, path in enumerate(paths):
            with path.open("wb") as file:
                while ahead is not None and ahead.place[0] == shard:
                    still[shard] += ahead.open
                    file.write(self._line(ahead))
                    ahead = next(outcomes, None)

    def _line(self, one: Outcome) -> bytes:
        if one.answer is None and self.unmade == "fail":
            self._wrong("unmade", f"a row got no answer: {one.reason} {one.detail}".rstrip())
        _, at, variant = one.place
        answer = None if one.answer is None else settings_of(one.answer)
        told = {"at": at, "variant": variant, "answer": answer,
                "reason": one.reason, "detail": one.detail}  # fmt: skip
        return json.dumps(told).encode() + b"\n"

    def _asker(self, pause: Callable[[float], None]) -> Asker:
        place = Place(self.address, self.channel, self.timeout_s, self.retries)
        key = key_of(self.key_env, self.key_file)
        return Asker(place, key, connections=self.concurrency, pause=pause)

    def _options(self) -> dict[str, Any]:
        told: dict[str, Any] = {"max_tokens": self.max_tokens}
        if self.temperature is not None:
            told["temperature"] = self.temperature
        if self.enforce:
            asked = {"name": "row", "schema": self.schema}
            told["response_format"] = {"type": "json_schema", "json_schema": asked}
        return told

    def _chosen(self, row: Record) -> bool:
        if self.share >= 1:
            return True
        told = sha256(f"{self.seed}\0{said(content(row))}".encode()).digest()
        return int.from_bytes(told[:8], "big") < self.share * 2**64

    def _check_numbers(self) -> None:
        for name, least, most in (
            ("variants", 1, 100), ("max_calls", 0, 10**9), ("max_spent_tokens", 0, 10**15),
            ("max_tokens", 1, 10**6), ("concurrency", 1, 256), ("retries", 0, 20), ("seed", -(2**53), 2**53),
        ):  # fmt: skip
            check_number(self.name, name, getattr(self, name), least=least, most=most, whole=True)
        for name, most in (
            ("share", 1), ("max_cost", 10**12), ("input_price", 10**9), ("output_price", 10**9),
        ):  # fmt: skip
            check_number(self.name, name, getattr(self, name), least=0, most=most)
        check_number(self.name, "timeout_s", self.timeout_s, least=0.1, most=3600)
        if self.temperature is not None:
            check_number(self.name, "temperature", self.temperature, least=0, most=5)
        if self.max_cost and not (self.input_price or self.output_price):
            self._wrong("max_cost", "`input_price` and `output_price` are needed for it")
        if not isinstance(self.address, str) or urlsplit(self.address).scheme not in (
            "http",
            "https",
        ):
            self._wrong("address", "it begins with http:// or https://")
        if not isinstance(self.key_file, str) or (
            self.key_file and not Path(self.key_file).is_absolute()
        ):
            self._wrong("key_file", "it is an absolute path")
        check_name(self.name, "key_env", self.key_env)

    def _wrong(self, setting: str, why: str) -> None:
        raise BadStepError(step=self.name, setting=setting, why=why)


def _rendered(template: Any, row: Record, role: str) -> str:
    try:
        parts, chars = [], 0
        for part in chain(template.generate(row)):
            parts.append(part)
            chars += len(part)
            if chars > MOST_CHARS:
                raise _Bad(f"{role}: longer than {MOST_CHARS} characters")
    except (
        jinja2.TemplateError, ArithmeticError, TypeError, ValueError, LookupError, MemoryError,
    ) as error:  # fmt: skip
        raise _Bad(f"{role}: {error}"[:200]) from error
    text = "".join(parts).encode("utf-8", "replace").decode()
    if not text.strip():
        raise _Bad(f"{role}: it is empty")
    return text


def _environment() -> "sandbox.ImmutableSandboxedEnvironment":
    return sandbox.ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False
    )

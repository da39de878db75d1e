"""The child process that tries chat templates: run as a file, with nothing of volano around it.

In: JSON `{"templates": {name: text}, "memory_bytes": n, "cpu_s": n, "chars": n}` on the standard
input. Out: JSON `{name: {"ok": true} | {"refused": reason} | {"note": reason}}`. Compiling is
done here too: constant expressions are computed then. The environment is that of
`transformers.utils.chat_template_utils`, so that what is accepted here is what it would run.
"""

import datetime as dt
import json
import resource
import sys
from typing import Any, NoReturn

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment, SecurityError


class Refusal(Exception):
    """What the template itself says by `raise_exception`."""


class Generation(Extension):
    """`{% generation %} … {% endgeneration %}`, which marks the assistant's words."""

    tags = {"generation"}  # noqa: RUF012 - as Jinja wants it

    def parse(self, parser: Any) -> Any:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


MESSAGES = [
    {"role": "user", "content": "Jó napot! Здравствуйте. 你好"},
    {"role": "assistant", "content": "Guten Tag."},
    {"role": "user", "content": "Danke."},
]
GIVEN = {
    "messages": MESSAGES, "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>",
    "unk_token": "<unk>", "add_generation_prompt": True, "tools": None, "documents": None,
}  # fmt: skip


def main() -> int:
    """Try all templates within the limits, and say what became of each."""
    given = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_AS, (given["memory_bytes"],) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (given["cpu_s"],) * 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = lambda value, **_: json.dumps(value, ensure_ascii=False)
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = lambda form: dt.date(2026, 1, 1).strftime(form)
    for name, text in given["templates"].items():
        print(json.dumps({name: tried(environment, text, given["chars"])}), flush=True)
    return 0


def refuse(message: object) -> NoReturn:
    """Be `raise_exception` of a template."""
    raise Refusal(str(message)[:200])


def tried(environment: jinja2.Environment, text: str, most: int) -> dict[str, Any]:
    """Compile and render one template."""
    try:
        template = environment.from_string(text)
        count = 0
        for part in template.generate(GIVEN):
            count += len(part)
            if count > most:
                return {"refused": f"it writes more than {most} characters for three short turns"}
    except Refusal as error:
        return {"note": f"refuses a plain conversation: {error}"}
    except SecurityError as error:
        return {"refused": f"it reaches for what the sandbox forbids: {str(error)[:160]}"}
    except jinja2.TemplateSyntaxError as error:
        return {"refused": f"it is no template: {str(error)[:160]}"}
    except (MemoryError, RecursionError, OverflowError) as error:
        return {"refused": f"it takes more than it may: {type(error).__name__}"}
    except Exception as error:  # noqa: BLE001 - whatever a template does wrong
        return {"note": f"fails on a plain conversation: {type(error).__name__}: {error}"[:200]}
    return {"ok": True}


if __name__ == "__main__":
    sys.exit(main())

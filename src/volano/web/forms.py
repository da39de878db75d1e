"""What a browser's form says: small, and never more than its reader can use."""

from urllib.parse import parse_qsl

from starlette.requests import Request

from volano.core.errors import VolanoError

MOST_FIELDS = 64


async def pairs(
    request: Request, *, most: int, refusal: type[VolanoError], fields: int = MOST_FIELDS
) -> list[tuple[str, str]]:
    """Return a form's fields in their order, empty ones too.

    Raises:
        VolanoError: `refusal`, where it has more than `most` bytes or so many fields.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise refusal
    try:
        return parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=fields
        )
    except ValueError as error:
        raise refusal from error


async def form(request: Request, *, most: int, refusal: type[VolanoError]) -> dict[str, str]:
    """Return what a form's fields say, by name; of one that is there twice, the last.

    Raises:
        VolanoError: as `pairs`.
    """
    found = await pairs(request, most=most, refusal=refusal)
    return {name: value for name, value in found if value}

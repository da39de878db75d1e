"""The desk: what an engine of ours needs beside the arithmetic.

CTranslate2 and ONNX Runtime compute and know nothing of HTTP, chats or queues.
The desk reads requests in OpenAI's words (`asked`), turns messages into tokens
(`wording`), lets them wait and be computed together (`turn`, `lanes`,
`stepping`), turns tokens back into text with stops (`spelling`), and answers,
plainly or as a stream (`door`), on a Unix socket until it is told to end (`open`).
"""

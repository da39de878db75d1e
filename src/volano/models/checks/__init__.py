"""Checks: files from outside are read by us, with bounds, before anything else reads or keeps them.

What a file says of itself (lengths, counts, shapes, offsets) is compared with
the bytes that are there, and nothing is allocated because a file asks for it.
Nothing is executed: a pickle is refused by its first bytes whatever its name
is, a configuration that names code too, and a chat template is compiled and
rendered in a child process that may take little memory and time.

In order: `tree` walks a folder, `pickles` knows what must not be, and
`safetensors`, `gguf`, `onnx`, `ct2`, `configs` and `templates` read one kind
of file each. All say no by `RefusedFileError`, with the reason and the way.
"""

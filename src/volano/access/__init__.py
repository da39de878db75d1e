"""Who may come in: API keys, the console's session, signing keys, names of this machine.

What enters: headers and key files. What leaves: a `Key`, a `Principal`, or a
clear no. Import from the modules, so that a gateway worker that needs only
`access.key` loads no database:

- `key`: the text of a key, its checksum and its fingerprint; no I/O.
- `scope`, `address`, `moment`: what a key may do, from where, until when; no I/O.
- `limit`: how much a key, a group or a channel may use; no I/O.
- `keeper.Keys`: create, list, update, rotate, revoke, verify.
- `limits.Limits`: set, list, clear.
- `secret`: files that only their owner may read.
- `session`: the console's token; who sits at this machine.
- `signing.SigningKey`: Ed25519, for releases.
- `hosts`: is this request meant for this machine, and does it come from our own pages?
"""
